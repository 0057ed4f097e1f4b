"""What can go wrong on this machine, as one line for the user."""

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
    errno.ENFILE: "end some programs, or have the system allow more open files",
}
"""What the user can do about an error of the file system."""


class LocalError(Exception):
    """The local run cannot go on; the message says what, where, and what to do."""


@contextmanager
def file_errors(folder: Path) -> Iterator[None]:
    """Puts what the file system refuses into words.

    Args:
        folder: where we write; a full disk does not say which file it has refused.

    Raises:
        LocalError: in place of an OSError that the user can do something about.
    """
    try:
        yield
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0)
        if remedy is None:
            raise
        place = error.filename if isinstance(error.filename, str | os.PathLike) else folder
        raise LocalError(f"{place}: {error.strerror}; {remedy}") from error
