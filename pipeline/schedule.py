"""Validates EventBridge cron expressions before deployment.

The rules: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cron-expressions.html
"""

import re
from dataclasses import dataclass

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


@dataclass(frozen=True)
class _Field:
    name: str
    first: int
    last: int
    names: tuple[str, ...] = ()
    extra: str = r"(?!)"
    """A pattern for values that only this field allows, in addition to numbers, ranges and steps."""


_FIELDS = (
    _Field("minutes", 0, 59),
    _Field("hours", 0, 23),
    _Field("day-of-month", 1, 31, extra=r"\?|L(?:-\d+)?|LW|(?:[1-9]|[12]\d|3[01])W"),
    _Field("month", 1, 12, names=_MONTHS),
    _Field("day-of-week", 1, 7, names=_DAYS, extra=rf"\?|L|(?:[1-7]|{'|'.join(_DAYS)})(?:L|#[1-5])"),
    _Field("year", 1970, 2199),
)


def cron_problem(expression: str) -> str | None:
    """Returns what is wrong with a cron expression, or None if it is valid.

    Args:
        expression: the six fields without ``cron()``, such as ``0 6 * * ? *``.
    """
    if re.match(r"\s*(cron|rate)\s*\(", expression):
        return "omit cron() or rate()"
    fields = expression.split()
    if len(fields) != len(_FIELDS):
        return f"it has {len(fields)} fields"
    for field, text in zip(_FIELDS, fields, strict=True):
        problem = _field_problem(field, text)
        if problem:
            return problem
    if (fields[2] == "?") == (fields[4] == "?"):
        return "exactly one of day-of-month and day-of-week must be ?"
    return None


def _field_problem(field: _Field, text: str) -> str | None:
    parts = text.upper().split(",")
    for part in parts:
        if re.fullmatch(field.extra, part):
            if len(parts) > 1:
                return f"{part} in {field.name} cannot be combined with other values"
            continue
        if not _is_range(field, part):
            allowed = f"{field.first}-{field.last}" + (f" or {field.names[0]}-{field.names[-1]}" if field.names else "")
            return f"invalid {field.name} {part!r} (allowed: {allowed}, with , - * /)"
    return None


def _is_range(field: _Field, part: str) -> bool:
    """Whether the part is ``*``, a value or a range of values, with or without a step."""
    span, slash, step = part.partition("/")
    if slash and not (step.isdecimal() and 1 <= int(step) <= field.last):
        return False
    if span == "*":
        return True
    low, dash, high = span.partition("-")
    values = [_value(field, low)] + ([_value(field, high)] if dash else [])
    return all(value is not None for value in values)


def _value(field: _Field, text: str) -> int | None:
    if text in field.names:
        return field.names.index(text) + field.first
    value = int(text) if re.fullmatch(r"\d{1,4}", text, re.ASCII) else -1
    return value if field.first <= value <= field.last else None
