"""Reads the failures in an execution's history. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Failure:
    """An error of a state, whether it was caught, retried, or ended the execution."""

    state: str
    error: str
    cause: str


def failures(events: Iterable[dict[str, Any]]) -> Iterator[Failure]:
    """Yields the failures of tasks and expressions, in their order.

    Args:
        events: as GetExecutionHistory returns them, oldest first, with the execution's data.
    """
    state = ""
    for event in events:
        state = event.get("stateEnteredEventDetails", {}).get("name", state)
        kind = event["type"]
        details = event.get(f"{kind[:1].lower()}{kind[1:]}EventDetails", {})
        if "error" in details and not kind.startswith("Execution"):
            yield Failure(state=state, error=details["error"], cause=details.get("cause", ""))
