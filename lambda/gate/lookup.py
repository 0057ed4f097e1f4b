"""Looks up a metric in a report by its path."""

from typing import Any

from gate.errors import MetricMissingError
from gate.text import listed, one_line, shown
from pipeline.numbers import is_number

Number = int | float

_NAME = 200
"""Characters of a path shown in a message."""
_DIGITS = 9
"""Digits of an index; no report has longer lists."""
_NOTHING = object()


def number_at(report: Any, name: str) -> Number:
    """Returns the number at a dotted path: ``"binary_classification_metrics.auc.value"``, ``"folds.0.auc"``.

    Args:
        report: parsed JSON.
        name: keys of mappings and indexes of lists from 0, separated by dots.

    Raises:
        MetricMissingError: the path does not exist or does not lead to a finite number; the message says how far it
            leads and what is there.
    """
    found, followed = report, "the report"
    for count, part in enumerate(name.split("."), start=1):
        below = _below(found, part)
        if below is _NOTHING:
            raise MetricMissingError(
                f"the report has no {one_line(name, _NAME)}: {one_line(followed, _NAME)} is {_described(found)}"
            )
        found, followed = below, ".".join(name.split(".")[:count])
    if not is_number(found):
        raise MetricMissingError(
            f"{one_line(name, _NAME)} must be a finite number; in the report it is {_described(found)}"
        )
    return found


def _below(value: Any, part: str) -> Any:
    if isinstance(value, dict):
        return value.get(part, _NOTHING)
    if isinstance(value, list) and part.isascii() and part.isdigit() and len(part) <= _DIGITS:
        return value[int(part)] if int(part) < len(value) else _NOTHING
    return _NOTHING


def _described(value: Any) -> str:
    if isinstance(value, dict):
        return f"a mapping with the keys {listed(value)}" if value else "an empty mapping"
    if isinstance(value, list):
        return f"a list with the indexes 0 to {len(value) - 1}" if value else "an empty list"
    return shown(value)
