"""Reads several executions at the same time."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Protocol, TypeVar

_AT_ONCE = 8


class Started(Protocol):
    """What was read of an execution."""

    @property
    def started(self) -> datetime:
        """When the execution started."""


Read = TypeVar("Read", bound=Started)


def newest_first(read: Callable[[Any], Read], executions: Iterable[Any]) -> list[Read]:
    """Returns what is read of each execution, the newest execution first."""
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        return sorted(pool.map(read, executions), key=lambda each: each.started, reverse=True)
