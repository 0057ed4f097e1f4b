"""Reads an evaluation report; missing or malformed parts are None or left out."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipeline.numbers import number

BASELINE = "_best_constant_classifier"
"""The suffix of Model Monitor's metrics of the best constant classifier
(https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html)."""

_VERSION = "version"
"""The number at a report's top that is the layout's version."""

_ROC = "receiver_operating_characteristic_curve"

Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric in the report."""

    group: str
    """The report's section; empty for a number at the report's top."""
    name: str
    value: float
    deviation: float | None
    """Its standard deviation; None if unknown."""
    baseline: float | None
    """The metric of the best constant classifier; None if unknown."""

    @property
    def path(self) -> str:
        """Its path in the report, as ``approval.metrics`` name it."""
        return f"{self.group}.{self.name}.value" if self.group else self.name


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """A confusion matrix."""

    classes: tuple[str, ...]
    counts: tuple[tuple[float, ...], ...]
    """The number of records by true class, then by predicted class."""


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Records with about the same predicted probability."""

    start: float
    end: float
    records: int
    probability: float
    """The mean predicted probability."""
    share: float
    """The share of them in class 1, from 0 to 1."""


def metrics(report: dict[str, Any]) -> list[Metric]:
    """The metrics of a report: the numbers at its top, then those in SageMaker's model-quality layout."""
    found = [
        Metric(group="", name=name, value=value, deviation=None, baseline=None)
        for name, content in report.items()
        if name != _VERSION and (value := number(content)) is not None
    ]
    for group, content in _groups(report):
        for name, metric in content.items():
            value = number(metric.get("value")) if isinstance(metric, dict) else None
            if value is None or name.endswith(BASELINE):
                continue
            baseline = content.get(name + BASELINE)
            found.append(
                Metric(
                    group=group,
                    name=name,
                    value=value,
                    deviation=number(metric.get("standard_deviation")),
                    baseline=number(baseline.get("value")) if isinstance(baseline, dict) else None,
                )
            )
    return found


def records(report: dict[str, Any]) -> int | None:
    """The number of records that the model was evaluated on."""
    dataset = report.get("dataset")
    count = number(dataset.get("item_count")) if isinstance(dataset, dict) else None
    return count if isinstance(count, int) else None


def compared(report: dict[str, Any]) -> dict[str, Any]:
    """Returns the metrics and the ROC curve of a report, which may be of many megabytes, in its own layout."""
    groups = {
        group: {
            name: part for name, part in content.items() if name == _ROC or (isinstance(part, dict) and "value" in part)
        }
        for group, content in _groups(report)
    }
    return {name: groups.get(name, part) for name, part in report.items() if not isinstance(part, list)}


def roc_curve(report: dict[str, Any]) -> list[Point] | None:
    """False positive rates and true positive rates."""
    return _pairs(report, _ROC, "false_positive_rates", "true_positive_rates")


def precision_recall_curve(report: dict[str, Any]) -> list[Point] | None:
    """Recalls and precisions."""
    return _pairs(report, "precision_recall_curve", "recalls", "precisions")


def confusion(report: dict[str, Any]) -> Confusion | None:
    """The first confusion matrix of the report."""
    for _, content in _groups(report):
        matrix = content.get("confusion_matrix")
        if not isinstance(matrix, dict) or not matrix:
            continue
        rows = [row if isinstance(row, dict) else {} for row in matrix.values()]
        classes = tuple(dict.fromkeys([*matrix, *(name for row in rows for name in row)]))
        counts = tuple(
            tuple(number(row.get(predicted, 0)) or 0 for predicted in classes)
            for row in (matrix.get(true, {}) if isinstance(matrix.get(true, {}), dict) else {} for true in classes)
        )
        return Confusion(classes=classes, counts=counts)
    return None


def calibration(report: dict[str, Any]) -> list[Bin] | None:
    """The bins of the calibration curve."""
    content = report.get("calibration")
    bins = content.get("bins") if isinstance(content, dict) else None
    if not isinstance(bins, list):
        return None
    keys = ("from", "to", "records", "mean_probability", "share_of_class_1")
    rows = [[number(item.get(key)) for key in keys] if isinstance(item, dict) else [None] for item in bins]
    found = [
        Bin(start=row[0], end=row[1], records=int(row[2]), probability=row[3], share=row[4])  # type: ignore[arg-type]
        for row in rows
        if None not in row and row[2] >= 0  # type: ignore[operator]
    ]
    return found or None


@dataclass(frozen=True, kw_only=True)
class Column:
    """The profile of a column that the model learns from."""

    name: str
    type: str
    bins: tuple[str, ...]
    """Categories, or the limits of the bins: one more than there are shares."""
    missing: tuple[float, float]
    """The share of unknown values, from 0 to 1, in the training and the test records."""
    distinct: int
    """The number of distinct values in the training records."""
    shares: tuple[tuple[float, ...], tuple[float, ...]]
    """The shares of the bins in the training and the test records."""
    importance: float | None
    """How much worse the model is with the column's values shuffled; None if unknown."""


