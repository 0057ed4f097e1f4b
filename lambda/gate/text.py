"""Text of a limited length, from values of any kind."""

import json
from collections.abc import Collection, Sequence
from itertools import islice
from typing import Any

_SHOWN = 120
"""Characters of a value that a message shows."""
_LISTED = 12
"""Words of a list that a message shows."""
_SPARE = 8
"""So many times the limit is looked at, for what spaces and control characters take up."""
_CELL = 100
"""Characters of a table's cell."""


def cut(text: str, limit: int) -> str:
    """The text, or its beginning and dots, in at most so many characters."""
    return text if len(text) <= limit else f"{text[: limit - 4]} ..."


def one_line(text: str, limit: int) -> str:
    """The text without line breaks and control characters, in at most so many characters.

    What is not printable becomes a space: halves of characters, which JSON allows and UTF-8 does not, are among it.
    """
    # A key in a report may be as long as the report.
    beginning = text[: _SPARE * limit]
    return cut(" ".join("".join(char if char.isprintable() else " " for char in beginning).split()), limit)


def shown(value: Any) -> str:
    """The value as it stands in JSON, cut where it is long."""
    return cut(json.dumps(value, default=repr), _SHOWN)


def listed(words: Collection[str]) -> str:
    """The words with commas; the first of them where they are many."""
    rest = len(words) - _LISTED
    first = [one_line(word, _SHOWN) or shown(word) for word in islice(words, _LISTED if rest > 1 else None)]
    return f"{', '.join(first)} and {rest} more" if rest > 1 else ", ".join(first)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as lines of aligned columns."""
    lines = [[one_line(cell, _CELL) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )
