"""The assumptions of docs/aws-assumptions.md, and the verdict on each from what was observed."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from executions.defaults import PROJECT

CONFIRMED, REFUTED, NOT_SETTLED = "confirmed", "refuted", "not settled"

_DOCUMENT = PROJECT / "docs" / "aws-assumptions.md"
_ITEM = re.compile(r"^(\d+)\. (.+?)(?=^\d+\. |\Z)", re.MULTILINE | re.DOTALL)

_NOT_OBSERVED = {
    3: "nothing that the state machine does shows whether its variables survive: either way it continues",
    16: "no scenario opens a window of monitoring, since it serves for minutes only",
}
"""Why no scenario observes an assumption, by its number."""
_TOO_EARLY = "the check ended before the scenario that would observe it"

_OWN_ANSWER = "on the emulator, this project's own code answers in AWS's place; it did so as follows: "
_SETTLED_BY_EMULATOR = frozenset({14, 17})
"""What an emulator's own services answer. SageMaker, its runtime and the data of tasks are ``sagemaker_local``'s, which
was written to these assumptions and would confirm itself."""


@dataclass(frozen=True, kw_only=True)
class Assumption:
    """An item of the document's list."""

    number: int
    text: str
    """On one line, as Markdown."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a scenario observed about an assumption."""

    number: int
    verdict: str
    """``confirmed``, ``refuted`` or ``not settled``."""
    evidence: str
    """What AWS answered, or why nothing was observed."""


def read_assumptions() -> list[Assumption]:
    """Reads the numbered list of the document, in its order."""
    return [
        Assumption(number=int(number), text=" ".join(text.split()))
        for number, text in _ITEM.findall(_DOCUMENT.read_text())
    ]


def settle(number: int, answers: Iterable[Answer], *, on_emulator: bool) -> Answer:
    """Returns the verdict on one assumption: a refutation outweighs a confirmation.

    Args:
        number: the assumption's.
        answers: what was observed, about any assumption.
        on_emulator: whether the check ran in the environment on this machine.
    """
    own = [answer for answer in answers if answer.number == number]
    if not own:
        return Answer(number=number, verdict=NOT_SETTLED, evidence=_NOT_OBSERVED.get(number, _TOO_EARLY))
    verdicts = {answer.verdict for answer in own}
    verdict = next(verdict for verdict in (REFUTED, CONFIRMED, NOT_SETTLED) if verdict in verdicts)
    evidence = "; ".join(answer.evidence for answer in own)
    if on_emulator and verdict != NOT_SETTLED and number not in _SETTLED_BY_EMULATOR:
        return Answer(number=number, verdict=NOT_SETTLED, evidence=_OWN_ANSWER + evidence)
    return Answer(number=number, verdict=verdict, evidence=evidence)
