"""Makes text that comes from AWS, or from a job, safe to print in a terminal."""

import re
from datetime import UTC, datetime

_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def printable(text: str, *, keep: str = "\t") -> str:
    r"""Replaces control characters, which a terminal would obey, and lone surrogates by text such as ``\x1b``.

    Args:
        text: any text.
        keep: the control characters to leave as they are.
    """
    return _CONTROLS.sub(lambda found: found[0] if found[0] in keep else f"\\x{ord(found[0]):02x}", text)


def printable_lines(text: str) -> str:
    """Like :func:`printable`, but keeps line breaks."""
    return printable(text.replace("\r\n", "\n"), keep="\n\t")


def one_line(text: object) -> str:
    """Puts printable text on one line."""
    return printable(" ".join(str(text).split()))


def iso(moment: datetime) -> str:
    """Writes a time in ISO 8601, in UTC, to the second."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")
