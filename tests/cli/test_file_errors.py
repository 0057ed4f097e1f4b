"""What the commands of this machine say where the file system refuses them."""

import errno
import resource
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.deployed import free_port
from local.errors import LocalError, file_errors

PROJECT = Path(__file__).parent.parent.parent
MLOPS = Path(sys.executable).with_name("mlops")
NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount")


def can_mount() -> bool:
    """Whether the kernel lets us mount something that nobody else sees."""
    command = [*NAMESPACE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return shutil.which("unshare") is not None and not subprocess.run(command, capture_output=True, check=False).stderr


needs_mounts = pytest.mark.skipif(not can_mount(), reason="the kernel gives no mount namespace")


def refused(command: Sequence[str | Path], *, file_size: int | None = None) -> str:
    """Runs a command that fails; gives its message, the only thing that it prints to standard error."""
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
    """Runs a command where the folder is a file system in memory, mounted with these options."""
    folder.mkdir()
    script = f'mount -t tmpfs -o {options} tmpfs "$0" && exec "$@"'
    return refused([*NAMESPACE, "sh", "-c", script, folder, *command])


@needs_mounts
@pytest.mark.parametrize("option", [("up", "--folder"), ("run", "--out")], ids=lambda option: option[0])
def test_full_disk(option: tuple[str, str], tmp_path: Path) -> None:
    """The message names the folder, and says to make room."""
    command, place = option
    folder = tmp_path / "disk"
    message = on_tmpfs(folder, "size=64k", MLOPS, "local", command, place, folder / "env")
    assert f"{folder / 'env'}: No space left on device; free some space there, or choose another folder" in message


@needs_mounts
@pytest.mark.parametrize("option", [("up", "--folder"), ("run", "--out")], ids=lambda option: option[0])
def test_read_only_folder(option: tuple[str, str], tmp_path: Path) -> None:
    """The message names the folder, and says to choose another."""
    command, place = option
    folder = tmp_path / "disk"
    message = on_tmpfs(folder, "ro", MLOPS, "local", command, place, folder / "env")
    assert f"{folder / 'env'}: Read-only file system; choose a folder that you may write to: --folder" in message


def test_limit_of_file_size(tmp_path: Path) -> None:
    """The message names the folder and the limit's command, and no partial copy of the data is left."""
    message = refused([MLOPS, "local", "run", "--out", tmp_path / "out"], file_size=1_000_000)
    assert f"{tmp_path / 'out'}: File too large; allow larger files: ulimit -f unlimited" in message
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_other_errors_are_not_the_users(tmp_path: Path) -> None:
    """What the user can do nothing about is a fault of ours, and shows where."""
    with pytest.raises(LocalError, match="too-long: File name too long"), file_errors(tmp_path):
        raise OSError(errno.ENAMETOOLONG, "File name too long", "too-long")
    with pytest.raises(BrokenPipeError), file_errors(tmp_path):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")
