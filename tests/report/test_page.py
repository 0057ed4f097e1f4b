"""The page for executions that differ from the sample."""

import math
import re
from collections.abc import Callable
from typing import Any

import pytest

from executions.evaluation import calibration, metrics
from pipeline.commit import Commit
from report.facts import Facts, Failure
from report.origin import versions
from report.outcome import main_metric, outcome, short_name
from report.page import difference, duration, number, page
from tests.report.conftest import AUC, DIFFERENCES, NAME, content, evaluation_of


def sections(text: str) -> list[str]:
    """The sections' ids."""
    return re.findall(r'<section id="(\w+)"', text)


@pytest.mark.parametrize(
    "evaluation",
    [
        {"version": 0.0},
        {"regression_metrics": {"rmse": {"value": 12345.6, "standard_deviation": "NaN"}, "r2": {"value": 0.5}}},
        {"multiclass_classification_metrics": {"confusion_matrix": {"a": {"a": 3}, "b": {"c": 1}}}},
        {"g": {"receiver_operating_characteristic_curve": {"false_positive_rates": [0], "true_positive_rates": "x"}}},
        {"calibration": {"bins": [{"from": 0.0}, "no bin"]}},
        {"g": {"auc": {"value": float("nan")}, "f1": None, "x": {"value": True}}},
        {"g": {"confusion_matrix": {"0": None}}},
    ],
)
def test_evaluation_report_of_another_script(evaluation: dict[str, Any], facts: Callable[..., Facts]) -> None:
    """Any evaluation report gives a page, without the sections that have no data."""
    text = page(facts(evaluation=evaluation, champion=None))
    assert not {"curves", "calibration"} & set(sections(text))
    assert "nan" not in text.replace("NaN", "").lower().split()


def test_metrics_of_a_regression(facts: Callable[..., Facts]) -> None:
    """A regression's metrics are shown with those of its champion."""
    text = page(
        facts(
            evaluation={"regression_metrics": {"rmse": {"value": 12.5, "standard_deviation": 0.25}}},
            champion={"regression_metrics": {"rmse": {"value": 13.0}}},
        )
    )
    assert 'data-path="regression_metrics.rmse.value">12.5000<' in text
    assert "\N{MINUS SIGN}0.5000" in text
    assert ">0.2500<" in text


def test_three_classes(facts: Callable[..., Facts]) -> None:
    """A confusion matrix of three classes has nine cells; a class that was never predicted counts 0."""
    matrix = {"a": {"a": 3}, "b": {"b": 2, "c": 1}, "c": {}}
    text = page(facts(evaluation={"multiclass_classification_metrics": {"confusion_matrix": matrix}}, champion=None))
    table = text.partition('<table class="confusion">')[2].partition("</table>")[0]
    assert re.findall(r'<data value="(\d+)"', table) == ["3", "0", "0", "0", "2", "1", "0", "0", "0"]


@pytest.mark.parametrize(
    ("changes", "headline", "detail"),
    [
        ({}, "Approved and deployed", "The endpoint demo serves the model of this run."),
        (
            {"status": "RUNNING", "through": ["preprocessing", "training"]},
            "Running",
            "The current stage is training.",
        ),
        (
            {"status": "ABORTED", "failure": Failure(stage=None, error="Stopped", reason="by me")},
            "The run was stopped",
            "by me",
        ),
        (
            {"status": "TIMED_OUT", "failure": Failure(stage=None, error="States.Timeout", reason="")},
            "The run timed out",
            "",
        ),
        (
            {"status": "FAILED", "failure": Failure(stage=None, error="States.Runtime", reason="odd")},
            "The run failed",
            "odd",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_outcome(changes: dict[str, Any], headline: str, detail: str, facts: Callable[..., Facts]) -> None:
    """The headline of the page says how the execution ended."""
    found = outcome(facts(**changes))
    assert (found.headline, found.detail) == (headline, detail)
    assert f"<h1>{headline}</h1>" in page(facts(**changes))


@pytest.mark.parametrize(
    ("metric", "detail"),
    [
        ({"value": 0.7, "minimum": 0.8}, "Auc 0.7000 is below the minimum 0.8."),
        ({"value": 0.7, "maximum": 0.6}, "Auc 0.7000 is above the maximum 0.6."),
        ({"value": 0.7, "minimum": 0.6, "champion": 0.75}, "Auc 0.7000 is worse than the champion's 0.7500."),
        ({"value": None, "minimum": 0.6}, "Auc is missing."),
    ],
)
def test_rejection_names_what_was_missed(metric: dict[str, Any], detail: str, facts: Callable[..., Facts]) -> None:
    """The sentence below the headline of a rejected model names the metric and the threshold that it missed."""
    data = content()
    limits = {"minimum": None, "maximum": None, "champion": None}
    data["approval"]["result"] |= {
        "decision": "Rejected",
        "metrics": [{"name": AUC, "passed": False} | limits | metric],
    }
    failure = Failure(stage="approval", error="ModelRejected", reason="Rejected\n\nmetric value")
    rejected = facts(status="FAILED", through=["preprocessing", "approval"], content=data, failure=failure)
    assert outcome(rejected).headline == "The model was rejected"
    assert outcome(rejected).detail == detail
    assert page(rejected).count(">missed<") + page(rejected).count(">missing<") == 1


def test_execution_that_waits(facts: Callable[..., Facts]) -> None:
    """The page of an execution that waits for a person says so, and how to answer it."""
    data = content()
    data["approval"]["result"] |= {"decision": "Waiting"}
    waiting = outcome(facts(status="RUNNING", through=["preprocessing", "approval"], content=data))
    assert waiting.headline == "Waiting for approval"
    assert waiting.detail.startswith(f"Answer with mlops approve {NAME}, or mlops reject {NAME} ")


def test_rejection_by_a_person(facts: Callable[..., Facts]) -> None:
    """If all thresholds were met, the sentence is the person's reason."""
    reason = "Rejected by arn:aws:iam::123456789012:user/ann: too few records"
    failure = Failure(stage="approval", error="ModelRejected", reason=reason)
    assert outcome(facts(status="FAILED", failure=failure)).detail == reason


def test_main_metric(facts: Callable[..., Facts]) -> None:
    """The main metric is the first of the approval; without an approval, the best known one of the report."""
    assert main_metric(facts()) == (AUC, 0.9)
    data = content()
    del data["approval"]
    found = main_metric(facts(content=data))
    assert found is not None
    assert found[0] == AUC
    assert main_metric(facts(content=data, evaluation=None)) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.95348, "0.9535"), (0.00055, "0.00055"), (0.0, "0.0000"), (41153, "41,153"), (123456.7, "123,457")],
)
def test_number(value: float, text: str) -> None:
    """Numbers are formatted with significant digits only."""
    assert number(value) == text


