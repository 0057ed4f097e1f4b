"""Looks at processes that a test has no handle of."""

import os
import time
from pathlib import Path


def gone(pid: int) -> bool:
    """Whether a process is gone, or is within some seconds."""
    for _ in range(500):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        # A process that has ended but whose new parent has not noticed is gone for every purpose.
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.01)
    return False


def written_pid(file: Path) -> int:
    """The number that a script writes, once it has."""
    for _ in range(500):
        if file.exists() and file.read_text().endswith("\n"):
            return int(file.read_text())
        time.sleep(0.01)
    raise AssertionError(f"{file} was not written")
