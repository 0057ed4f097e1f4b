"""Renders a comparison of executions as one HTML page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from executions.evaluation import Point, roc_curve
from executions.text import printable_lines
from report.comparison import Column, Comparison, as_number
from report.page import templates
from report.svg import Plot, Scale

_CURVES = 8
"""How many ROC curves to draw over each other: as many as the style sheet has colours."""
_PLOTS = 6
"""How many parameters to draw against the main metric."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A chart with its title."""

    title: str
    picture: Markup
    keys: Sequence[str] = ()
    """The names of its lines, in the order of their colours."""


def comparison_page(comparison: Comparison, links: Mapping[str, str] | None = None) -> str:
    """Renders the page, which loads nothing and has no control characters.

    Args:
        comparison: of the executions.
        links: the addresses of the executions' own reports, by their names.
    """
    main = comparison.metrics[0] if comparison.metrics else None
    template = templates().get_template("comparison.html.j2")
    html = template.render(
        comparison=comparison,
        main=main,
        links=links or {},
        versions=[_version(run.result("registration").get("ModelPackageArn")) for run in comparison.runs],
        decisions=[run.result("approval").get("decision") for run in comparison.runs],
        figures=[figure for figure in (_trend(comparison, main), _roc(comparison)) if figure],
        parameters=_parameters(comparison, main),
    )
    return printable_lines(html)


def _version(arn: str | None) -> str | None:
    return str(arn).rpartition("/")[2] if arn else None


def _trend(comparison: Comparison, main: Column | None) -> Figure | None:
    """The main metric over time."""
    if main is None:
        return None
    dated = sorted(
        (run.started.timestamp(), value)
        for run, value in zip(comparison.runs, main.values, strict=True)
        if value is not None
    )
    if len(dated) < 2:  # noqa: PLR2004 - one point is no trend
        return None
    # Evenly spaced, since runs come in bursts.
    points = [(float(position), value) for position, (_, value) in enumerate(dated, start=1)]
    ticks = tuple((x, f"{x:.0f}") for x, _ in _thinned(points))
    plot = Plot(
        across="Run, oldest first",
        up=main.title,
        x=Scale(low=0.5, high=len(points) + 0.5, ticks=ticks),
        y=Scale.of(value for _, value in points),
    )
    layers = [plot.line(points, "model"), *(plot.dot(point, "dot") for point in points)]
    return Figure(title=f"{main.title} over time", picture=plot.draw(*layers, label=f"{main.title} of each run"))


def _thinned(points: Sequence[Point]) -> Sequence[Point]:
    step = max(1, len(points) // 6)
    return points[::step]


def _roc(comparison: Comparison) -> Figure | None:
    """The first executions' ROC curves over each other."""
    curves = [(run.name, curve) for run in comparison.runs if (curve := roc_curve(run.evaluation or {}))][:_CURVES]
    if len(curves) < 2:  # noqa: PLR2004 - nothing to compare
        return None
    plot = Plot(across="False positive rate", up="True positive rate")
    lines = [plot.line(curve, f"many c{position}") for position, (_, curve) in enumerate(curves)]
    picture = plot.draw(plot.line([(0.0, 0.0), (1.0, 1.0)], "chance"), *lines, label="ROC curves")
    return Figure(title="ROC curves", picture=picture, keys=[name for name, _ in curves])


def _parameters(comparison: Comparison, main: Column | None) -> list[Figure]:
    """The main metric by each numeric parameter."""
    if main is None:
        return []
    figures = []
    for column in comparison.differences:
        points = [
            (x, y)
            for given, y in zip(column.values, main.values, strict=True)
            if (x := as_number(given)) is not None and y is not None
        ]
        if len({x for x, _ in points}) < 2:  # noqa: PLR2004 - nothing varies
            continue
        plot = Plot(
            across=column.title, up=main.title, x=Scale.of(x for x, _ in points), y=Scale.of(y for _, y in points)
        )
        picture = plot.draw(*(plot.dot(point, "dot") for point in points), label=f"{main.title} by {column.title}")
        figures.append(Figure(title=f"{main.title} by {column.title}", picture=picture))
    return figures[:_PLOTS]
