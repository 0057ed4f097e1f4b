"""Waits for what happens in other processes and threads."""

import time
from typing import Any


def wait_until(happened: Any, *, timeout: float = 60) -> Any:
    """Waits until the function returns a true value; returns the value."""
    deadline = time.monotonic() + timeout
    while not (value := happened()):
        assert time.monotonic() < deadline, "timed out"
        time.sleep(0.05)
    return value
