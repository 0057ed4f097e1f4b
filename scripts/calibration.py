"""Measures how well a classifier's probabilities are calibrated.

SageMaker Model Monitor's layout has no place for this, so the report has it in a section next to the metrics.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

BINS = 10


def calibration(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, Any]:
    """Returns the Brier score and, for each tenth of the probabilities, the predicted and actual share of class 1.

    The Brier score is the mean squared difference between the probability and the class; its standard deviation is
    the standard error of that mean (https://doi.org/10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2).

    Args:
        labels: the true classes, 0 and 1.
        probabilities: the model's probabilities of class 1.

    Returns:
        ``brier_score``, and the non-empty ``bins`` of equal width.
    """
    squares = (probabilities - labels) ** 2
    deviation = float(squares.std(ddof=1)) / math.sqrt(len(squares)) if len(squares) > 1 else "NaN"
    number = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    return {
        "brier_score": {"value": float(squares.mean()), "standard_deviation": deviation},
        "bins": [
            {
                "from": index / BINS,
                "to": (index + 1) / BINS,
                "records": int(np.sum(number == index)),
                "mean_probability": float(probabilities[number == index].mean()),
                "share_of_class_1": float(labels[number == index].mean()),
            }
            for index in np.unique(number).tolist()
        ],
    }
