"""Experiments: subjects in turns, medians, ratios, goals."""

from collections.abc import Callable

import pytest

from benchmarks.results import as_json
from benchmarks.rows import LIMIT, MODULE, Experiment, Figures, Goal, Row
from benchmarks.runner import run


def subject(name: str, order: list[str], *values: float) -> Callable[[], Figures]:
    """Returns these values, one per round, and records its turns."""
    given = iter(values)

    def measure() -> Figures:
        order.append(name)
        return {"wall": next(given)}

    return measure


def test_subjects_take_turns() -> None:
    """Each round starts with another subject, so that none is always measured first."""
    order: list[str] = []
    subjects = {MODULE: subject(MODULE, order, 1, 1, 1), LIMIT: subject(LIMIT, order, 1, 1, 1)}
    run(Experiment(rows=(), subjects=subjects, rounds=3))
    assert order == [MODULE, LIMIT, LIMIT, MODULE, MODULE, LIMIT]


@pytest.mark.parametrize(
    ("goal", "met"),
    [
        (None, None),
        (Goal(most=2, of_limit=True), True),
        (Goal(most=1.9, of_limit=True), False),
        (Goal(most=6), True),
        (Goal(most=5), False),
    ],
)
def test_goal(goal: Goal | None, met: bool | None) -> None:  # noqa: FBT001 - a parameter of the test
    """A goal is compared with the median, or with the median of the rounds' ratios to the limit."""
    order: list[str] = []
    row = Row(name="synth", unit="s", figure="wall", goal=goal, quoted=23)
    subjects = {MODULE: subject(MODULE, order, 4, 6, 40), LIMIT: subject(LIMIT, order, 2, 3, 40)}
    (result,) = run(Experiment(rows=(row,), subjects=subjects, rounds=3))
    assert result.met is met
    content = as_json(result)
    assert content["module"] == {"median": 6, "min": 4, "max": 40, "n": 3}
    assert content["ratio_to_limit"] == 2
    assert content["reference"]["quoted"] == 23
    assert content.get("goal", {}).get("met") is met


def test_a_subject_may_lack_a_figure() -> None:
    """A figure that a subject lacks is left out of its column."""
    row = Row(name="memory", unit="MB", figure="memory")
    (result,) = run(
        Experiment(rows=(row,), subjects={MODULE: lambda: {"memory": 5}, LIMIT: lambda: {"wall": 1}}, rounds=1)
    )
    assert set(result.spreads) == {MODULE}
    assert result.ratio is None
