"""Processing job: evaluates the model on test records that training has not seen.

Reads ``/opt/ml/processing/model/model.tar.gz`` and the test files under ``/opt/ml/processing/test``. Writes
``/opt/ml/processing/evaluation/evaluation.json`` in the layout of SageMaker Model Monitor's model quality statistics,
which the model registry and Studio show:
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html
(``version`` and ``dataset``: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-interpreting-statistics.html).
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

import census
from calibration import calibration
from job import PROCESSING, PROCESSING_FAILURE, JobError, run
from quality import binary_classification_metrics
from rows import read_labelled_rows

MODEL = "model.joblib"


def load_model(archive: Path) -> Any:
    """Loads the model from a training job's ``model.tar.gz``.

    Reads it directly from the archive, so that nothing else in the archive is written to disk.

    Raises:
        JobError: the archive is missing, cannot be read, or has no model.
    """
    if not archive.is_file():
        raise JobError(f"no {archive.name} in {archive.parent}")
    try:
        with tarfile.open(archive) as members:
            for member in members:
                file = members.extractfile(member) if str(PurePosixPath(member.name)) == MODEL else None
                if file:
                    return joblib.load(io.BytesIO(file.read()))
    except (tarfile.TarError, EOFError, OSError) as error:
        raise JobError(f"cannot read {archive}: {error}") from error
    raise JobError(f"no {MODEL} in {archive}")


def main() -> None:
    """Evaluates the model and writes the report.

    Raises:
        JobError: the model or the test data is missing or malformed.
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        reading = pool.submit(read_labelled_rows, PROCESSING / "test", "test")
        model = load_model(PROCESSING / "model" / "model.tar.gz")  # imports scikit-learn in parallel
    rows, labels = reading.result()
    try:
        probabilities = model.predict_proba(rows)[:, 1]
    except ValueError as error:
        raise JobError(f"cannot evaluate the model on {PROCESSING / 'test'}: {error}") from error
    metrics = binary_classification_metrics(labels, probabilities, census.THRESHOLD)
    report = {
        "version": 0.0,
        "dataset": {"item_count": len(labels)},
        "binary_classification_metrics": metrics,
        "calibration": calibration(labels, probabilities),
    }
    file = PROCESSING / "evaluation" / "evaluation.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(report, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    print(f"evaluated on {len(labels):,} records, {np.mean(labels):.1%} of them in class 1")
    print(" ".join(f"{name}={metrics[name]['value']:.4f}" for name in ("auc", "accuracy", "precision", "recall", "f1")))


if __name__ == "__main__":
    run(main, PROCESSING_FAILURE)
