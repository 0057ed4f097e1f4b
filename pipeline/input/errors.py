"""What is wrong with an input file: one problem, and the errors that carry problems."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

Path = tuple[str | int, ...]
"""The keys and the indexes that lead from the top of the file to a value."""

_SHOWN = 120
"""Characters of a value that a message shows."""


@dataclass(frozen=True, kw_only=True)
class InputIssue:
    """One thing that is wrong, in words for the person who wrote the file."""

    path: Path = ()
    message: str
    """What is wrong, with the value and what is allowed; to be read after the path."""
    value: Any = field(default=None, compare=False)
    allowed: Any = None
    """What is allowed there: a phrase, or the list of the keys or values; None where the message says it all."""
    nearest: str | None = None
    """The known key or value that was probably meant."""
    at_key: bool = False
    """Whether the key is wrong, rather than its value."""
    line: int | None = None
    column: int | None = None
    """Where it stands in the file, from 1; None where it does not stand there."""

    def __str__(self) -> str:
        """The problem on one line: line and column, the key's path, the message."""
        place = f"line {self.line}, column {self.column}: " if self.line else ""
        return f"{place}{path_text(self.path)}: {self.message}" if self.path else f"{place}{self.message}"


class InputError(Exception):
    """The user's input cannot start an execution, and trying again does not help. The root of all such errors."""


class InvalidFileError(InputError):
    """The file, or the overrides, say something that is not allowed.

    Args:
        problems: all that was found, at least one.
    """

    def __init__(self, problems: Iterable[InputIssue]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(map(str, self.problems)))


def is_above(least: Any, most: Any) -> bool:
    """Whether a lower limit is above its upper limit; False if either is no number, which the schema refuses."""
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (least, most))
    return numbers and bool(least > most)


def path_text(path: Path) -> str:
    """The path as people write it: ``training.input.InputDataConfig[0].ChannelName``."""
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
    """The value as it stands in JSON, cut where it is long."""
    text = json.dumps(value, default=repr)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}... ({len(text):,} characters)"


def nearest(given: str, known: Sequence[str]) -> str | None:
    """The known word that was probably meant; None where none is near."""
    # Imported here, since most files are right, and the Lambda's cold start is paid for.
    from difflib import get_close_matches  # noqa: PLC0415

    lowered = {word.lower(): word for word in reversed(known)}
    found = get_close_matches(given[:40].lower(), lowered, n=1)
    return lowered[found[0]] if found else None


def listed(words: Iterable[str], *, most: int = 12) -> str:
    """The words with commas; the first of them where they are many."""
    words = list(words)
    rest = len(words) - most
    return ", ".join(words) if rest <= 1 else f"{', '.join(words[:most])} and {rest} more"
