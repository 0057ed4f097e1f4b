"""The quality of a model that predicts numbers, in the layout of SageMaker Model Monitor, and pictures for the report.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html names the metrics and gives an
example.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from quality import mean_metric, metric, skill

# So many records are in the report's picture.
POINTS = 300
BINS = 20


def regression_metrics(labels: np.ndarray, predictions: np.ndarray) -> dict[str, Any]:
    """Returns the metrics that Model Monitor gives for a regression."""
    errors = predictions - labels
    mse = mean_metric(errors**2)
    rmse, deviation = math.sqrt(mse["value"]), mse["standard_deviation"]
    variance = (deviation / (2 * rmse)) ** 2 if isinstance(deviation, float) and rmse else math.nan  # delta method
    return {
        "mae": mean_metric(np.abs(errors)),
        "mse": mse,
        "rmse": metric(rmse, variance, len(labels)),
        "r2": metric(*skill(labels, predictions), len(labels)),
    }


def regression_plots(labels: np.ndarray, predictions: np.ndarray) -> dict[str, Any]:
    """Returns some records' true and predicted numbers, and a histogram of the errors, predicted minus true."""
    chosen = np.random.RandomState(0).permutation(len(labels))[:POINTS]
    counts, edges = np.histogram(predictions - labels, bins=BINS)
    return {
        "predictions": {"true": labels[chosen].tolist(), "predicted": predictions[chosen].tolist()},
        "residuals": {"edges": edges.tolist(), "records": counts.tolist()},
    }
