"""The evaluation job and its report."""

from __future__ import annotations

import json
import shutil
from io import StringIO
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn import metrics as reference

from rows import read_rows
from tests.scripts.conftest import Container

REPORT = "processing/evaluation/evaluation.json"


@pytest.fixture(scope="session")
def report(trained: Container) -> dict[str, Any]:
    """The report on the sample's test side."""
    trained.run("evaluation.py")
    content: dict[str, Any] = json.loads(trained.read(REPORT))
    return content


@pytest.fixture(scope="session")
def truth(trained: Container) -> tuple[np.ndarray, np.ndarray]:
    """The test records' labels and the probabilities that the model gives them."""
    rows = read_rows(StringIO(trained.read("processing/test/test_features.csv")))
    probabilities = joblib.load(trained.base / "model" / "model.joblib").predict_proba(rows)[:, 1]
    return np.array(trained.lines("processing/test/test_labels.csv"), dtype=int), probabilities


def test_metrics_are_those_of_scikit_learn(report: dict[str, Any], truth: tuple[np.ndarray, np.ndarray]) -> None:
    """Each metric of the report is the one that scikit-learn computes from the model itself."""
    labels, probabilities = truth
    told = probabilities >= 0.5
    expected = {
        "auc": reference.roc_auc_score(labels, probabilities),
        "accuracy": reference.accuracy_score(labels, told),
        "precision": reference.precision_score(labels, told),
        "recall": reference.recall_score(labels, told),
        "f0_5": reference.fbeta_score(labels, told, beta=0.5),
        "f1": reference.f1_score(labels, told),
        "f2": reference.fbeta_score(labels, told, beta=2),
    }
    found = report["binary_classification_metrics"]
    assert {name: found[name]["value"] for name in expected} == pytest.approx(expected)
    matrix = found["confusion_matrix"]
    assert [[matrix[true][told] for told in "01"] for true in "01"] == reference.confusion_matrix(labels, told).tolist()


def test_curves_have_the_area_that_they_claim(report: dict[str, Any]) -> None:
    """The ROC curve as drawn has the area of the report; both curves run from end to end."""
    found = report["binary_classification_metrics"]
    roc = found["receiver_operating_characteristic_curve"]
    area = reference.auc(roc["false_positive_rates"], roc["true_positive_rates"])
    assert area == pytest.approx(found["auc"]["value"], abs=0.002)
    assert (roc["true_positive_rates"][0], roc["true_positive_rates"][-1]) == (0.0, 1.0)
    assert found["precision_recall_curve"]["recalls"][-1] == 1.0
    assert len(roc["false_positive_rates"]) <= 200


def test_layout_is_model_monitors(report: dict[str, Any], truth: tuple[np.ndarray, np.ndarray]) -> None:
    """Every metric has a value and a standard deviation, as the model registry and Studio read them."""
    assert report["dataset"]["item_count"] == len(truth[0])
    metrics = report["binary_classification_metrics"]
    drawn = {"confusion_matrix", "receiver_operating_characteristic_curve", "precision_recall_curve"}
    assert all(set(metrics[name]) == {"value", "standard_deviation"} for name in set(metrics) - drawn)
    assert 0 < metrics["auc"]["standard_deviation"] < 0.1


@pytest.mark.parametrize(
    ("archive", "expected"),
    [(None, "no model.tar.gz in"), (b"no archive", "cannot read")],
    ids=["missing", "damaged"],
)
def test_bad_model_is_named(container: Container, trained: Container, archive: bytes | None, expected: str) -> None:
    """A model archive that is missing or damaged is named."""
    shutil.copytree(trained.base / "processing" / "test", container.base / "processing" / "test")
    if archive is not None:
        container.put("processing/model/model.tar.gz", archive)
    assert expected in container.fail("evaluation.py", "output/message")


def test_archive_without_a_model_is_named(container: Container, trained: Container) -> None:
    """An archive in which no model lies is named."""
    shutil.copytree(trained.base / "processing" / "test", container.base / "processing" / "test")
    container.put("model/other.txt", "other")
    container.pack_model()
    assert "no model.joblib in" in container.fail("evaluation.py", "output/message")
