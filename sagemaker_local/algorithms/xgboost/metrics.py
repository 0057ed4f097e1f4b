"""The metrics that AWS's container adds to XGBoost's own.

Source: ``metrics/custom_metrics.py`` of https://github.com/aws/sagemaker-xgboost-container.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from typing import Any

_NAMES = {"f1": "f1_macro", "precision": "precision_binary", "recall": "recall_binary"}


def custom_metric(names: Iterable[str], *, margins: bool) -> Callable[[Any, Any], list[tuple[str, float]]]:
    """Returns a function that XGBoost calls with predictions and a DMatrix.

    Args:
        names: of ``hyperparameters.CUSTOM_METRICS``.
        margins: whether the predictions are margins instead of probabilities.
    """
    names = list(names)

    def evaluate(predictions: Any, matrix: Any) -> list[tuple[str, float]]:
        labels = matrix.get_label()
        return [(name, _evaluate(name, predictions, labels, margins=margins)) for name in names]

    return evaluate


def _evaluate(name: str, predictions: Any, labels: Any, *, margins: bool) -> float:
    scores = importlib.import_module("sklearn.metrics")
    if name in ("mse", "r2"):
        return float({"mse": scores.mean_squared_error, "r2": scores.r2_score}[name](labels, predictions))
    classes = predictions.argmax(axis=1) if predictions.ndim > 1 else predictions > (0.0 if margins else 0.5)
    if name in ("accuracy", "balanced_accuracy"):
        return float(getattr(scores, f"{name}_score")(labels, classes))
    kind, _, average = _NAMES.get(name, name).partition("_")
    return float(getattr(scores, f"{kind}_score")(labels, classes, average=average, zero_division=0))
