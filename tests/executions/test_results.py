"""Reading metrics from an evaluation report."""

from pathlib import Path

import pytest

from executions.results import read_metrics


@pytest.mark.parametrize("value", ["1" + "0" * 400, "-1" + "0" * 400, "NaN", "Infinity", "true", '"0.9"', "null"])
def test_a_metric_that_is_not_a_number_is_left_out(value: str, tmp_path: Path) -> None:
    """A metric that is not a finite number is left out; the others remain."""
    report = tmp_path / "evaluation.json"
    report.write_text(f'{{"g": {{"auc": {{"value": {value}}}, "f1": {{"value": 0.5}}}}}}')
    assert read_metrics(report) == {"f1": 0.5}


@pytest.mark.parametrize("text", ["1" + "0" * 5000, '{"g":' * 100_000, "[]", "{", ""])
def test_a_report_that_cannot_be_read_has_no_metrics(text: str, tmp_path: Path) -> None:
    """A report that is not valid, or too deeply nested, has no metrics and does not fail the run."""
    report = tmp_path / "evaluation.json"
    report.write_text(text)
    assert read_metrics(report) == {}
