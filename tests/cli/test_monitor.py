"""What ``mlops monitor`` prints."""

import pytest

from cli.monitor import show

DRIFT = {
    "outcome": "drift",
    "records": 5_000,
    "violations": [{"feature": "age", "check": "psi", "value": 0.21, "threshold": 0.05}],
}


def test_an_outcome_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """The outcome, how many records have a label, whether a retraining was started, and each violation."""
    labels = {"records": 4_100, "of": 5_000, "without_record": 12, "share_taken": 1.0}
    show(DRIFT | {"labels": labels, "decision": {"retrain": False, "reason": "no drift"}})
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line]
    assert [" ".join(words) for words in lines] == [
        "drift, 5,000 records: age",
        "labels: 4,100 of 5,000 records",
        "retraining not started: no drift",
        "feature check value threshold",
        "age psi 0.21 0.05",
    ]


def test_without_labels_there_is_no_such_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Nor one about a retraining, if nothing in service was judged."""
    show(DRIFT | {"outcome": "healthy", "violations": []})
    assert capsys.readouterr().out == "\nhealthy, 5,000 records\n"
