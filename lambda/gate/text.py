"""Formats arbitrary values as text of limited length."""

import json
from collections.abc import Collection, Sequence
from itertools import islice
from typing import Any

_SHOWN = 120
"""Characters of a value shown in a message."""
_LISTED = 12
"""Words of a list shown in a message."""
_SPARE = 8
"""How many times the limit is read, to make up for spaces and control characters that are dropped."""
_CELL = 100
"""Characters of a table cell."""


def cut(text: str, limit: int) -> str:
    """Truncates the text to the limit, with dots at its end."""
    return text if len(text) <= limit else f"{text[: limit - 4]} ..."


def one_line(text: str, limit: int) -> str:
    """Returns the text without line breaks and control characters, truncated to the limit.

    Whatever is not printable becomes a space, including lone surrogates, which JSON allows and UTF-8 does not.
    """
    # A key may be as long as the whole report.
    beginning = text[: _SPARE * limit]
    return cut(" ".join("".join(char if char.isprintable() else " " for char in beginning).split()), limit)


def shown(value: Any) -> str:
    """Returns the value as JSON, truncated if long."""
    return cut(json.dumps(value, default=repr), _SHOWN)


def listed(words: Collection[str]) -> str:
    """Returns the words separated by commas; only the first ones if there are many."""
    rest = len(words) - _LISTED
    first = [one_line(word, _SHOWN) or shown(word) for word in islice(words, _LISTED if rest > 1 else None)]
    return f"{', '.join(first)} and {rest} more" if rest > 1 else ", ".join(first)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Formats rows of cells as lines with aligned columns."""
    lines = [[one_line(cell, _CELL) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )
