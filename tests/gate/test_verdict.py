"""The verdict on reports that have been read."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import ReportInvalidError
from gate.report import Reading
from gate.request import Request, read_approval
from gate.verdict import verdict
from tests.gate.conftest import EXECUTION, PACKAGE, REPORT, champion

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
NUMBERS = st.integers(-1000, 1000) | st.floats(allow_nan=False, allow_infinity=False)
NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=300)


def decide(approval: dict[str, Any], values: dict[str, Any] | None, best: Reading | None = None) -> dict[str, Any]:
    """The answer for a model with these metrics, or without a report."""
    known = read_approval(approval)
    request = Request(
        execution=EXECUTION,
        report=None if values is None else REPORT,
        model_package=f"{PACKAGE}/7",
        champion=None if best is None else champion(),
    )
    return verdict(request, known, None if values is None else Reading(values=values), best, now=NOW)


@pytest.mark.parametrize(
    ("limits", "passes"),
    [
        ({"minimum": 0.9}, {0.9: True, 0.95: True, 0.8999999: False}),
        ({"maximum": 0.9}, {0.9: True, 0.85: True, 0.9000001: False}),
        ({"minimum": 0.5, "maximum": 1}, {0.5: True, 1: True, 0.49: False, 1.1: False}),
        ({"minimum": None, "maximum": None}, {-1: True}),
    ],
)
def test_limits_are_inclusive(limits: dict[str, Any], passes: dict[float, bool]) -> None:
    """A value at its limit passes; one beyond is rejected."""
    for value, passed in passes.items():
        answer = decide({"metrics": [{"name": "auc", **limits}]}, {"auc": value})
        assert answer["decision"] == ("Approved" if passed else "Rejected"), value
        assert answer["error"] == (None if passed else "ModelRejected")
        assert [metric["passed"] for metric in answer["metrics"]] == [passed]


@given(
    st.lists(st.tuples(NUMBERS, st.none() | NUMBERS, st.none() | NUMBERS), min_size=1, max_size=6),
    st.booleans(),
)
def test_a_model_passes_only_if_every_limit_holds(metrics: list[tuple[Any, Any, Any]], manual: bool) -> None:  # noqa: FBT001 - hypothesis passes by position
    """For all values and limits, any missed limit rejects the model, and the answer marks exactly the missed ones."""
    metrics = [(v, *sorted(limits)) if None not in limits else (v, *limits) for v, *limits in metrics]
    section = [{"name": f"m{index}", "minimum": low, "maximum": high} for index, (_, low, high) in enumerate(metrics)]
    answer = decide(
        {"metrics": section, "manual": manual}, {f"m{index}": value for index, (value, *_) in enumerate(metrics)}
    )
    held = [(low is None or value >= low) and (high is None or value <= high) for value, low, high in metrics]
    assert [metric["passed"] for metric in answer["metrics"]] == held
    assert answer["decision"] == (("Waiting" if manual else "Approved") if all(held) else "Rejected")
    assert ("announcement" in answer) is (answer["decision"] == "Waiting")


@given(st.dictionaries(NAMES, NUMBERS, min_size=1, max_size=80), NUMBERS, st.booleans())
def test_texts_keep_their_limits(values: dict[str, Any], limit: Any, manual: bool) -> None:  # noqa: FBT001 - as above
    """For any number of metrics with any names, each text respects its recipient's limits."""
    answer = decide({"metrics": [{"name": name, "minimum": limit} for name in values], "manual": manual}, values)
    assert len(answer["reason"]) <= 1024
    assert answer["reason"].isprintable()
    assert len(answer["cause"]) <= 8192
    json.dumps(answer, ensure_ascii=False, allow_nan=False).encode()
    if "announcement" in answer:
        subject = answer["announcement"]["subject"]
        assert len(subject) < 100
        assert subject.isascii()
        assert subject.isprintable()
        assert len(answer["announcement"]["message"].encode()) < 100_000


