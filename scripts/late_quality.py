"""Compares a model's quality on records whose labels have arrived with that of its evaluation.

The metrics are the evaluation's own. A window of m records differs from the baseline of n by chance with a variance of
the sum of both standard errors squared: the metrics are means, or asymptotically normal functions of means (A. W. van
der Vaart, Asymptotic Statistics (1998), theorem 3.1; for the area under the ROC curve, https://doi.org/10.2307/2531595).
As a window of few events underestimates its own error, the window's is at least the baseline's times the root of n/m.
Identical test records come together, so the baseline's error is larger by its ``design_effects`` (``drift.py``).

``calibration`` is the mean predicted probability minus the share that came true: of class 1 or, of several classes, of
the likeliest one; "calibration in the large": D. R. Cox, Biometrika 45 (1958), https://doi.org/10.2307/2333203.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from calibration import calibration
from check import Check, Levels
from job import JobError
from quality import mean_metric
from quality_binary import THRESHOLD, auc_influences, binary_classification_metrics
from quality_multiclass import multiclass_classification_metrics
from quality_regression import regression_metrics
from schema import BINARY, MULTICLASS

BINARY_METRICS = ("auc", "accuracy", "precision", "recall", "f1")
MULTICLASS_METRICS = ("accuracy", "weighted_precision", "weighted_recall", "weighted_f1")
REGRESSION_METRICS = ("mae", "rmse", "r2")

# Metrics that are better the lower they are, whose smallest effect is a share of the baseline's.
ERRORS = frozenset({"brier_score", "mae", "rmse"})
CALIBRATION = "calibration"


def quality_of(
    label: str, problem: str, classes: Sequence[str] | None, labels: np.ndarray, answers: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    """Returns the quality of answers: the ``quality`` of ``statistics.json``, which is this project's own.

    Args:
        label: the label's name.
        problem: what is predicted, as a schema has it.
        classes: the classes in order; None in a regression.
        labels: for each record the number of its class, or the number.
        answers: the model's answers, by their names, as ``inference.py`` gives them.

    Returns:
        What the schema says of the label, the number of ``records``, the ``metrics`` and, of classes, the calibration's
        ``bins``. Metrics of both classes are left out where only one has records.

    Raises:
        JobError: an answer is a class that the model does not know.
    """
    found: dict[str, Any] = {"label": label, "problem": problem, "classes": classes, "records": len(labels)}
    if problem == BINARY:
        chances, came_true = answers["probability"], labels
        metrics = {}
        if 0 < labels.sum() < len(labels):
            metrics = _chosen(binary_classification_metrics(labels, chances, THRESHOLD), BINARY_METRICS)
    elif problem == MULTICLASS:
        predicted = _numbers(answers["label"], classes or ())
        chances, came_true = answers["probability"], (labels == predicted).astype(np.int8)
        metrics = _chosen(
            multiclass_classification_metrics(labels, predicted, tuple(classes or ())), MULTICLASS_METRICS
        )
    else:
        metrics = _chosen(regression_metrics(labels, answers["prediction"]), REGRESSION_METRICS)
        return dict(found, metrics=metrics)
    metrics["brier_score"] = mean_metric((chances - came_true) ** 2)
    metrics[CALIBRATION] = mean_metric(chances - came_true)
    return dict(found, metrics=metrics, bins=calibration(came_true, chances)["bins"])


def design_effects(
    quality: Mapping[str, Any], labels: np.ndarray, answers: Mapping[str, np.ndarray], groups: np.ndarray
) -> dict[str, float]:
    """Returns for each metric by what its variance is larger because records come together in groups.

    A metric that is a ratio of means moves by a record's numerator minus the ratio times its denominator (van der
    Vaart, theorem 20.8); the variance of a sum over groups is that of the groups' sums.

    Args:
        quality: as returned by ``quality_of`` for the same labels and answers.
        labels: as for ``quality_of``.
        answers: as for ``quality_of``.
        groups: for each record, the number of its group, from 0.
    """
    found = {}
    for name, moves in _influences(quality, labels, answers).items():
        moved = float((moves**2).sum())
        found[name] = max(1.0, float((np.bincount(groups, weights=moves) ** 2).sum()) / moved) if moved else 1.0
    others = max(found.values())
    return {name: found.get(name, others) for name in quality["metrics"]}


def _influences(
    quality: Mapping[str, Any], labels: np.ndarray, answers: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Returns how much each record moves a metric, up to a common factor."""
    problem, whole = quality["problem"], np.ones(len(labels))
    if problem not in {BINARY, MULTICLASS}:
        errors, squares = np.abs(answers["prediction"] - labels), (answers["prediction"] - labels) ** 2
        constant = (labels - labels.mean()) ** 2
        ratios = {"mae": (errors, whole), "rmse": (squares, whole), "r2": (squares, constant)}
    else:
        chances = answers["probability"]
        is_one, is_predicted = labels == 1, chances >= THRESHOLD
        is_right = is_one == is_predicted
        if problem == MULTICLASS:
            is_right = _numbers(answers["label"], quality["classes"] or ()) == labels
        came_true = is_one if problem == BINARY else is_right
        hits = 1.0 * (is_one & is_predicted)
        ratios = {
            "accuracy": (1.0 * is_right, whole),
            "precision": (hits, 1.0 * is_predicted),
            "recall": (hits, 1.0 * is_one),
            "f1": (2 * hits, 1.0 * is_one + is_predicted),
            "brier_score": ((chances - came_true) ** 2, whole),
            CALIBRATION: (chances - came_true, whole),
        }
    found = {
        name: part - part.sum() / max(of.sum(), 1e-12) * of
        for name, (part, of) in ratios.items()
        if name in quality["metrics"]
    }
    return dict(found, auc=auc_influences(labels, answers["probability"])) if "auc" in quality["metrics"] else found


