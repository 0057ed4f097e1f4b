"""Child processes that die with this process."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sagemaker_local import supervised as supervised_module
from sagemaker_local.supervised import Supervised
from tests.sagemaker_local.processes import gone, written_pid

PROJECT = Path(supervised_module.__file__).parents[1]
_FORKS = "import os, subprocess, sys, time; p = subprocess.Popen(['sleep', '60'], start_new_session=True); "
only_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux has a subreaper for processes that leave their group"
)


def start(script: str, folder: Path) -> Supervised:
    """Starts a Python script."""
    with (folder / "log").open("wb") as log:
        return Supervised(
            [sys.executable, "-c", script], cwd=folder, environment={"PATH": os.defpath, "GIVEN": "yes"}, output=log
        )


def test_exit_code_output_and_environment(tmp_path: Path) -> None:
    """A program gets only the given variables, writes to the given file, and its exit code is returned."""
    running = start("import os, sys; print(os.environ['GIVEN'], 'HOME' in os.environ); sys.exit(3)", tmp_path)
    assert running.wait() == 3
    assert running.poll() == 3
    assert (tmp_path / "log").read_text() == "yes False\n"


def test_end(tmp_path: Path) -> None:
    """A program is dead when ``end`` returns, and a second call is harmless."""
    running = start("import os, time; open('pid', 'w').write(f'{os.getpid()}\\n'); time.sleep(60)", tmp_path)
    pid = written_pid(tmp_path / "pid")
    assert running.poll() is None
    running.end()
    running.end()
    assert gone(pid)
    assert running.poll() == 128 + signal.SIGKILL


@only_linux
def test_we_are_killed(tmp_path: Path) -> None:
    """When this process is killed, the program dies, and so does a process that it started in another session."""
    script = _FORKS + "open('pid', 'w').write(f'{p.pid}\\n'); time.sleep(60)"
    driver = (
        "import sys, time; from pathlib import Path; from sagemaker_local.supervised import Supervised\n"
        f"Supervised([sys.executable, '-c', {script!r}], cwd=Path({str(tmp_path)!r}), environment={{'PATH': "
        f"{os.defpath!r}}}, output=sys.stdout)\n"
        "time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", driver], cwd=PROJECT)
    try:
        pid = written_pid(tmp_path / "pid")
    finally:
        process.kill()
        process.wait()
    assert gone(pid)