@pytest.mark.parametrize("execution", ["e" * 80, "größe-" + "ß" * 70])
def test_the_longest_name_of_an_execution_fits_the_subject(execution: str) -> None:
    """The subject stays within SNS's limit, and the command in the message has the whole name."""
    request = Request(execution=execution, report=None, model_package=None, champion=None)
    announced = verdict(request, read_approval({"manual": True}), None, None, now=NOW)["announcement"]
    assert len(announced["subject"]) < 100
    assert announced["subject"].isascii()
    assert f"mlops approve {execution}\n" in announced["message"]


def test_rejection_lists_every_metric() -> None:
    """The reason has each metric with its value and its limits, missed ones first; the cause has a table."""
    section = [
        {"name": "recall", "minimum": 0.4},
        {"name": "auc", "minimum": 0.9},
        {"name": "log_loss", "maximum": 0.2},
        {"name": "f1"},
    ]
    answer = decide({"metrics": section}, {"recall": 0.45, "auc": 0.85, "log_loss": 0.25, "f1": 0.1 + 0.2})
    assert answer["reason"] == (
        "2 of 4 metrics missed: auc 0.85 < 0.9; log_loss 0.25 > 0.2; "
        "held: recall 0.45 >= 0.4; f1 0.30000000000000004 (no threshold)"
    )
    table = [re.split(r"\s{2,}", line) for line in answer["cause"].split("\n\n")[1].splitlines()]
    assert table == [
        ["metric", "value", "minimum", "maximum", "champion", "result"],
        ["auc", "0.85", "0.9", "-", "-", "missed"],
        ["log_loss", "0.25", "-", "0.2", "-", "missed"],
        ["recall", "0.45", "0.4", "-", "-", "held"],
        ["f1", "0.30000000000000004", "-", "-", "-", "-"],
    ]
    assert REPORT in answer["cause"]


@pytest.mark.parametrize(
    ("approval", "values", "reason"),
    [
        ({"metrics": [{"name": "auc", "minimum": 0.9}]}, {"auc": 0.95}, "all thresholds met: auc 0.95 >= 0.9"),
        ({}, None, "no threshold is set"),
        ({"metrics": None, "by": None, "manual": None, "timeout_seconds": None}, None, "no threshold is set"),
        ({"metrics": [{"name": "auc"}]}, {"auc": 0.5}, "no threshold is set"),
        (
            {"metrics": [{"name": "auc"}], "must_beat_champion": True},
            {"auc": 0.5},
            "there is no champion with a report to beat, and no threshold is set",
        ),
    ],
)
def test_approval_says_why(approval: dict[str, Any], values: Any, reason: str) -> None:
    """The reason, which becomes the model package's description, lists the thresholds met, or that there are none."""
    answer = decide(approval, values)
    assert (answer["decision"], answer["reason"], answer["error"]) == ("Approved", reason, None)


@pytest.mark.parametrize(
    ("limits", "value", "best", "passes"),
    [
        ({}, 0.95, 0.94, True),
        ({}, 0.95, 0.95, True),
        ({}, 0.94, 0.95, False),
        ({"minimum": 0.9}, 0.94, 0.95, False),
        ({"maximum": 0.9}, 0.3, 0.4, True),
        ({"maximum": 0.9}, 0.4, 0.4, True),
        ({"maximum": 0.9}, 0.5, 0.4, False),
        ({"minimum": 0, "maximum": 1}, 0.5, 0.4, True),
    ],
)
def test_the_champion_must_be_beaten(limits: dict[str, Any], value: float, best: float, passes: bool) -> None:  # noqa: FBT001 - as above
    """A model worse than the champion is rejected, an equal one is not; with only a maximum, lower is better."""
    approval = {"metrics": [{"name": "loss", **limits}], "must_beat_champion": True}
    answer = decide(approval, {"loss": value}, Reading(values={"loss": best}))
    assert answer["decision"] == ("Approved" if passes else "Rejected")
    assert f"the champion's {best}" in answer["reason"]
    assert str(value) in answer["reason"]
    assert answer["metrics"][0]["champion"] == best
    assert answer["champion"] == champion()


def test_the_champion_is_compared_by_one_metric() -> None:
    """``by`` names the metric; the others are listed, but may be worse than the champion's."""
    approval = {"metrics": [{"name": "auc", "minimum": 0.9}], "by": "f1", "must_beat_champion": True}
    answer = decide(approval, {"auc": 0.91, "f1": 0.6}, Reading(values={"auc": 0.99, "f1": 0.5}))
    assert answer["decision"] == "Approved"
    assert answer["metrics"] == [
        {"name": "auc", "value": 0.91, "minimum": 0.9, "maximum": None, "champion": 0.99, "passed": True},
        {"name": "f1", "value": 0.6, "minimum": None, "maximum": None, "champion": 0.5, "passed": True},
    ]


def test_champion_need_not_be_beaten_by_default() -> None:
    """Without ``must_beat_champion``, its values are only shown."""
    answer = decide({"metrics": [{"name": "auc"}], "by": "auc"}, {"auc": 0.5}, Reading(values={"auc": 0.9}))
    assert (answer["decision"], answer["reason"]) == ("Approved", "no threshold is set")
    assert answer["metrics"][0]["champion"] == 0.9


def test_announcement_has_what_a_person_needs() -> None:
    """The message has the model, its metrics and the champion's, the report, the commands and the deadline."""
    approval = {
        "metrics": [{"name": "auc", "minimum": 0.9}, {"name": "log_loss", "maximum": 0.2}],
        "manual": True,
        "timeout_seconds": 3600,
    }
    announced = decide(approval, {"auc": 0.95, "log_loss": 0.12}, Reading(values={"auc": 0.94, "log_loss": 0.13}))
    assert announced["announcement"] == {
        "subject": f"Approval needed: {EXECUTION}",
        "message": f"""\
A model is waiting for your approval.

execution:      {EXECUTION}
model package:  {PACKAGE}/7
champion:       {PACKAGE}/6
report:         {REPORT}

metric    value  minimum  maximum  champion  result
auc       0.95   0.9      -        0.94      held
log_loss  0.12   -        0.2      0.13      held

Answer by 2026-11-23T11:00:00Z with one of:

    mlops approve {EXECUTION}
    mlops reject {EXECUTION} --reason "..."
""",
    }


def test_a_person_has_a_week_by_default() -> None:
    """Without ``timeout_seconds``, the deadline is a week from now."""
    assert "Answer by 2026-11-30T10:00:00Z" in decide({"manual": True}, None)["announcement"]["message"]


def test_unreadable_champion_is_noted() -> None:
    """If it need not be beaten, its values are missing, and announcement and cause say why."""
    best = Reading(fault=ReportInvalidError("s3://b/k: invalid JSON"))
    answer = decide({"metrics": [{"name": "auc"}], "manual": True}, {"auc": 0.95}, best)
    assert answer["decision"] == "Waiting"
    assert answer["metrics"][0]["champion"] is None
    for text in (answer["cause"], answer["announcement"]["message"]):
        assert "The champion's values are not shown: s3://b/k: invalid JSON" in text


def test_long_lists_keep_missed_metrics() -> None:
    """The one missed metric among hundreds is in the reason and in the cause, which counts those left out."""
    values = {f"folds.{number}.auc": 0.9 for number in range(300)}
    section = [{"name": name, "minimum": 0.95 if name == "folds.250.auc" else 0.5} for name in values]
    answer = decide({"metrics": section}, values)
    assert answer["reason"].startswith("1 of 300 metrics missed: folds.250.auc 0.9 < 0.95; held: ")
    assert re.search(r"^folds.250.auc .* missed$", answer["cause"], re.MULTILINE)
    assert "... and 260 more" in answer["cause"]
    assert len(answer["metrics"]) == 300
