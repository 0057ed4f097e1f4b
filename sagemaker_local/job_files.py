"""What a job leaves below its ``/opt/ml``, read as something hostile.

No link is followed, neither in a name nor in the folders that lead to it: each step is opened relative to the one
before it, so nothing that a process still does can lead out. Only regular files are opened, and without waiting, since
a FIFO would keep us for ever. Sizes, numbers and depths have limits.
"""

import contextlib
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from sagemaker_local.errors import Failure

MAX_BYTES = 8 * 1024**3
"""Of the files of one folder. SageMaker's limit is the volume; here everything passes through this machine's memory."""
MAX_ENTRIES = 100_000
_MAX_DEPTH = 64

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
_KINDS = {stat.S_IFLNK: "a symbolic link", stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket", stat.S_IFDIR: "a folder"}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Something below a folder, which is a regular file, a folder, or a link that is named and not followed."""

    path: PurePosixPath
    """Below the folder."""
    mode: int
    size: int
    target: str = ""
    """A link's."""

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.mode)

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return stat.S_ISDIR(self.mode)

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return stat.S_ISLNK(self.mode)

    @property
    def kind(self) -> str:
        """What it is, for a message."""
        return _kind(self.mode)


class JobFiles:
    """What a job has left.

    Args:
        ml: where ``/opt/ml`` is on this machine.
    """

    def __init__(self, ml: Path) -> None:
        self._ml = ml

    def entries(self, folder: str) -> list[Entry]:
        """All that lies below a folder, ordered by path; nothing if it is not there.

        Args:
            folder: as the container sees it, below ``/opt/ml``.

        Raises:
            Failure: it, or a folder on the way to it, is a link or no folder; or there is too much.
        """
        found: list[Entry] = []
        left = [PurePosixPath()]
        size = 0
        while left:
            for entry in self._listed(folder, left.pop()):
                found.append(entry)
                size += entry.size if entry.is_file else 0
                if size > MAX_BYTES:
                    raise Failure(
                        f"ClientError: {folder} holds more than {MAX_BYTES >> 30} GiB, by the sizes of its files"
                    )
                if len(found) > MAX_ENTRIES or len(entry.path.parts) > _MAX_DEPTH:
                    raise Failure(
                        f"ClientError: {folder} holds more than {MAX_ENTRIES} entries or {_MAX_DEPTH} levels of folders"
                    )
                if entry.is_folder:
                    left.append(entry.path)
        return sorted(found, key=lambda entry: entry.path)

    @contextlib.contextmanager
    def open(self, file: str) -> Iterator[BinaryIO]:
        """Opens a regular file for reading.

        Args:
            file: as the container sees it, below ``/opt/ml``.

        Raises:
            FileNotFoundError: it is not there.
            Failure: it is not a regular file, or lies behind a link.
        """
        path = PurePosixPath(file)
        with self.folder(str(path.parent)) as parent:
            try:
                descriptor = os.open(path.name, _FILE, dir_fd=parent)
            except FileNotFoundError:
                raise
            except OSError as error:
                raise _refused(file, _mode_of(path.name, parent), "a regular file") from error
            with os.fdopen(descriptor, "rb") as opened:
                mode = os.fstat(descriptor).st_mode
                if not stat.S_ISREG(mode):
                    raise _refused(file, mode, "a regular file")
                yield opened

    def text(self, file: str, limit: int) -> str:
        """The beginning of a text file, at most so many characters; empty if it is not there or no regular file."""
        try:
            with self.open(file) as opened:
                return opened.read(4 * limit).decode("utf-8", "replace")[:limit]
        except (OSError, Failure):
            return ""

    @contextlib.contextmanager
    def folder(self, path: str) -> Iterator[int]:
        """A descriptor of a folder.

        Args:
            path: as the container sees it: ``/opt/ml`` or below.

        Raises:
            FileNotFoundError: it is not there.
            Failure: it, or a folder on the way to it, is a link or no folder.
        """
        descriptor = os.open(self._ml, _FOLDER)
        try:
            reached = PurePosixPath("/opt/ml")
            for name in PurePosixPath(path).relative_to(reached).parts:
                reached /= name
                try:
                    following = os.open(name, _FOLDER, dir_fd=descriptor)
                except FileNotFoundError:
                    raise
                except OSError as error:
                    raise _refused(str(reached), _mode_of(name, descriptor), "a folder") from error
                os.close(descriptor)
                descriptor = following
            yield descriptor
        finally:
            os.close(descriptor)

    def _listed(self, folder: str, below: PurePosixPath) -> Iterator[Entry]:
        try:
            with self.folder(str(PurePosixPath(folder) / below)) as descriptor:
                for name in os.listdir(descriptor):  # noqa: PTH208 - pathlib has no descriptors
                    with contextlib.suppress(FileNotFoundError):
                        status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                        target = os.readlink(name, dir_fd=descriptor) if stat.S_ISLNK(status.st_mode) else ""
                        yield Entry(path=below / name, mode=status.st_mode, size=status.st_size, target=target)
        except FileNotFoundError:
            return


def leads_out(path: str) -> bool:
    """Whether a path leads out of the folder that it is to be below, by its name."""
    return PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts


def is_inside(path: str) -> bool:
    """Whether a path names something below the folder that it begins in."""
    return bool(PurePosixPath(path).parts) and not leads_out(path)


def is_text(name: str) -> bool:
    """Whether a file's name can be a part of an S3 key, which is UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def remove(folder: Path) -> None:
    """Removes a folder with all that a job has left in it, as far as it goes."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except RecursionError:  # more levels than Python has frames
        subprocess.run(["rm", "-rf", "--", str(folder)], check=False, stderr=subprocess.DEVNULL)  # noqa: S607 - in POSIX


def _mode_of(name: str, folder: int) -> int:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except OSError:
        return 0


def _refused(path: str, mode: int, wanted: str) -> Failure:
    found = f"{_kind(mode)}, not {wanted}" if not _is(mode, wanted) else "not readable"
    return Failure(f"ClientError: {path} is {found}: what a job leaves is taken only from folders and regular files")


def _is(mode: int, wanted: str) -> bool:
    return stat.S_ISREG(mode) if wanted == "a regular file" else stat.S_ISDIR(mode)


def _kind(mode: int) -> str:
    if stat.S_ISREG(mode):
        return "a regular file"
    return _KINDS.get(stat.S_IFMT(mode), "a device")
