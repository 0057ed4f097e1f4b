"""A job of the soak, ``job.py KIND CANARY``. One kind is harmless; the others attack their environment."""

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

_OUTPUT = Path("/opt/ml/processing/output")
_MESSAGE = Path("/opt/ml/output/message")
_SPARSE = 64 * 1024 * 1024
_LONG = 600.0


def sound(_canary: Path) -> None:
    """Writes a result."""
    (_OUTPUT / "result.txt").write_text("done\n")


def links(canary: Path) -> None:
    """Puts links to the user's files among the results."""
    (_OUTPUT / "file").symlink_to(canary / "file-0")
    (_OUTPUT / "folder").symlink_to(canary)


def linked_output(canary: Path) -> None:
    """Puts a link to the user's folder in place of the results' folder."""
    _OUTPUT.rmdir()
    _OUTPUT.symlink_to(canary)


def fifos(_canary: Path) -> None:
    """Leaves FIFOs without a writer in place of results and the failure reason."""
    os.mkfifo(_OUTPUT / "fifo")
    _MESSAGE.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(_MESSAGE)
    sys.exit(1)


def sparse(_canary: Path) -> None:
    """Leaves sparse files, which take no space on disk but much in memory."""
    _MESSAGE.parent.mkdir(parents=True, exist_ok=True)
    for file in (_OUTPUT / "sparse", _MESSAGE):
        with file.open("wb") as opened:
            opened.truncate(_SPARSE)
    sys.exit(1)


def escapes(_canary: Path) -> None:
    """Prints terminal escape sequences."""
    sys.stdout.write("\x1b]0;title\x07\x1b[2J\x1b]52;c;ZXZpbA==\x07\x9b31m\n")
    (_OUTPUT / "a\x1b[31m\n.txt").write_text("red")


def forks(_canary: Path) -> None:
    """Forks 31 processes, each in a new session, and exits; they keep running."""
    first = os.getpid()
    for _ in range(5):
        os.fork()
    if os.getpid() != first:
        with contextlib.suppress(PermissionError):  # already a group leader
            os.setsid()
        time.sleep(_LONG)


def deaf(_canary: Path) -> None:
    """Runs past its timeout, and ignores SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(_LONG)


KINDS = {job.__name__: job for job in (sound, links, linked_output, fifos, sparse, escapes, forks, deaf)}

if __name__ == "__main__":
    KINDS[sys.argv[1]](Path(sys.argv[2]))
