"""The quality of a classifier of several classes, in the layout of SageMaker Model Monitor.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html names the metrics and gives an
example: each is the mean over the classes, weighted by their records. The standard deviation is that over resampled
confusion matrices.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from quality import metric

RESAMPLES = 200
BETAS = {"f0_5": 0.5, "f1": 1.0, "f2": 2.0}


def multiclass_classification_metrics(
    labels: np.ndarray, predicted: np.ndarray, classes: tuple[str, ...]
) -> dict[str, Any]:
    """Returns the metrics that Model Monitor gives for a classifier of several classes.

    Args:
        labels: the number of each record's class.
        predicted: the number of the class that the model finds the likeliest.
        classes: their names.
    """
    records, several = len(labels), len(classes)
    counts = np.bincount(labels.astype(int) * several + predicted, minlength=several**2)
    matrix = counts.reshape(several, several)
    constant = np.zeros_like(matrix)
    constant[:, matrix.sum(axis=1).argmax()] = matrix.sum(axis=1)
    return {
        "confusion_matrix": {  # true class, then predicted class
            true: dict(zip(classes, row)) for true, row in zip(classes, matrix.tolist())
        },
        **_metrics(matrix, records, ""),
        **_metrics(constant, records, "_best_constant_classifier"),
    }


def _metrics(matrix: np.ndarray, records: int, ending: str) -> dict[str, Any]:
    several = len(matrix)
    draws = np.random.RandomState(0).multinomial(records, matrix.ravel() / records, size=RESAMPLES)
    values, resampled = (
        _values(matrices)
        for matrices in (matrix[None].astype(float), draws.reshape(-1, several, several).astype(float))
    )
    return {
        name + ending: metric(float(values[name][0]), float(resampled[name].var(ddof=1)), records) for name in values
    }


def _values(matrices: np.ndarray) -> dict[str, np.ndarray]:
    """Returns each metric of several confusion matrices."""
    right, true, predicted = matrices.diagonal(axis1=1, axis2=2), matrices.sum(axis=2), matrices.sum(axis=1)
    shares = true / true.sum(axis=1, keepdims=True)
    recalls, precisions = _ratio(right, true), _ratio(right, predicted)
    found = {
        "accuracy": right.sum(axis=1) / true.sum(axis=1),
        "weighted_recall": (shares * recalls).sum(axis=1),
        "weighted_precision": (shares * precisions).sum(axis=1),
    }
    for name, beta in BETAS.items():
        scores = _ratio((1 + beta**2) * right, beta**2 * true + predicted)
        found[f"weighted_{name}"] = (shares * scores).sum(axis=1)
    return found


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
