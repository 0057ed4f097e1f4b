"""Reads the files that a job wrote below its ``/opt/ml``, treating them as hostile.

Follows no symbolic link in any part of a path: each folder is opened relative to its parent's descriptor, so a process
that still runs cannot redirect a read. Opens regular files only, and without blocking, since opening a FIFO would hang.
Limits size, number and depth.
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

from sagemaker_local.errors import FailureReasonError

MAX_BYTES = 8 * 1024**3
"""Total size of a folder's files. SageMaker's limit is the volume; here everything passes through memory."""
MAX_ENTRIES = 100_000
_MAX_DEPTH = 64

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
_KINDS = {stat.S_IFLNK: "a symbolic link", stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket", stat.S_IFDIR: "a folder"}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A directory entry of any type. Links are not followed."""

    path: PurePosixPath
    """Relative to the listed folder."""
    mode: int
    size: int
    modified: int
    """When its content was last modified, in nanoseconds since the epoch."""
    target: str = ""
    """A link's target."""

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
        """The type, for a message."""
        return _kind(self.mode)


class JobFiles:
    """The files that a job wrote.

    Args:
        ml: this machine's path of the container's ``/opt/ml``.
    """

    def __init__(self, ml: Path) -> None:
        self._ml = ml

    def entries(self, folder: str) -> list[Entry]:
        """Lists everything below a folder, ordered by path. A missing folder is empty.

        Args:
            folder: its path in the container, below ``/opt/ml``.

        Raises:
            FailureReasonError: the path has a part that is not a folder, or the folder exceeds the limits.
        """
        found: list[Entry] = []
        left = [PurePosixPath()]
        size = 0
        while left:
            for entry in self._list(folder, left.pop()):
                found.append(entry)
                size += entry.size if entry.is_file else 0
                if size > MAX_BYTES:
                    raise FailureReasonError(
                        f"ClientError: {folder} holds more than {MAX_BYTES >> 30} GiB, by the sizes of its files"
                    )
                if len(found) > MAX_ENTRIES or len(entry.path.parts) > _MAX_DEPTH:
                    raise FailureReasonError(
                        f"ClientError: {folder} holds more than {MAX_ENTRIES} entries or {_MAX_DEPTH} levels of folders"
                    )
                if entry.is_folder:
                    left.append(entry.path)
        return sorted(found, key=lambda entry: entry.path)

    @contextlib.contextmanager
    def open(self, file: str) -> Iterator[BinaryIO]:
        """Opens a regular file for reading.

        Args:
            file: its path in the container, below ``/opt/ml``.

        Raises:
            FileNotFoundError: it does not exist.
            FailureReasonError: it is not a regular file, or its path has a part that is not a folder.
        """
        path = PurePosixPath(file)
        with self.folder(str(path.parent)) as parent:
            try:
                descriptor = os.open(path.name, _FILE, dir_fd=parent)
            except FileNotFoundError:
                raise
            except OSError as error:
                raise _wrong_type(file, _mode_of(path.name, parent), "a regular file") from error
            with os.fdopen(descriptor, "rb") as opened:
                mode = os.fstat(descriptor).st_mode
                if not stat.S_ISREG(mode):
                    raise _wrong_type(file, mode, "a regular file")
                yield opened

    def text(self, file: str, limit: int) -> str:
        """Returns the first ``limit`` characters of a text file; empty if it is missing or not a regular file."""
        try:
            with self.open(file) as opened:
                return opened.read(4 * limit).decode("utf-8", "replace")[:limit]
        except (OSError, FailureReasonError):
            return ""

    @contextlib.contextmanager
    def folder(self, path: str) -> Iterator[int]:
        """Yields a folder's descriptor.

        Args:
            path: its path in the container, ``/opt/ml`` or below.

        Raises:
            FileNotFoundError: it does not exist.
            FailureReasonError: the path has a part that is not a folder.
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
                    raise _wrong_type(str(reached), _mode_of(name, descriptor), "a folder") from error
                os.close(descriptor)
                descriptor = following
            yield descriptor
        finally:
            os.close(descriptor)

    def _list(self, folder: str, below: PurePosixPath) -> Iterator[Entry]:
        try:
            with self.folder(str(PurePosixPath(folder) / below)) as descriptor:
                for name in os.listdir(descriptor):  # noqa: PTH208 - pathlib has no descriptors
                    with contextlib.suppress(FileNotFoundError):
                        status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                        target = os.readlink(name, dir_fd=descriptor) if stat.S_ISLNK(status.st_mode) else ""
                        yield Entry(
                            path=below / name,
                            mode=status.st_mode,
                            size=status.st_size,
                            modified=status.st_mtime_ns,
                            target=target,
                        )
        except FileNotFoundError:
            return


def escapes(path: str) -> bool:
    """Whether a relative path could leave its folder, judging by its name alone."""
    return PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts


def is_inside(path: str) -> bool:
    """Whether a relative path names something inside its folder."""
    return bool(PurePosixPath(path).parts) and not escapes(path)


def is_text(name: str) -> bool:
    """Whether a file name is valid UTF-8 and can be part of an S3 key."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def remove(folder: Path) -> None:
    """Removes a job's folder as far as possible, without raising."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except RecursionError:  # more levels than Python has frames
        subprocess.run(["rm", "-rf", "--", str(folder)], check=False, stderr=subprocess.DEVNULL)  # noqa: S607 - in POSIX


def _mode_of(name: str, folder: int) -> int:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except OSError:
        return 0


def _wrong_type(path: str, mode: int, wanted: str) -> FailureReasonError:
    found = f"{_kind(mode)}, not {wanted}" if not _is_type(mode, wanted) else "not readable"
    return FailureReasonError(f"ClientError: {path} is {found}: only folders and regular files are read")


def _is_type(mode: int, wanted: str) -> bool:
    return stat.S_ISREG(mode) if wanted == "a regular file" else stat.S_ISDIR(mode)


def _kind(mode: int) -> str:
    if stat.S_ISREG(mode):
        return "a regular file"
    return _KINDS.get(stat.S_IFMT(mode), "a device")
