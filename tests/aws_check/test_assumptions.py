"""The verdicts on the assumptions."""

import pytest

from aws_check.assumptions import CONFIRMED, NOT_SETTLED, REFUTED, Answer, read_assumptions, settle
from aws_check.scenarios import SCENARIOS

NUMBERS = [assumption.number for assumption in read_assumptions()]


def answer(verdict: str, number: int = 2) -> Answer:
    return Answer(number=number, verdict=verdict, evidence=f"AWS said so: {verdict}")


def test_every_item_of_the_document_is_read() -> None:
    """The numbers are those of the document, without a gap, and each text begins with its title."""
    assert list(range(1, len(NUMBERS) + 1)) == NUMBERS
    assert len(NUMBERS) >= 15
    assert all(assumption.text.startswith("**") for assumption in read_assumptions())
    assert all("\n" not in assumption.text for assumption in read_assumptions())


@pytest.mark.parametrize("number", NUMBERS)
def test_every_assumption_has_a_scenario_or_a_reason(number: int) -> None:
    """An assumption that no scenario observes says why, instead of waiting for one."""
    observed = [scenario.name for scenario in SCENARIOS if number in scenario.about]
    evidence = settle(number, [], on_emulator=False).evidence
    assert len(observed) == ("the check ended before" in evidence), (observed, evidence)


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([CONFIRMED, REFUTED, NOT_SETTLED], REFUTED),
        ([NOT_SETTLED, CONFIRMED], CONFIRMED),
        ([NOT_SETTLED], NOT_SETTLED),
    ],
)
def test_a_refutation_outweighs_a_confirmation(verdicts: list[str], expected: str) -> None:
    """The verdict is the strongest one, and the evidence is all that was observed about this assumption."""
    found = settle(2, [*map(answer, verdicts), answer(REFUTED, number=5)], on_emulator=False)
    assert found.verdict == expected
    assert found.evidence == "; ".join(f"AWS said so: {verdict}" for verdict in verdicts)


def test_the_emulator_settles_only_what_it_answers_itself() -> None:
    """What this project's own SageMaker answers settles nothing, and the evidence says so."""
    own = settle(2, [answer(CONFIRMED)], on_emulator=True)
    assert own.verdict == NOT_SETTLED
    assert "this project's own code" in own.evidence
    assert "AWS said so: confirmed" in own.evidence
    assert settle(14, [answer(CONFIRMED, number=14)], on_emulator=True).verdict == CONFIRMED
