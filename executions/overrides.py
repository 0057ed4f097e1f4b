"""Reads the values of an execution's input by their dotted paths, and which of them its event has overridden."""

from collections.abc import Iterator
from typing import Any

from pipeline.input import OVERRIDES


def overridden(content: dict[str, Any]) -> dict[str, str]:
    """Returns the values that the event has overridden, by their dotted paths.

    Args:
        content: the execution's input or data.
    """
    return dict(leaves(content.get(OVERRIDES) or {}))


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yields the path and the text of each value in nested mappings and lists; nulls are left out.

    Args:
        value: of a JSON document.
        path: of the value itself.
    """
    prefix = f"{path}." if path else ""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{prefix}{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, f"{prefix}{index}")
    elif value is not None:
        yield path, str(value).lower() if isinstance(value, bool) else str(value)
