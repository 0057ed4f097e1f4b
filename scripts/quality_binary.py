"""The quality of a binary classifier, in the layout of SageMaker Model Monitor.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html names the metrics and gives an
example. The standard deviation is in closed form: for shares, that of the binomial distribution; for F-beta, by the
delta method; for the area under the ROC curve, by Biometrics 44 (1988), pages 837-845,
https://doi.org/10.2307/2531595.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from quality import metric

# A record with at least this probability of class 1 is labelled 1.
THRESHOLD = 0.5

# The maximum number of points of a curve, which would otherwise have one for each distinct probability.
CURVE_POINTS = 200


@dataclass(frozen=True)
class Confusion:
    """The confusion matrix of a classifier."""

    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int

    @property
    def positives(self) -> int:
        """The number of records of class 1."""
        return self.true_positives + self.false_negatives

    @property
    def negatives(self) -> int:
        """The number of records of class 0."""
        return self.true_negatives + self.false_positives

    @property
    def records(self) -> int:
        """The number of all records."""
        return self.positives + self.negatives

    def metric(self, value: float, variance: float) -> dict[str, Any]:
        """Formats a metric in Model Monitor's layout."""
        return metric(value, variance, self.records)

    def share(self, part: int, whole: int) -> dict[str, Any]:
        """Returns a share as a metric; a share of nothing is 0, with unknown deviation."""
        value = part / whole if whole else 0.0
        return self.metric(value, value * (1 - value) / whole if whole else math.nan)

    def accuracy(self) -> dict[str, Any]:
        """The share of records that were classified correctly."""
        return self.share(self.true_positives + self.true_negatives, self.records)

    def precision(self) -> dict[str, Any]:
        """The share of class 1 among the records predicted to be in it."""
        return self.share(self.true_positives, self.true_positives + self.false_positives)

    def recall(self) -> dict[str, Any]:
        """The share of correct predictions among the records of class 1."""
        return self.share(self.true_positives, self.positives)

    def f_beta(self, beta: float) -> dict[str, Any]:
        """The harmonic mean of precision and recall, recall weighing ``beta`` squared times as much."""
        weight = beta * beta
        hits = (1 + weight) * self.true_positives
        total = hits + weight * self.false_negatives + self.false_positives
        value = hits / total
        # The derivatives by the counts of true positives, false negatives and false positives, times the total, each
        # squared and weighted by its count. F-beta is invariant under scaling all counts, so nothing is subtracted.
        variance = (
            self.true_positives * ((1 + weight) * (1 - value)) ** 2
            + self.false_negatives * (weight * value) ** 2
            + self.false_positives * value**2
        ) / total**2
        return self.metric(value, variance)


def binary_classification_metrics(labels: np.ndarray, probabilities: np.ndarray, threshold: float) -> dict[str, Any]:
    """Returns the metrics that Model Monitor gives for a binary classifier.

    ``..._best_constant_classifier`` is the better of the two classifiers that assign the same class to all records. By
    every metric but accuracy, that is the one that always predicts 1, because the other scores 0.

    Args:
        labels: the true classes, 0 and 1, both of them present.
        probabilities: the model's probabilities of class 1.
        threshold: a record with at least this probability is predicted to be 1.
    """
    found = _confusion(labels, probabilities >= threshold)
    ones = _confusion(labels, np.ones_like(labels, dtype=bool))
    return {
        "confusion_matrix": {  # true class, then predicted class
            "0": {"0": found.true_negatives, "1": found.false_positives},
            "1": {"0": found.false_negatives, "1": found.true_positives},
        },
        "recall": found.recall(),
        "precision": found.precision(),
        "accuracy": found.accuracy(),
        "recall_best_constant_classifier": ones.recall(),
        "precision_best_constant_classifier": ones.precision(),
        "accuracy_best_constant_classifier": found.share(max(found.positives, found.negatives), found.records),
        "true_positive_rate": found.recall(),
        "true_negative_rate": found.share(found.true_negatives, found.negatives),
        "false_positive_rate": found.share(found.false_positives, found.negatives),
        "false_negative_rate": found.share(found.false_negatives, found.positives),
        **_curves(labels, probabilities),
        "auc": found.metric(*roc_auc(labels, probabilities)),
        "f0_5": found.f_beta(0.5),
        "f1": found.f_beta(1.0),
        "f2": found.f_beta(2.0),
        "f0_5_best_constant_classifier": ones.f_beta(0.5),
        "f1_best_constant_classifier": ones.f_beta(1.0),
        "f2_best_constant_classifier": ones.f_beta(2.0),
    }


