"""Processing job: evaluates the model on test records that training has not seen.

Reads ``/opt/ml/processing/model/model.tar.gz`` and the test files under ``/opt/ml/processing/test``. Writes
``/opt/ml/processing/evaluation/evaluation.json`` in the layout of SageMaker Model Monitor's model quality statistics,
which the model registry and Studio show, and the model's baseline (``baseline.py``), of the training files under
``/opt/ml/processing/train``, too:
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html
(``version`` and ``dataset``: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-interpreting-statistics.html).
That layout depends on the problem; ``better_than_constant.skill`` is there for all of them. The other sections are for
the run's report.
"""

from __future__ import annotations

import io
import json
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any

import joblib
import numpy as np

import baseline
from calibration import calibration
from job import PROCESSING, PROCESSING_FAILURE, JobError, run
from prediction import FILE, predict, schema_of
from quality import better_than_constant
from quality_binary import THRESHOLD, binary_classification_metrics, threshold_trade_off
from quality_multiclass import multiclass_classification_metrics
from quality_regression import regression_metrics, regression_plots
from rows import read_labelled_rows
from schema import BINARY, MULTICLASS, Schema

METADATA = "metadata.json"


def load_model(archive: Path) -> tuple[Any, dict[str, Any]]:
    """Loads the model and its metadata from a training job's ``model.tar.gz``.

    Reads them directly from the archive, so that nothing else in the archive is written to disk.

    Raises:
        JobError: the archive is missing, cannot be read, or has no model.
    """
    if not archive.is_file():
        raise JobError(f"no {archive.name} in {archive.parent}")
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(archive) as members:
            for member in members:
                name = str(PurePosixPath(member.name))
                file = members.extractfile(member) if name in {FILE, METADATA} else None
                if file:
                    found[name] = file.read()
                if len(found) == 2:  # noqa: PLR2004 - both
                    break
        if FILE in found:
            return joblib.load(io.BytesIO(found[FILE])), json.loads(found.get(METADATA, b"{}"))
    except (tarfile.TarError, EOFError, OSError) as error:
        raise JobError(f"cannot read {archive}: {error}") from error
    raise JobError(f"no {FILE} in {archive}")


def metrics(schema: Schema, labels: np.ndarray, predictions: np.ndarray) -> dict[str, Any]:
    """Returns the sections of the report that depend on the problem."""
    if schema.problem == BINARY:
        return {
            "binary_classification_metrics": binary_classification_metrics(labels, predictions, THRESHOLD),
            "calibration": calibration(labels, predictions),
            "threshold_trade_off": threshold_trade_off(labels, predictions),
        }
    if schema.problem == MULTICLASS:
        classes = schema.classes or ()
        predicted = predictions.argmax(axis=1)
        return {"multiclass_classification_metrics": multiclass_classification_metrics(labels, predicted, classes)}
    return {
        "regression_metrics": regression_metrics(labels, predictions),
        "regression_plots": regression_plots(labels, predictions),
    }


def check_schema(model: Schema, test: Schema) -> None:
    """Checks that the test files are what the model takes: they may be of another execution.

    Raises:
        JobError: they predict something else, or lack a column.
    """
    for what in ("label", "problem", "classes"):
        theirs, ours = getattr(test, what), getattr(model, what)
        if theirs != ours:
            raise JobError(f"the test records' {what} is {theirs!r}, but the model's is {ours!r}")
    lacking = [name for name in model.names if name not in test.names]
    if lacking:
        raise JobError(f"the test records lack {', '.join(map(repr, lacking))}, from which the model predicts")


def main() -> None:
    """Evaluates the model and writes the report.

    Raises:
        JobError: the model or the test data is missing or malformed.
    """
    folder, train_folder = PROCESSING / "test", PROCESSING / "train"
    pool = ThreadPoolExecutor(max_workers=2)
    reading = pool.submit(read_labelled_rows, folder, "test")
    training = pool.submit(read_labelled_rows, train_folder, "train") if train_folder.is_dir() else None
    # Imports scikit-learn while the files are being read.
    from importance import permutation_importance  # noqa: PLC0415

    model, metadata = load_model(PROCESSING / "model" / "model.tar.gz")
    test_schema, rows, labels = reading.result()
    schema = schema_of(model)
    check_schema(schema, test_schema)
    rows = rows[schema.names]
    try:
        predictions = predict(model, rows)
    except ValueError as error:
        raise JobError(f"cannot evaluate the model on {folder}: {error}") from error
    report = {
        "version": 0.0,
        "dataset": {"item_count": len(labels)},
        **metrics(schema, labels, predictions),
        "better_than_constant": better_than_constant(schema, labels, predictions),
        "feature_importance": permutation_importance(model, rows, labels),
        "columns": json.loads((folder / "profile.json").read_text(encoding="utf-8")),
        "left_out": [{"name": one.name, "reason": one.reason} for one in test_schema.dropped],
        "training": metadata,
    }
    file = PROCESSING / "evaluation" / "evaluation.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(report, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    train = training.result()[1] if training else None
    baseline.write(file.parent, schema, train=train, test=rows, labels=labels, predictions=predictions)
    positives = f", {np.mean(labels):.1%} of them in class 1" if schema.problem == BINARY else ""
    print(f"evaluated on {len(labels):,} records{positives}")
    print(summary(report))


SHOWN = ("auc", "accuracy", "precision", "recall", "f1", "weighted_f1", "mae", "rmse", "r2", "skill")


def summary(report: dict[str, Any]) -> str:
    """Returns the report's main metrics in one line."""
    found = {name: one for group in report.values() if isinstance(group, dict) for name, one in group.items()}
    return " ".join(f"{name}={found[name]['value']:.4f}" for name in SHOWN if name in found)


if __name__ == "__main__":
    run(main, PROCESSING_FAILURE)
