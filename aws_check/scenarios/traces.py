"""Errors that nobody can cause at will: whether one of the check's executions met them on the way."""

from collections.abc import Iterable, Iterator

from aws_check.assumptions import CONFIRMED, NOT_SETTLED, Answer
from aws_check.context import Context
from aws_check.history import Failure

_THROTTLED = ("Rate exceeded", "Too Many Requests", "Throttl")
_SMOKE_TEST = "deployment: smoke test"
_SLOW = ("ModelNotReadyException", "InternalDependencyException")
"""A ModelErrorException may be the model's fault as well."""


def traces(context: Context) -> Iterator[Answer]:
    """Reads the histories of all executions so far."""
    yield from answers([failure for arn in context.arns for failure in context.failures(arn)])


def answers(found: Iterable[Failure]) -> Iterator[Answer]:
    """Returns the answers in these failures."""
    throttled = slow = None
    for failure in found:
        text = f"{failure.state}: {failure.error}: {failure.cause}"
        if any(word in text for word in _THROTTLED):
            throttled = text
        if failure.state == _SMOKE_TEST and failure.error.endswith(_SLOW):
            slow = text
    yield _answer(1, throttled, "no request was throttled")
    yield _answer(10, slow, "no endpoint was slow to answer")


def _answer(number: int, seen: str | None, otherwise: str) -> Answer:
    if seen is None:
        return Answer(number=number, verdict=NOT_SETTLED, evidence=otherwise)
    return Answer(number=number, verdict=CONFIRMED, evidence=seen)
