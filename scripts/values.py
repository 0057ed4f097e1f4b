"""The values of a table: cleaned, and read as numbers, dates and categories. Standard library only."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

# What people write for "unknown" in a column of numbers or dates. In other columns these may be categories, such as
# "None" for a house without a garage; only the empty value and "?" are unknown there.
UNKNOWN = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none", "-", "."})

# The forms of strptime in which people write days. Where both fit all values, the month comes before the day.
DAYS = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%m-%d-%Y",
    "%d-%m-%Y",
    "%d-%b-%Y",
    "%d %b %Y",
    "%d %B %Y",
    "%b %d %Y",
    "%B %d %Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%Y-%m",
)
_DECIMAL_COMMA = re.compile(r"\s*[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+),\d+\s*$", re.ASCII)
_YEAR = re.compile(r"(?<!\d)\d{4}(?!\d)", re.ASCII)
_TIME = re.compile(
    r"(?P<before>[T ])\d{1,2}:\d\d(?P<seconds>:\d\d)?(?P<part>\.\d+)?(?P<half>\s*[ap]m)?(?P<zone>Z|[+-]\d\d:?\d\d)?$",
    re.ASCII | re.IGNORECASE,
)


def clean(value: str) -> str:
    """Strips surrounding whitespace and turns ``?``, which stands for "unknown", into the empty string.

    Line breaks inside a value become spaces, because batch transform treats each line as a record.
    """
    value = " ".join(value.split())
    return "" if value == "?" else value


def with_point(value: str) -> str:
    """Returns a number with a decimal comma, such as ``1.234,5``, with a point, ``1234.5``; other values unchanged."""
    return value.replace(".", "").replace(",", ".") if _DECIMAL_COMMA.match(value) else value


def number(value: str) -> float | None:
    """Returns a cleaned value as a number; None if it is none, such as ``nan``, ``inf`` or ``1_000``."""
    try:
        found = float(value)
    except ValueError:
        return None
    return found if math.isfinite(found) and "_" not in value else None


def date(value: str, form: str) -> datetime | None:
    """Returns a cleaned value as a time, without a zone in UTC; None if it has another form than this of strptime."""
    try:
        found = datetime.strptime(value, form)  # noqa: DTZ007 - the zone follows
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)


def has_year(value: str) -> bool:
    """Whether a value has a year of four digits, as every date has: this takes less time than trying to read it."""
    return _YEAR.search(value) is not None


def time_form(value: str) -> str:
    """Returns the form of strptime of a date's time of day, with what separates it from the day; empty without one."""
    found = _TIME.search(value)
    if found is None:
        return ""
    half = found["half"] or ""
    parts = (("seconds", ":%S"), ("part", ".%f"), ("half", " %p" if half[:1].isspace() else "%p"), ("zone", "%z"))
    hours = "%I:%M" if half else "%H:%M"
    return found["before"] + hours + "".join(form for name, form in parts if found[name])


def category(value: str) -> str:
    """Normalises a cleaned category: numeric codes such as ``04`` and ``4.0`` both become ``4``."""
    found = number(value)
    if found is None:
        return value
    return str(int(found)) if found.is_integer() and abs(found) < 2**53 else repr(found)


def quoted(value: str) -> str:
    """Quotes a cleaned value for CSV, if it needs it."""
    return '"' + value.replace('"', '""') + '"' if "," in value or '"' in value else value


class Once(dict):  # type: ignore[type-arg] # Python 3.8
    """Calls a function once for each distinct value, as long as there are not too many of them.

    ``map(once.__getitem__, values)`` costs as little as a look-up, and the same few values fill millions of cells.
    """

    def __init__(self, function: Callable[[str], Any], most: int) -> None:
        super().__init__()
        self.function = function
        self.most = most

    @property
    def is_full(self) -> bool:
        """Whether there may be values that are not among the keys."""
        return len(self) >= self.most

    def __missing__(self, value: str) -> Any:
        result = self.function(value)
        if len(self) < self.most:
            self[value] = result
        return result
