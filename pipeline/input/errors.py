"""Issues of an input file, and the exceptions that carry them."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

Path = tuple[str | int, ...]
"""The keys and indexes from the top of the file to a value."""

_SHOWN = 120
"""Characters of a value shown in a message."""


@dataclass(frozen=True, kw_only=True)
class InputIssue:
    """One error in the file, worded for its author."""

    path: Path = ()
    message: str
    """The error, with the value and what is allowed; reads on from the path."""
    value: Any = field(default=None, compare=False)
    allowed: Any = None
    """What is allowed: a phrase, or the list of keys or values; None if the message is enough."""
    nearest: str | None = None
    """The known key or value that the author probably meant."""
    at_key: bool = False
    """Whether the key is wrong, rather than its value."""
    line: int | None = None
    column: int | None = None
    """Its position in the file, from 1; None if it is not in the file."""

    def __str__(self) -> str:
        """Returns one line with line and column, the key's path and the message."""
        place = f"line {self.line}, column {self.column}: " if self.line else ""
        return f"{place}{path_text(self.path)}: {self.message}" if self.path else f"{place}{self.message}"

    def located(self, file: object) -> str:
        """Returns ``file:line:column: path: message``, which editors and terminals turn into a link."""
        position = f":{self.line}:{self.column}" if self.line else ""
        path = f"{path_text(self.path)}: " if self.path else ""
        return f"{file}{position}: {path}{self.message}"


class InputError(Exception):
    """The user's input cannot start an execution, and a retry would not help. The base of all such errors."""


class InvalidFileError(InputError):
    """The file or the overrides are invalid.

    Args:
        problems: every issue found, at least one.
    """

    def __init__(self, problems: Iterable[InputIssue]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(map(str, self.problems)))


def is_above(least: Any, most: Any) -> bool:
    """Whether a lower limit exceeds its upper limit; False unless both are numbers, as the schema requires."""
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (least, most))
    return numbers and bool(least > most)


def path_text(path: Path) -> str:
    """Returns the path as people write it: ``training.input.InputDataConfig[0].ChannelName``."""
    parts = []
    for part in path:
        if isinstance(part, int):
            parts.append(f"[{part}]")
        elif part.replace("_", "").replace("-", "").isalnum():
            parts.append(f".{part}")
        else:
            parts.append(f"[{shown(part)}]")
    return "".join(parts).removeprefix(".")


def shown(value: Any) -> str:
    """Returns the value as JSON, truncated if long."""
    text = json.dumps(value, default=repr)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}... ({len(text):,} characters)"


def nearest(given: str, known: Sequence[str]) -> str | None:
    """Returns the known word that is closest to the given one, or None if none is close."""
    # Imported here to keep the Lambda's cold start short: most files are valid.
    from difflib import get_close_matches  # noqa: PLC0415

    lowered = {word.lower(): word for word in reversed(known)}
    found = get_close_matches(given[:40].lower(), lowered, n=1)
    return lowered[found[0]] if found else None


def listed(words: Iterable[str], *, most: int = 12) -> str:
    """Returns the words separated by commas; only the first ones if there are many."""
    words = list(words)
    rest = len(words) - most
    return ", ".join(words) if rest <= 1 else f"{', '.join(words[:most])} and {rest} more"
