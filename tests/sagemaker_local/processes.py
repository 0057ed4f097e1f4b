"""Helpers for processes that a test did not start itself."""

import time
from pathlib import Path


def gone(pid: int) -> bool:
    """Whether a process exits within a few seconds."""
    for _ in range(500):
        try:
            status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):  # it may exit between opening and reading
            return True
        # A zombie, whose new parent has not reaped it yet, counts as gone.
        if status == "Z":
            return True
        time.sleep(0.01)
    return False


def written_pid(file: Path) -> int:
    """Waits until a script has written a PID to a file. Returns the PID."""
    for _ in range(500):
        if file.exists() and file.read_text().endswith("\n"):
            return int(file.read_text())
        time.sleep(0.01)
    raise AssertionError(f"{file} was not written")
