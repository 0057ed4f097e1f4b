"""Processing job: evaluates the model that the built-in XGBoost has trained, on records that training has not seen.

Reads ``xgboost-model`` from ``/opt/ml/processing/model/model.tar.gz`` and ``/opt/ml/processing/test/test.csv``. Writes
``/opt/ml/processing/evaluation/evaluation.json`` in the layout of SageMaker Model Monitor, which the registry shows:
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html
"""

from __future__ import annotations

import json
import sys
import tarfile
from pathlib import Path

import pandas as pd
import xgboost
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score, roc_auc_score

PROCESSING = Path("/opt/ml/processing")
MODEL = "xgboost-model"
THRESHOLD = 0.5


def load_model() -> xgboost.Booster:
    """Loads the model from the training job's archive."""
    with tarfile.open(PROCESSING / "model" / "model.tar.gz") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.name.lstrip("./") == MODEL else None
            if file:
                booster = xgboost.Booster()
                booster.load_model(bytearray(file.read()))
                return booster
    sys.exit(f"no {MODEL} in model.tar.gz")


def main() -> None:
    """Evaluates the model and writes the report."""
    table = pd.read_csv(PROCESSING / "test" / "test.csv", header=None)
    labels, features = table[0].to_numpy(), table.drop(columns=0).to_numpy(dtype=float)
    probabilities = load_model().predict(xgboost.DMatrix(features))
    predicted = probabilities >= THRESHOLD
    values = {
        "auc": roc_auc_score(labels, probabilities),
        "accuracy": accuracy_score(labels, predicted),
        "precision": precision_score(labels, predicted, zero_division=0),
        "recall": recall_score(labels, predicted),
        "f1": f1_score(labels, predicted),
    }
    metrics = {name: {"value": float(value), "standard_deviation": "NaN"} for name, value in values.items()}
    report = {
        "version": 0.0,
        "dataset": {"item_count": len(labels)},
        "binary_classification_metrics": metrics,
    }
    folder = PROCESSING / "evaluation"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "evaluation.json").write_text(json.dumps(report, indent=2) + "\n")
    print(" ".join(f"{name}={value:.4f}" for name, value in values.items()))


if __name__ == "__main__":
    main()
