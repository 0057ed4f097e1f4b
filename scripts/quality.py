"""What the metrics of all problems share: their format, and how much better a model is than the best constant.

A metric is ``{"value": number, "standard_deviation": number}``, as in SageMaker Model Monitor
(https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html); as there, an unknown
deviation is the string "NaN". Model Monitor takes the deviation over five random samples of 80% of the data. Here it is
the metric's standard error, which is the same in every run.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from schema import MULTICLASS, Schema

# Model Monitor gives a standard deviation only for at least this many samples.
DEVIATION_SAMPLES = 200


def metric(value: float, variance: float, records: int) -> dict[str, Any]:
    """Formats a metric."""
    known = records >= DEVIATION_SAMPLES and math.isfinite(variance)
    return {"value": float(value), "standard_deviation": math.sqrt(max(variance, 0.0)) if known else "NaN"}


def mean_metric(values: np.ndarray) -> dict[str, Any]:
    """Formats the mean of a value of each record."""
    records = len(values)
    return metric(values.mean(), values.var(ddof=1) / records if records > 1 else math.nan, records)


def as_targets(schema: Schema, labels: np.ndarray) -> np.ndarray:
    """Returns the labels in the form of predictions: of several classes, a 1 in the column of each record's class."""
    return np.eye(len(schema.classes or ()))[labels] if schema.problem == MULTICLASS else labels.astype(float)


def skill(targets: np.ndarray, predictions: np.ndarray) -> tuple[float, float]:
    """Returns the share of the best constant prediction's squared error that the model saves, and its variance.

    It is 1 for a perfect model, 0 for one no better than the constant, and negative for a worse one. Of numbers it is
    R²; of classes, whose constant predicts each with its share of the records, the Brier skill score
    (https://doi.org/10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2).

    Args:
        targets: as returned by ``as_targets``.
        predictions: numbers or probabilities of the same shape.
    """
    errors = ((predictions - targets) ** 2).reshape(len(targets), -1).sum(axis=1)
    of_constant = ((targets - targets.mean(axis=0)) ** 2).reshape(len(targets), -1).sum(axis=1)
    whole = float(of_constant.mean())
    if not whole:
        return 0.0, math.nan
    ratio = float(errors.mean()) / whole
    # By the delta method: the variance of a ratio of means.
    spread = float((errors - ratio * of_constant).var(ddof=1)) if len(targets) > 1 else math.nan
    return 1 - ratio, spread / (len(targets) * whole**2)


def better_than_constant(schema: Schema, labels: np.ndarray, predictions: np.ndarray) -> dict[str, Any]:
    """Returns ``skill`` as a metric: the one that all problems have."""
    return {"skill": metric(*skill(as_targets(schema, labels), predictions), len(labels))}
