"""Draws the report's charts, each with a table of the same data."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from executions.evaluation import Bin, Column, Cut, Point
from executions.monitoring import Feature
from report.svg import Plot, Scale, distribution, element, ranked

_ROWS = 11
"""The number of rows in a curve's table."""
_LARGEST_DOT = 9.0


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A curve's chart and its table."""

    picture: Markup
    columns: tuple[str, str]
    points: list[Point]
    """Some points of the curve, as in the evaluation report."""
    has_champion: bool


def roc(points: list[Point], champion: list[Point] | None, *, area: float | None) -> Curve:
    """The ROC curve.

    Args:
        points: false positive rates and true positive rates.
        champion: the champion's points.
        area: the area under the curve, from 0 to 1.
    """
    plot = Plot(across="False positive rate", up="True positive rate")
    label = "ROC curve" + ("" if area is None else f": the area under it is {area:.4f}")
    picture = plot.draw(
        plot.line([(0.0, 0.0), (1.0, 1.0)], "chance"),
        plot.area(points, "area"),
        *([plot.line(champion, "champion")] if champion else []),
        plot.line(points, "model"),
        label=label,
    )
    return Curve(
        picture=picture,
        columns=("False positive rate", "True positive rate"),
        points=_some(points),
        has_champion=bool(champion),
    )


def precision_recall(points: list[Point], champion: list[Point] | None, *, positives: float | None) -> Curve:
    """The precision-recall curve.

    Args:
        points: recalls and precisions.
        champion: the champion's points.
        positives: the share of class 1 among all records, which is the precision of predicting class 1 for all.
    """
    plot = Plot(across="Recall", up="Precision")
    layers = [plot.area(points, "area")]
    if positives is not None:
        layers.insert(0, plot.line([(0.0, positives), (1.0, positives)], "chance"))
    if champion:
        layers.append(plot.line(champion, "champion"))
    picture = plot.draw(*layers, plot.line(points, "model"), label="Precision-recall curve")
    return Curve(picture=picture, columns=("Recall", "Precision"), points=_some(points), has_champion=bool(champion))


def calibration(bins: Sequence[Bin]) -> Markup:
    """The calibration curve: the share of class 1 by predicted probability. A dot's area grows with its records."""
    plot = Plot(across="Predicted probability", up="Share of class 1")
    points = [(item.probability, item.share) for item in bins]
    most = max(item.records for item in bins) or 1
    return plot.draw(
        plot.line([(0.0, 0.0), (1.0, 1.0)], "chance"),
        plot.line(points, "model"),
        *(
            plot.dot(point, "dot", max(3.0, _LARGEST_DOT * math.sqrt(item.records / most)))
            for point, item in zip(points, bins, strict=True)
        ),
        label="Calibration: the closer to the diagonal, the more accurate the probabilities",
    )


def predicted(points: list[Point]) -> Markup:
    """Predicted against true numbers; a record on the diagonal is predicted exactly."""
    scale = Scale.of(value for point in points for value in point)
    plot = Plot(across="True", up="Predicted", x=scale, y=scale)
    return plot.draw(
        plot.line([(scale.low, scale.low), (scale.high, scale.high)], "chance"),
        *(plot.dot(point, "dot faint", 3.0) for point in points),
        label="Predicted against true numbers: the closer to the diagonal, the more accurate",
    )


def residuals(edges: list[float], counts: list[float]) -> Markup:
    """A histogram of the errors."""
    plot = Plot(across="Predicted minus true", up="Records", x=Scale.of(edges), y=Scale.of([0.0, *counts]))
    bars = [
        plot.bar(start, end, count, "train")
        for start, end, count in zip(edges, edges[1:], counts, strict=False)  # the last edge only ends a bar
    ]
    return plot.draw(*bars, label="How many records have which error")


def trade_off(cuts: Sequence[Cut]) -> Markup:
    """Precision, recall and the share of flagged records by threshold."""
    plot = Plot(across="Threshold", up="Share")
    return plot.draw(
        plot.line([(cut.threshold, cut.precision) for cut in cuts], "model"),
        plot.line([(cut.threshold, cut.recall) for cut in cuts], "champion"),
        plot.line([(cut.threshold, cut.flagged) for cut in cuts], "chance"),
        label="Precision, recall and the share of flagged records by threshold",
    )


def profile(column: Column) -> Markup:
    """The distribution of a column's values."""
    train, test = column.shares
    if not train:
        return Markup("")
    if len(column.bins) == len(train):
        label = ", ".join(f"{name} {share:.1%}" for name, share in zip(column.bins, train, strict=True))
    else:
        label = f"from {column.bins[0]} to {column.bins[-1]}" if column.bins else ""
    return distribution(train, test, label)


def drift(feature: Feature) -> Markup:
    """A feature's distribution in the baseline, as bars, and in the window, as a line over them."""
    before, now = feature.shares
    if not before:
        return Markup("")
    label = f"{feature.name}: the distribution in the baseline and in the window"
    if feature.categories:
        return ranked(list(zip(feature.categories, before, now, strict=True)), label)
    edges = feature.edges
    plot = Plot(across="Value", up="Share", x=Scale.of(edges), y=Scale.of([0.0, *before, *now]))
    bins = list(zip(edges, edges[1:], before, now, strict=False))  # the last edge only ends a bar
    return plot.draw(
        element("title", _values(feature)),
        *(plot.bar(start, end, share, "train") for start, end, share, _ in bins),
        plot.line([point for start, end, _, share in bins for point in ((start, share), (end, share))], "test"),
        label=label,
    )


def small_drift(feature: Feature) -> Markup:
    """The same as a small picture; its title has the values."""
    before, now = feature.shares
    if not before:
        return Markup("")
    return distribution(before, now, _values(feature))


def _values(feature: Feature) -> str:
    names = feature.categories or [f"up to {edge:.4g}" for edge in feature.edges[1:]]
    parts = zip(names, *feature.shares, strict=True)
    return ", ".join(f"{name}: {old:.1%}, now {new:.1%}" for name, old, new in parts)


def _some(points: list[Point]) -> list[Point]:
    """The distinct points of the curve that are nearest to evenly spaced positions on its horizontal axis."""
    steps = [step / (_ROWS - 1) for step in range(_ROWS)]
    nearest = {min(range(len(points)), key=lambda index: abs(points[index][0] - step)) for step in steps}
    return [points[index] for index in sorted(nearest)]
