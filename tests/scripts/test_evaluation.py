"""The evaluation job and its report."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest

from columns import Feature
from quality_binary import binary_classification_metrics, roc_auc
from rows import read_labelled_rows
from schema import Schema
from tests.scripts.conftest import Container

REPORT = "processing/evaluation/evaluation.json"
CURVES = {
    "receiver_operating_characteristic_curve": ("false_positive_rates", "true_positive_rates"),
    "precision_recall_curve": ("precisions", "recalls"),
}


@pytest.fixture(scope="module")
def sk() -> Any:
    """The metrics of scikit-learn."""
    from sklearn import metrics  # noqa: PLC0415 - slow to import

    return metrics


@pytest.fixture
def ready(container: Container, trained: Container) -> Container:
    """A container with a packed model and the test files."""
    for folder in ("model", "test"):
        shutil.copytree(trained.base / "processing" / folder, container.base / "processing" / folder)
    return container


def reject_constant(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


def evaluate(container: Container) -> dict[str, Any]:
    """Runs the job. Returns its report, which must be strict JSON."""
    container.run("evaluation.py")
    report: dict[str, Any] = json.loads(container.read(REPORT), parse_constant=reject_constant)
    return report


def synthetic(records: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and the probabilities of a model that is usually right."""
    random = np.random.default_rng(seed)
    labels = (random.random(records) < 0.2).astype(int)
    return labels, 1 / (1 + np.exp(-random.normal(2.0 * labels - 1.5)))


def test_report_holds_the_models_true_quality(ready: Container, trained: Container, sk: Any) -> None:
    """The report's numbers match scikit-learn's for the model on the test records."""
    import joblib  # noqa: PLC0415 - slow to import

    from rows import read_rows  # noqa: PLC0415 - as above

    report = evaluate(ready)
    labels = np.array(ready.lines("processing/test/test_labels.csv"), dtype=int)
    schema = Schema.read(ready.base / "processing" / "test")
    rows = read_rows(ready.read("processing/test/test_features.csv"), schema)
    probabilities = joblib.load(trained.base / "model" / "model.joblib").predict_proba(rows)[:, 1]
    predicted = (probabilities >= 0.5).astype(int)
    (tn, fp), (fn, tp) = sk.confusion_matrix(labels, predicted).tolist()
    found = report["binary_classification_metrics"]
    assert report["dataset"] == {"item_count": len(labels)}
    assert found["confusion_matrix"] == {"0": {"0": tn, "1": fp}, "1": {"0": fn, "1": tp}}
    expected = {
        "auc": sk.roc_auc_score(labels, probabilities),
        "accuracy": sk.accuracy_score(labels, predicted),
        "precision": sk.precision_score(labels, predicted),
        "recall": sk.recall_score(labels, predicted),
        "true_positive_rate": tp / (tp + fn),
        "true_negative_rate": tn / (tn + fp),
        "false_positive_rate": fp / (tn + fp),
        "false_negative_rate": fn / (tp + fn),
        "f0_5": sk.fbeta_score(labels, predicted, beta=0.5),
        "f1": sk.f1_score(labels, predicted),
        "f2": sk.fbeta_score(labels, predicted, beta=2),
        "accuracy_best_constant_classifier": 1 - labels.mean(),
        "precision_best_constant_classifier": labels.mean(),
        "recall_best_constant_classifier": 1.0,
        "f1_best_constant_classifier": sk.f1_score(labels, np.ones_like(labels)),
    }
    assert {name: found[name]["value"] for name in expected} == pytest.approx(expected)


