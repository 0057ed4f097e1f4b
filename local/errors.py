"""Explains errors on this machine to the user, on one line."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ELSEWHERE = "choose a folder that you may write to: --folder or --out"
_SPACE = "free some space there, or choose another folder: --folder or --out"
_REMEDIES = {
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EROFS: _ELSEWHERE,
    errno.EACCES: _ELSEWHERE,
    errno.EPERM: _ELSEWHERE,
    errno.ENOTDIR: _ELSEWHERE,
    errno.ENAMETOOLONG: _ELSEWHERE,
    errno.EFBIG: "allow larger files: ulimit -f unlimited",
    errno.EMFILE: "allow more open files: ulimit -n 1024",
    errno.ENFILE: "end some programs, or raise the system's limit on open files",
}
"""What to do about an error of the file system."""


class LocalError(Exception):
    """Something on this machine failed; the message says what, where, and what to do."""


@contextmanager
def file_errors(folder: Path) -> Iterator[None]:
    """Turns errors of the file system that the user can fix into LocalError.

    Args:
        folder: the folder that is written to; a full disk does not say which file was affected.

    Raises:
        LocalError: in place of an OSError.
    """
    try:
        yield
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0)
        if remedy is None and error.errno == errno.ENOENT and not folder.exists():
            remedy = _ELSEWHERE  # the folder could not be created, as in /proc
        if remedy is None:
            raise
        path = error.filename if isinstance(error.filename, str | os.PathLike) else folder
        raise LocalError(f"{path}: {error.strerror}; {remedy}") from error
