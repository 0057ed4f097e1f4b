"""What a check found."""

from dataclasses import dataclass

OK, WARNING, FAILURE, SKIPPED = "ok", "warning", "failure", "skipped"


class UnavailableError(Exception):
    """Something that a check needs cannot be had; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a check found: one line, and what to do about it."""

    name: str
    """The check's subject: ``quota``."""
    status: str
    """``ok``, ``warning``, ``failure`` (something will fail) or ``skipped`` (it could not be checked)."""
    detail: str
    remedy: str = ""
    """What to do; empty if there is nothing to do."""


def ok(name: str, detail: str) -> Result:
    """Returns the result of a check that found nothing wrong."""
    return Result(name=name, status=OK, detail=detail)


def warning(name: str, detail: str, remedy: str) -> Result:
    """Returns the result of a check that found something that the user may want to change."""
    return Result(name=name, status=WARNING, detail=detail, remedy=remedy)


def failure(name: str, detail: str, remedy: str) -> Result:
    """Returns the result of a check that found something that will fail."""
    return Result(name=name, status=FAILURE, detail=detail, remedy=remedy)


def skipped(name: str, why: str) -> Result:
    """Returns the result of a check that could not be made."""
    return Result(name=name, status=SKIPPED, detail=why)
