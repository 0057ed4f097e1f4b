"""Messages of the commands for this machine if the file system rejects their files."""

import errno
import resource
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.deployed import free_port
from executions.defaults import PROJECT
from local.errors import LocalError, file_errors

MLOPS = Path(sys.executable).with_name("mlops")
NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount")


def can_mount() -> bool:
    """Whether the kernel allows mounts in a namespace of our own."""
    command = [*NAMESPACE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return shutil.which("unshare") is not None and not subprocess.run(command, capture_output=True, check=False).stderr


needs_mounts = pytest.mark.skipif(not can_mount(), reason="the kernel gives no mount namespace")


def failure(command: Sequence[str | Path], *, file_size: int | None = None) -> str:
    """Runs a command that fails; returns its message, which must be the only line on standard error."""
    port = ["--port", str(free_port())]

    def limit() -> None:
        if file_size:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))

    done = subprocess.run(
        [*map(str, command), *port],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit,
        timeout=120,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr.startswith("error: "), done.stderr
    assert done.stderr.count("\n") == 1
    return done.stderr


def on_tmpfs(folder: Path, options: str, *command: str | Path) -> str:
    """Runs a command that fails, with an in-memory file system mounted on the folder."""
    folder.mkdir()
    script = f'mount -t tmpfs -o {options} tmpfs "$0" && exec "$@"'
    return failure([*NAMESPACE, "sh", "-c", script, folder, *command])


@needs_mounts
@pytest.mark.parametrize("option", [("up", "--folder"), ("run", "--out")], ids=lambda option: option[0])
def test_full_disk(option: tuple[str, str], tmp_path: Path) -> None:
    """The message names the folder, and says to free space."""
    command, name = option
    folder = tmp_path / "disk"
    message = on_tmpfs(folder, "size=64k", MLOPS, "local", command, name, folder / "env")
    assert f"{folder / 'env'}: No space left on device; free some space there, or choose another folder" in message


@needs_mounts
@pytest.mark.parametrize("option", [("up", "--folder"), ("run", "--out")], ids=lambda option: option[0])
def test_read_only_folder(option: tuple[str, str], tmp_path: Path) -> None:
    """The message names the folder, and says to choose another."""
    command, name = option
    folder = tmp_path / "disk"
    message = on_tmpfs(folder, "ro", MLOPS, "local", command, name, folder / "env")
    assert f"{folder / 'env'}: Read-only file system; choose a folder that you may write to: --folder" in message


@pytest.mark.parametrize("option", [("up", "--folder"), ("run", "--out")], ids=lambda option: option[0])
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc")
def test_folder_that_cannot_be_created(option: tuple[str, str]) -> None:
    """The message names the folder, and says to choose another."""
    command, name = option
    message = failure([MLOPS, "local", command, name, "/proc/no-such-folder"])
    assert "error: /proc/no-such-folder: No such file or directory; choose a folder that you may write to" in message


def test_limit_of_file_size(tmp_path: Path) -> None:
    """The message names the folder and the command that raises the limit, and no partial copy of the data is left."""
    message = failure([MLOPS, "local", "run", "--out", tmp_path / "out"], file_size=1_000_000)
    assert f"{tmp_path / 'out'}: File too large; allow larger files: ulimit -f unlimited" in message
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_other_errors_are_raised(tmp_path: Path) -> None:
    """An error that the user cannot fix is our bug, and keeps its traceback."""
    with pytest.raises(LocalError, match="too-long: File name too long"), file_errors(tmp_path):
        raise OSError(errno.ENAMETOOLONG, "File name too long", "too-long")
    with pytest.raises(BrokenPipeError), file_errors(tmp_path):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")
    with pytest.raises(FileNotFoundError), file_errors(tmp_path):
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", "/missing")