def test_other_texts() -> None:
    """Differences have a sign, times a unit, metrics a short name."""
    assert [difference(value) for value in (0.5, -0.5, 0.0)] == ["+0.5000", "\N{MINUS SIGN}0.5000", "0.0000"]
    assert [duration(seconds) for seconds in (9.84, 200, 7500)] == ["9.8 s", "3 min 20 s", "2 h 5 min"]
    assert [short_name(path) for path in ("g.auc.value", "auc", "a.b")] == ["auc", "auc", "a.b"]


def with_numbers(value: Any, hostile: float) -> Any:
    """Replaces each number in a value."""
    if isinstance(value, dict):
        return {key: with_numbers(item, hostile) for key, item in value.items()}
    if isinstance(value, list):
        return [with_numbers(item, hostile) for item in value]
    return hostile if isinstance(value, int | float) and not isinstance(value, bool) else value


@pytest.mark.parametrize("groups", [{"binary_classification_metrics"}, {"calibration"}, {"dataset"}])
@pytest.mark.parametrize(
    "hostile", [10**400, -(10**400), 10**308, 1e308, -1e308, math.nan, math.inf, -math.inf, -1, 0, 5e-324]
)
def test_hostile_numbers(hostile: float, groups: set[str], facts: Callable[..., Facts]) -> None:
    """Any numbers in the evaluation and the approval give a page; those that are not finite are left out."""
    good = evaluation_of(2.5)
    bad = {key: with_numbers(value, hostile) if key in groups else value for key, value in good.items()}
    data = content()
    data["approval"]["result"]["metrics"] = [{"name": AUC, "value": hostile, "minimum": hostile, "passed": False}]
    text = page(facts(evaluation=bad, champion=good, content=data))
    assert text.rstrip().endswith("</html>")
    assert not re.search(r"\bnan\b", text, re.IGNORECASE)
    assert all(math.isfinite(metric.value) for metric in metrics(bad))


def test_a_bin_with_a_negative_number_of_records(facts: Callable[..., Facts]) -> None:
    """It is left out of the calibration."""
    evaluation = evaluation_of(2.5)
    bins = len(evaluation["calibration"]["bins"])
    evaluation["calibration"]["bins"][0]["records"] = -1
    assert len(calibration(evaluation) or ()) == bins - 1
    assert "calibration" in sections(page(facts(evaluation=evaluation)))


def test_control_characters_are_shown_as_text(facts: Callable[..., Facts]) -> None:
    """Control characters and lone surrogates, which UTF-8 cannot encode, do not reach the page."""
    evaluation = {"g": {"confusion_matrix": {"a\x1b[2J": {"a\x1b[2J": 1}, "b\ud800": {"b\ud800": 1}}}}
    text = page(facts(evaluation=evaluation, champion=None))
    assert "a\\x1b[2J" in text
    assert "b\\xd800" in text
    assert "\x1b" not in text
    text.encode()


def test_the_commit_of_the_scripts(facts: Callable[..., Facts]) -> None:
    """It is shown as people know it, whole in its title, with what is not as it was published."""
    html = page(facts(commit=Commit(id="315ccf7a" * 5, is_changed=True), edited=("input.yaml",)))
    assert f'Scripts of commit <code title="{"315ccf7a" * 5}">315ccf7</code>, with uncommitted changes.' in html
    assert "Changed in the bucket after they were published: input.yaml." in html
    assert "Scripts of commit" not in page(facts())


def test_differences_from_aws(facts: Callable[..., Facts]) -> None:
    """A run on this machine shows each difference once, with its stages; a run on AWS has no such section."""
    text = page(facts(differences=DIFFERENCES))
    table = text.partition('<section id="differences"')[2].partition("</section>")[0]
    assert table.count("Python 3.9, pandas 1.1.3") == 1
    assert "ImageUri, TrainingImage<small>preprocessing, training, evaluation</small>" in table
    assert "differences" not in sections(page(facts()))


def test_what_really_ran(facts: Callable[..., Facts]) -> None:
    """What ran on this machine is next to the image that it stands in for."""
    rows = versions(facts(runtimes={"image:1.2-1": ("Python 3.11.7, pandas 1.5.3",), "other": ("Python 3.8",)}))
    assert rows[:2] == [("Container image", "image:1.2-1"), ("Ran on this machine", "Python 3.11.7, pandas 1.5.3")]
    assert "Python 3.8" not in dict(rows).values()