def roc_auc(labels: np.ndarray, probabilities: np.ndarray) -> tuple[float, float]:
    """Returns the area under the ROC curve and its variance, by the source above. The arguments are as above.

    The area is the chance that a record of class 1 gets a higher probability than one of class 0. A record contributes
    the share of the other class that it ranks correctly against; the spread of these contributions gives the variance.
    """
    ones, zeros = np.sort(probabilities[labels == 1]), np.sort(probabilities[labels != 1])
    parts_of_ones, parts_of_zeros = _shares_below(ones, zeros), 1 - _shares_below(zeros, ones)
    variance = sum(
        parts.var(ddof=1) / len(parts) if len(parts) > 1 else math.nan for parts in (parts_of_ones, parts_of_zeros)
    )
    return float(parts_of_ones.mean()), float(variance)


def auc_influences(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Returns how much each record moves the area from its value, up to a common factor, by the same source."""
    is_one = labels == 1
    ones, zeros = np.sort(probabilities[is_one]), np.sort(probabilities[~is_one])
    parts = np.empty(len(labels))
    parts[is_one] = _shares_below(probabilities[is_one], zeros)
    parts[~is_one] = 1 - _shares_below(probabilities[~is_one], ones)
    area = parts[is_one].mean()
    return (parts - area) / np.where(is_one, is_one.mean(), 1 - is_one.mean())


def _shares_below(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Returns, for each value, the share of the others, which are sorted, below it; ties count half."""
    return (np.searchsorted(others, values, "left") + np.searchsorted(others, values, "right")) / (2 * len(others))


def _confusion(labels: np.ndarray, predicted: np.ndarray) -> Confusion:
    true = labels == 1
    return Confusion(
        true_positives=int(np.sum(predicted & true)),
        false_positives=int(np.sum(predicted & ~true)),
        true_negatives=int(np.sum(~predicted & ~true)),
        false_negatives=int(np.sum(~predicted & true)),
    )


def _curves(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, dict[str, list[float]]]:
    """Returns the ROC and precision-recall curves, from a threshold that no record reaches to one that all reach."""
    order = np.argsort(-probabilities, kind="stable")
    # Records with the same probability pass the threshold together.
    last_of_equals = np.append(np.flatnonzero(np.diff(probabilities[order])), len(labels) - 1)
    true_positives = np.cumsum(labels[order] == 1)[last_of_equals]
    predicted = last_of_equals + 1
    false_positives = predicted - true_positives
    recalls = np.append(0.0, true_positives / true_positives[-1])
    return {
        "receiver_operating_characteristic_curve": _curve(
            false_positive_rates=np.append(0.0, false_positives / false_positives[-1]), true_positive_rates=recalls
        ),
        "precision_recall_curve": _curve(precisions=np.append(1.0, true_positives / predicted), recalls=recalls),
    }


def _curve(**axes: np.ndarray) -> dict[str, list[float]]:
    """Thins a curve to points spaced evenly along it, which preserves its shape and area."""
    steps = sum(np.abs(np.diff(values)) for values in axes.values())
    length = np.append(0.0, np.cumsum(steps))
    kept = np.unique(np.searchsorted(length, np.linspace(0.0, length[-1], CURVE_POINTS)))
    return {name: values[kept].tolist() for name, values in axes.items()}


def threshold_trade_off(labels: np.ndarray, probabilities: np.ndarray) -> list[dict[str, float]]:
    """Returns precision, recall and the share of flagged records for thresholds from 0.05 to 0.95.

    A record with at least a threshold's probability of class 1 is flagged. Precision is that of the flagged records;
    if there are none, it is 1, as at the beginning of the precision-recall curve.
    """
    rows = []
    for step in range(1, 20):
        found = _confusion(labels, probabilities >= step / 20)
        flagged = found.true_positives + found.false_positives
        rows.append(
            {
                "threshold": step / 20,
                "precision": found.true_positives / flagged if flagged else 1.0,
                "recall": found.true_positives / found.positives,
                "share_flagged": flagged / found.records,
            }
        )
    return rows