@dataclass(frozen=True, kw_only=True)
class Cut:
    """What a threshold leads to; all numbers are shares from 0 to 1."""

    threshold: float
    precision: float
    recall: float
    flagged: float


def columns(report: dict[str, Any]) -> list[Column]:
    """The profiles of the columns, the most important first."""
    worth = dict(importances(report))
    profiles = report.get("columns")
    found = [_column(item, worth) for item in (profiles if isinstance(profiles, list) else ())]
    return sorted((one for one in found if one), key=lambda one: -(one.importance or 0.0))


def _column(item: Any, worth: dict[str, float]) -> Column | None:
    try:
        sides = [item[side] for side in ("train", "test")]
        return Column(
            name=str(item["name"]),
            type=str(item["type"]),
            bins=tuple(map(str, item.get("bins") or ())),
            missing=tuple(side["missing"] / side["records"] if side["records"] else 0.0 for side in sides),  # type: ignore[arg-type]
            distinct=int(sides[0]["distinct"]),
            shares=tuple(tuple(float(share) for share in side["shares"]) for side in sides),  # type: ignore[arg-type]
            importance=worth.get(str(item["name"])),
        )
    except (KeyError, TypeError, ValueError):
        return None


def importances(report: dict[str, Any]) -> list[tuple[str, float]]:
    """The columns' permutation importance."""
    content = report.get("feature_importance")
    features = content.get("features") if isinstance(content, dict) else None
    pairs = [
        (str(item.get("name")), number(item.get("importance")))
        for item in (features if isinstance(features, list) else ())
        if isinstance(item, dict)
    ]
    return [(name, value) for name, value in pairs if value is not None]


def importance_metric(report: dict[str, Any]) -> str | None:
    """The metric that the importance is a loss of."""
    content = report.get("feature_importance")
    return str(content.get("metric")) if isinstance(content, dict) and content.get("metric") else None


def importance_records(report: dict[str, Any]) -> int | None:
    """The number of test records, chosen at random, that the importance was measured on."""
    content = report.get("feature_importance")
    found = content.get("records") if isinstance(content, dict) else None
    return found if isinstance(found, int) else None


def left_out(report: dict[str, Any]) -> list[tuple[str, str]]:
    """The columns that the model does not learn from, and why."""
    content = report.get("left_out")
    items = content if isinstance(content, list) else ()
    return [(str(item.get("name")), str(item.get("reason"))) for item in items if isinstance(item, dict)]


def trade_off(report: dict[str, Any]) -> list[Cut]:
    """What thresholds lead to."""
    content = report.get("threshold_trade_off")
    keys = ("threshold", "precision", "recall", "share_flagged")
    rows = [
        [number(item.get(key)) for key in keys] if isinstance(item, dict) else [None]
        for item in (content if isinstance(content, list) else ())
    ]
    return [
        Cut(threshold=row[0], precision=row[1], recall=row[2], flagged=row[3])  # type: ignore[arg-type]
        for row in rows
        if None not in row
    ]


def predictions(report: dict[str, Any]) -> list[Point] | None:
    """True and predicted numbers of some records."""
    return _pairs(report, "predictions", "true", "predicted")


def residuals(report: dict[str, Any]) -> tuple[list[float], list[float]] | None:
    """The limits of bins of the errors, predicted minus true, and the number of records in each."""
    for _, content in _groups(report):
        found = content.get("residuals")
        if isinstance(found, dict):
            edges, counts = ([number(item) for item in found.get(key) or ()] for key in ("edges", "records"))
            if len(edges) == len(counts) + 1 > 1 and None not in (*edges, *counts):
                return edges, counts  # type: ignore[return-value]
    return None


def training(report: dict[str, Any]) -> dict[str, Any]:
    """How the model was trained, as its metadata says."""
    found = report.get("training")
    return found if isinstance(found, dict) else {}


def _pairs(report: dict[str, Any], name: str, across: str, up: str) -> list[Point] | None:
    for _, content in _groups(report):
        curve = content.get(name)
        if not isinstance(curve, dict):
            continue
        xs, ys = curve.get(across), curve.get(up)
        if not (isinstance(xs, list) and isinstance(ys, list) and len(xs) == len(ys) > 1):
            continue
        points = [(number(x), number(y)) for x, y in zip(xs, ys, strict=True)]
        return [(x, y) for x, y in points if x is not None and y is not None] or None
    return None


def _groups(report: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for group, content in report.items():
        if isinstance(content, dict):
            yield group, content
