"""How a job's processes end: nothing of them stays."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from local import container as container_module
from local.container import Container, StoppedError
from tests.local.processes import gone, written_pid

MakeContainer = Callable[..., Container]

only_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux has a reaper for what leaves its process group"
)


def run(container: Container, script: str, **options: float) -> container_module.Outcome:
    """Runs a Python script in a container."""
    container.start(["python3", "-c", script], {})
    return container.wait(**options)


def test_timeout(make_container: MakeContainer) -> None:
    """When its time is up a job is told so with SIGTERM, and may use its grace to end well."""
    script = """
import signal, sys, time
def end(*_):
    print("saved")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
time.sleep(60)
"""
    container = make_container()
    outcome = run(container, script, timeout=0.5)
    assert (outcome.timed_out, outcome.code, container.last_lines) == (True, 0, ["saved"])


def test_timeout_is_final(make_container: MakeContainer) -> None:
    """A job that ignores SIGTERM is killed when its grace is over."""
    script = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    outcome = run(make_container(), script, timeout=0.3, grace=0.2)
    assert (outcome.timed_out, outcome.code) == (True, 128 + signal.SIGKILL)


def test_stop(make_container: MakeContainer, tmp_path: Path) -> None:
    """A stopped job ends at once, its workers too."""
    script = f"""
import multiprocessing, os, time
worker = multiprocessing.Process(target=time.sleep, args=(60,))
worker.start()
open({str(tmp_path / "pid")!r}, "w").write(f"{{worker.pid}}\\n")
worker.join()
"""
    container = make_container()
    container.start(["python3", "-c", script], {})
    worker = written_pid(tmp_path / "pid")
    container.stop()
    outcome = container.wait()
    assert outcome.stopped
    assert outcome.seconds < 5
    assert gone(worker)


def test_stopped_before_start(make_container: MakeContainer) -> None:
    """A job that was stopped while its inputs were laid out does not start."""
    container = make_container()
    container.stop()
    with pytest.raises(StoppedError):
        container.start(["/bin/true"], {})


@only_linux
def test_daemon(make_container: MakeContainer, tmp_path: Path) -> None:
    """A daemon that a script leaves behind, in a session of its own, ends with the job and keeps nothing open."""
    script = f"""
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open({str(tmp_path / "pid")!r}, "w").write(f"{{os.getpid()}}\\n")
        time.sleep(60)
    os._exit(0)
while not os.path.exists({str(tmp_path / "pid")!r}): time.sleep(0.01)
print("done")
"""
    container = make_container()
    outcome = run(container, script)
    assert (outcome.code, container.last_lines) == (0, ["done"])
    assert gone(written_pid(tmp_path / "pid"))


@only_linux
def test_we_are_killed(tmp_path: Path) -> None:
    """When this process is killed, which it cannot prevent or notice, its jobs end."""
    driver = f"""
import sys
from pathlib import Path
from local.container import Container
folder = Path({str(tmp_path)!r})
container = Container(folder=folder / "job", log_file=folder / "log", log=print)
pid = {str(tmp_path / "pid")!r}
script = f"import os, time; os.setsid(); open({{pid!r}}, 'w').write(str(os.getpid()) + chr(10)); time.sleep(60)"
container.start(["/bin/sh", "-c", 'python3 -c "$0" & wait', script], {{}})
container.wait()
"""
    project = Path(container_module.__file__).parents[1]
    process = subprocess.Popen([sys.executable, "-c", driver], cwd=project)
    try:
        job = written_pid(tmp_path / "pid")
    finally:
        process.kill()
        process.wait()
    assert gone(job)