def test_layout_and_numbers_are_sagemakers() -> None:
    """The example in Model Monitor's documentation is reproduced: same keys, same order, same numbers."""
    found = binary_classification_metrics(np.array([0, 0, 0, 1]), np.array([0.1, 0.6, 0.7, 0.9]), 0.5)
    third = 1 / 3
    values = {
        "recall": 1.0,
        "precision": third,
        "accuracy": 0.5,
        "recall_best_constant_classifier": 1.0,
        "precision_best_constant_classifier": 0.25,
        # 0.25 there: the example's constant classifier says 1, though saying 0 would be right more often.
        "accuracy_best_constant_classifier": 0.75,
        "true_positive_rate": 1.0,
        "true_negative_rate": third,
        "false_positive_rate": 2 * third,
        "false_negative_rate": 0.0,
        "auc": 1.0,
        "f0_5": 0.3846153846153846,
        "f1": 0.5,
        "f2": 0.7142857142857143,
        "f0_5_best_constant_classifier": 0.29411764705882354,
        "f1_best_constant_classifier": 0.4,
        "f2_best_constant_classifier": 0.625,
    }
    order = ["confusion_matrix", *values]
    order[order.index("auc") : order.index("auc")] = CURVES
    assert list(found) == order
    assert found["confusion_matrix"] == {"0": {"0": 1, "1": 2}, "1": {"0": 0, "1": 1}}
    assert {name: found[name]["value"] for name in values} == pytest.approx(values)
    assert {found[name]["standard_deviation"] for name in values} == {"NaN"}
    assert {name: tuple(found[name]) for name in CURVES} == CURVES


def test_thinned_curves_keep_their_form(sk: Any) -> None:
    """The thinned curves have few points, run from end to end, and preserve the area."""
    labels, probabilities = synthetic(50_000)
    found = binary_classification_metrics(labels, probabilities, 0.5)
    roc = found["receiver_operating_characteristic_curve"]
    fpr, tpr = roc["false_positive_rates"], roc["true_positive_rates"]
    assert 100 <= len(fpr) == len(tpr) <= 200
    assert (fpr[0], tpr[0], fpr[-1], tpr[-1]) == (0, 0, 1, 1)
    assert fpr == sorted(fpr)
    assert tpr == sorted(tpr)
    assert sk.auc(fpr, tpr) == pytest.approx(found["auc"]["value"], abs=2e-4)
    assert found["auc"]["value"] == pytest.approx(sk.roc_auc_score(labels, probabilities))
    curve = found["precision_recall_curve"]
    precisions, recalls = curve["precisions"], curve["recalls"]
    assert 50 <= len(precisions) == len(recalls) <= 200
    assert (recalls[0], recalls[-1], precisions[-1]) == (0, 1, pytest.approx(labels.mean()))
    precision, recall, _ = sk.precision_recall_curve(labels, probabilities)
    assert sk.auc(recalls, precisions) == pytest.approx(sk.auc(recall, precision), abs=1e-3)


def test_equal_probabilities_count_as_one_threshold() -> None:
    """A model with the same probability for all records is no better than chance, in any order of records."""
    found = binary_classification_metrics(np.array([1, 1, 0, 0]), np.full(4, 0.3), 0.5)
    assert found["auc"]["value"] == 0.5
    assert found["precision"] == {"value": 0.0, "standard_deviation": "NaN"}


@pytest.mark.parametrize("name", ["auc", "accuracy", "precision", "recall", "f0_5", "f1", "f2"])
def test_deviations_are_those_of_resampling(name: str) -> None:
    """A metric's standard deviation is close to that over resampled records."""
    labels, probabilities = synthetic(2_000)
    random = np.random.default_rng(1)
    resampled = []
    for _ in range(300):
        chosen = random.integers(0, len(labels), len(labels))
        found = binary_classification_metrics(labels[chosen], probabilities[chosen], 0.5)
        resampled.append(found[name]["value"])
    deviation = binary_classification_metrics(labels, probabilities, 0.5)[name]["standard_deviation"]
    assert deviation == pytest.approx(np.std(resampled), rel=0.2)