def _chosen(metrics: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: metrics[name] for name in names}


def _numbers(names: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    codes = {name: code for code, name in enumerate(classes)}
    distinct, places = np.unique(names, return_inverse=True)
    unknown = [name for name in distinct.tolist() if name not in codes]
    if unknown:
        raise JobError(f"an answer is the class {unknown[0]!r}, expected one of {', '.join(map(repr, classes))}")
    return np.array([codes[name] for name in distinct.tolist()])[places]


def compared(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Returns the metrics of which both sides know the standard error."""
    return [
        name
        for name, metric in before["metrics"].items()
        if all(isinstance(one.get("standard_deviation"), float) for one in (metric, now["metrics"].get(name, {})))
    ]


def checks(before: Mapping[str, Any], now: Mapping[str, Any], levels: Levels) -> Iterator[Check]:
    """Compares each metric with the baseline's: whether it is worse and, of the calibration, whether it differs."""
    growth = before["records"] / now["records"]
    for name in compared(before, now):
        old, new = before["metrics"][name], now["metrics"][name]
        error = old["standard_deviation"] * math.sqrt(before.get("design_effects", {}).get(name, 1.0))
        own = max(new["standard_deviation"], old["standard_deviation"] * math.sqrt(growth))
        margin = max(levels.normal * math.hypot(error, own), _effect(name, old["value"], levels))
        is_limit_above = new["value"] > old["value"] if name == CALIBRATION else name in ERRORS
        threshold = old["value"] + (margin if is_limit_above else -margin)
        exceeded = new["value"] > threshold if is_limit_above else new["value"] < threshold
        text = f"{new['value']:.4f}, at {'most' if is_limit_above else 'least'} {threshold:.4f} expected"
        text += f", baseline {old['value']:.4f}"
        check = CALIBRATION if name == CALIBRATION else "quality"
        yield Check(name, check, new["value"], threshold, exceeded, text)


def _effect(name: str, value: float, levels: Levels) -> float:
    if name in ERRORS:
        return levels.effects["quality_error"] * abs(value)
    return levels.effects[CALIBRATION if name == CALIBRATION else "quality"]
