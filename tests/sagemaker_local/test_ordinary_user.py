"""A real /opt/ml for an ordinary user, with any content of /opt."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sagemaker_local import container as container_module

NOBODY = 65534


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can read, with a copy of the container's modules."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    source = Path(container_module.__file__).parent
    (folder / "sagemaker_local").mkdir(mode=0o755)
    for file in source.glob("*.py"):
        shutil.copy(file, folder / "sagemaker_local")
    yield folder
    shutil.rmtree(folder)


DRIVER = """
import sys, tempfile
from pathlib import Path
from sagemaker_local.container import Container
from sagemaker_local.mounts import best_view

with tempfile.TemporaryDirectory(dir=sys.argv[1]) as folder:
    folder = Path(folder)
    container = Container(folder=folder / "job", log_file=folder / "log", log=print)
    (container.ml / "greeting.txt").write_text("hello")
    script = "import os, sys; print(open('/opt/ml/greeting.txt').read(), sys.prefix, os.getuid())"
    container.start(["python3", "-c", script + "; open('/opt/ml/x', 'w')"], {})
    print(best_view(), container.wait().code, (container.ml / "x").exists())
"""


def as_ordinary_user(prepare: str) -> list[str]:
    """Returns the prefix of a command to run it as an ordinary user, with its own /opt, after a shell command."""
    if os.geteuid() != 0:
        pytest.skip("already an ordinary user, as in all other tests")
    if not (shutil.which("setpriv") and shutil.which("unshare")):
        pytest.skip("setpriv and unshare, of util-linux, are missing")
    version = ["/usr/bin/python3", "-c", "import sys, venv; sys.exit(sys.version_info < (3, 11))"]
    if not Path(version[0]).exists() or subprocess.run(version, check=False).returncode:
        pytest.skip("an ordinary user cannot reach a Python 3.11 here")
    drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    shell = f'mount -t tmpfs -o mode=755 tmpfs /opt && {prepare} && exec "$@"'
    return ["unshare", "--mount", "/bin/sh", "-c", shell, "sh", *drop]


@pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")
@pytest.mark.parametrize("also", ["true", "mkdir /opt/ml", "ln -s venv /opt/link && touch /opt/file"])
@pytest.mark.parametrize("jobs", ["/tmp", "/opt/jobs"])  # noqa: S108 - it is made unique
def test_ordinary_user(open_folder: Path, also: str, jobs: str) -> None:
    """With a virtual environment and the jobs' folder below /opt, a job still has a real /opt/ml."""
    (open_folder / "driver.py").write_text(DRIVER)
    prepare = f"/usr/bin/python3 -m venv --without-pip /opt/venv && mkdir -m 777 /opt/jobs && {also}"
    command = [*as_ordinary_user(prepare), "/opt/venv/bin/python", "driver.py", jobs]
    variables = os.environ | {"PYTHONPATH": str(open_folder)}
    done = subprocess.run(command, cwd=open_folder, env=variables, capture_output=True, text=True, check=False)
    if "prefix" in done.stdout:
        pytest.skip("this kernel does not allow namespaces for ordinary users")
    assert done.stderr == ""
    assert done.stdout.splitlines() == [f"hello /job/python {NOBODY}", "isolated 0 True"]
