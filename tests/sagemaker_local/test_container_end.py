"""The end of a job's processes: none survives."""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sagemaker_local import container as container_module
from sagemaker_local.container import Container, StoppedError

MakeContainer = Callable[..., Container]

only_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux has a subreaper for processes that leave their group"
)


def run(container: Container, script: str, **options: float) -> container_module.Exit:
    """Runs a Python script in a container."""
    container.start(["python3", "-c", script], {})
    return container.wait(**options)


def test_timeout(make_container: MakeContainer) -> None:
    """A job that times out gets SIGTERM and can exit cleanly within the grace period."""
    script = """
import signal, sys, time
def end(*_):
    print("saved")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
time.sleep(60)
"""
    container = make_container()
    container.start(["python3", "-c", script], {})
    assert soon(lambda: container.last_lines == ["ready"])
    outcome = container.wait(timeout=0.1)
    assert (outcome.timed_out, outcome.code, container.last_lines) == (True, 0, ["ready", "saved"])


def test_grace_period_is_final(make_container: MakeContainer) -> None:
    """A job that ignores SIGTERM is killed after the grace period."""
    script = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf'); time.sleep(60)"
    container = make_container()
    container.start(["python3", "-c", script], {})
    assert soon(lambda: container.last_lines == ["deaf"])
    outcome = container.wait(timeout=0.1, grace=0.2)
    assert (outcome.timed_out, outcome.code) == (True, 128 + signal.SIGKILL)


def processes(mark: Path) -> int:
    """Counts the processes with this MARK variable; a job's PIDs are in its own namespace."""
    found = 0
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            found += f"MARK={mark}\0".encode() in environment.read_bytes()
    return found


def soon(condition: Callable[[], bool]) -> bool:
    """Whether a condition becomes true within some seconds."""
    until = time.monotonic() + 20
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


@only_linux
def test_stop(make_container: MakeContainer) -> None:
    """A stopped job exits promptly, with its worker processes."""
    script = """
import multiprocessing, time
worker = multiprocessing.Process(target=time.sleep, args=(60,))
worker.start()
open("/opt/ml/ready", "w")
worker.join()
"""
    container = make_container()
    container.start(["python3", "-c", script], {"MARK": str(container.ml)})
    assert soon((container.ml / "ready").exists)
    assert processes(container.ml) >= 2
    container.stop()
    outcome = container.wait()
    assert outcome.stopped
    assert outcome.seconds < 20
    assert processes(container.ml) == 0


def test_stopped_before_start(make_container: MakeContainer) -> None:
    """A job that was stopped during the download of its inputs does not start."""
    container = make_container()
    container.stop()
    with pytest.raises(StoppedError):
        container.start(["/bin/true"], {})


@only_linux
@pytest.mark.parametrize("namespaces", [None, False])
def test_daemon(make_container: MakeContainer, *, namespaces: bool | None) -> None:
    """A daemon in a separate session dies with the job and does not delay its end."""
    script = """
import os, sys, time
ready = sys.argv[1]
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open(ready, "w")
        time.sleep(60)
    os._exit(0)
while not os.path.exists(ready): time.sleep(0.01)
print("done")
"""
    container = make_container(namespaces=namespaces)
    container.start(["python3", "-c", script, "/opt/ml/ready"], {"MARK": str(container.ml)})
    outcome = container.wait(timeout=60, grace=0)
    assert (outcome.code, container.last_lines) == (0, ["done"])
    assert processes(container.ml) == 0


@only_linux
@pytest.mark.parametrize("namespaces", [None, False])
def test_we_are_killed(tmp_path: Path, *, namespaces: bool | None) -> None:
    """When this process is killed, its jobs die."""
    driver = f"""
import sys
from pathlib import Path
from sagemaker_local.container import Container
folder = Path({str(tmp_path)!r})
container = Container(folder=folder / "job", log_file=folder / "log", log=print, namespaces={namespaces})
script = "import os, sys, time; os.setsid(); open(sys.argv[1], 'w'); time.sleep(60)"
command = ["/bin/sh", "-c", 'python3 -c "$0" $1 & wait', script, "/opt/ml/ready"]
container.start(command, {{"MARK": str(folder)}})
container.wait()
"""
    project = Path(container_module.__file__).parents[1]
    process = subprocess.Popen([sys.executable, "-c", driver], cwd=project)
    try:
        assert soon((tmp_path / "job" / "ml" / "ready").exists)
        assert processes(tmp_path) > 0
    finally:
        process.kill()
        process.wait()
    assert soon(lambda: processes(tmp_path) == 0)