def test_importance_is_the_loss_by_shuffling(trained: Container) -> None:
    """It is as if the model had predicted every record anew for every feature, in the order of the losses."""
    from importance import permutation_importance  # noqa: PLC0415 - imports scikit-learn

    model = joblib.load(trained.base / "model" / "model.joblib")
    schema, rows, labels = read_labelled_rows(trained.base / "processing" / "test", "test")
    found = permutation_importance(model, rows, labels)
    assert found["records"] == len(labels) < 2000  # so that all are chosen, in their order
    random = np.random.RandomState(0)
    random.permutation(len(labels))
    order = random.permutation(len(labels))
    losses = {}
    for name in schema.names:
        shuffled = rows.assign(**{name: rows[name].iloc[order].to_numpy()}).astype({name: rows[name].dtype})
        losses[name] = found["value"] - roc_auc(labels, model.predict_proba(shuffled)[:, 1])[0]
    assert {one["name"]: one["importance"] for one in found["features"]} == pytest.approx(losses)
    assert [one["importance"] for one in found["features"]] == sorted(losses.values(), reverse=True)


def test_importance_of_many_columns_is_measured_on_fewer_records() -> None:
    """All chosen records are predicted anew for each column, so that the time would grow with both."""
    from importance import permutation_importance  # noqa: PLC0415 - imports scikit-learn, as the model
    from model import fit  # noqa: PLC0415

    random = np.random.RandomState(0)
    for columns, records in ((3, 600), (401, 500)):
        schema = Schema("y", "regression", None, tuple(Feature(f"c{number}", "number") for number in range(columns)))
        rows = pd.DataFrame(random.random_sample((600, columns)), columns=schema.names)
        labels = rows["c1"].to_numpy()
        found = permutation_importance(fit(schema, rows, labels, {"max_iter": 5}), rows, labels)
        assert found["records"] == records
        assert found["features"][0]["name"] == "c1"


def test_log_has_the_result(ready: Container) -> None:
    """The job's log has the model's metrics."""
    log = ready.run("evaluation.py")
    auc = json.loads(ready.read(REPORT))["binary_classification_metrics"]["auc"]["value"]
    assert f"auc={auc:.4f} accuracy=" in log


def test_archive_is_not_unpacked(ready: Container) -> None:
    """Other files in an archive are not written to disk, not even those with a path outside it."""
    outside = ready.base / "outside"
    model = (ready.base / "processing/model/model.tar.gz", ready.base / "processing/model/original.tar.gz")
    model[0].rename(model[1])
    with tarfile.open(model[1]) as original, tarfile.open(model[0], "w:gz") as members:
        for name in (str(outside), "../../outside", "../model.joblib"):
            members.addfile(tarfile.TarInfo(name), io.BytesIO())
        for member in original:
            members.addfile(member, original.extractfile(member))
    model[1].unlink()
    before = set(ready.base.rglob("*"))
    folder = (ready.base / REPORT).parent
    written = (folder / name for name in ("evaluation.json", "statistics.json", "constraints.json"))
    evaluate(ready)
    assert set(ready.base.rglob("*")) - before == {folder, *written}


def test_missing_model_is_named(ready: Container) -> None:
    """The error names an archive that is missing, broken or without a model."""
    archive = ready.base / "processing/model/model.tar.gz"
    archive.unlink()
    assert "no model.tar.gz in" in ready.fail("evaluation.py", "output/message")
    archive.write_bytes(b"not an archive")
    assert f"cannot read {archive}" in ready.fail("evaluation.py", "output/message")
    tarfile.open(archive, "w:gz").close()
    assert f"no model.joblib in {archive}" in ready.fail("evaluation.py", "output/message")


def test_missing_test_files_are_named(ready: Container) -> None:
    """The error names missing test files."""
    (ready.base / "processing/test/test_features.csv").unlink()
    reason = ready.fail("evaluation.py", "output/message")
    assert reason == f"no test_features.csv in {ready.base / 'processing' / 'test'}"
