"""Renders the page."""

import functools
from datetime import UTC, datetime
from pathlib import Path

import jinja2
from markupsafe import Markup

from executions import evaluation
from executions.differences import shared
from executions.evaluation import records
from executions.text import printable_lines
from pipeline.s3_uri import bucket_and_key
from report import charts, origin, sections
from report.facts import Facts
from report.outcome import main_metric, outcome, short_name

INDEX = "index.html"
"""The page that links to the reports next to it."""

NEWEST = 100
"""How many executions that page has, the newest."""

_TEMPLATES = Path(__file__).parent / "templates"
_SMALL, _LARGE = 1e-3, 1e4
_MINUTE, _HOUR = 60, 3600


def page_name(execution: str) -> str:
    """Returns the file name of an execution's report, next to the index."""
    return f"report-{execution}.html"


def page(facts: Facts, *, index: str | None = None) -> str:
    """Renders the report of an execution: an HTML document that loads nothing and has no control characters.

    Args:
        facts: of the execution.
        index: the address of the page that compares it with others, if there is one.
    """
    bins = sections.calibration(facts)
    report = facts.evaluation or {}
    columns, cuts = evaluation.columns(report), evaluation.trade_off(report)
    points, residuals = evaluation.predictions(report), evaluation.residuals(report)
    template = templates().get_template("page.html.j2")
    html = template.render(
        facts=facts,
        index=index,
        outcome=outcome(facts),
        reason=sections.reason(facts),
        main_metric=main_metric(facts),
        records=records(facts.evaluation or {}),
        timeline=sections.timeline(facts),
        judged=sections.judged_metrics(facts),
        approval=sections.approval(facts),
        comparison=sections.comparison(facts),
        roc=sections.roc(facts),
        precision_recall=sections.precision_recall(facts),
        confusion=sections.confusion(facts),
        bins=bins,
        calibration=charts.calibration(bins) if bins else None,
        columns=columns,
        profile=charts.profile,
        most_important=max((one.importance or 0.0 for one in columns), default=0.0) or 1.0,
        importance_metric=evaluation.importance_metric(report),
        importance_records=evaluation.importance_records(report),
        left_out=evaluation.left_out(report),
        leaks=[str(name) for name in evaluation.training(report).get("leaks") or ()],
        cuts=cuts,
        trade_off=charts.trade_off(cuts) if cuts else None,
        predicted=charts.predicted(points) if points else None,
        residuals=charts.residuals(*residuals) if residuals else None,
        monitoring=sections.monitoring(facts),
        drift=charts.drift,
        small_drift=charts.small_drift,
        data=origin.data(facts),
        model=origin.model(facts),
        hyperparameters=origin.hyperparameters(facts),
        versions=origin.versions(facts),
        differences=shared(facts.differences),
    )
    return printable_lines(html)


@functools.cache
def templates() -> jinja2.Environment:
    """Returns the templates of all pages, with their filters. Keeps what it has compiled, which takes 0.1 s a page."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for text in (number, difference, duration, moment, breakable, short_uri):
        environment.filters[text.__name__] = text
    environment.globals["short_name"] = short_name
    return environment


def number(value: float) -> str:
    """Formats a number with four decimals; large numbers have fewer, small ones two significant digits."""
    if isinstance(value, int):
        return f"{value:,}"
    size = abs(value)
    if size >= _LARGE:
        return f"{value:,.0f}"
    if 0 < size < _SMALL:
        return f"{value:.2g}"
    return f"{value:.4f}"


def difference(value: float) -> str:
    """Formats a number with its sign; a true minus sign keeps columns of digits aligned."""
    return ("+" if value > 0 else "\N{MINUS SIGN}" if value < 0 else "") + number(abs(value))


def duration(seconds: float) -> str:
    """Formats seconds: ``9.8 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"


def moment(value: datetime) -> str:
    """Formats a time in UTC: ``2026-11-23 10:31:53``."""
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def short_uri(uri: str) -> str:
    """Shortens a long S3 URI to its bucket and its last two parts."""
    bucket, key = bucket_and_key(uri)
    parts = key.strip("/").split("/")
    return uri if len(parts) <= 2 else f"s3://{bucket}/\N{HORIZONTAL ELLIPSIS}/{'/'.join(parts[-2:])}"  # noqa: PLR2004


def breakable(name: str) -> Markup:
    """Allows line breaks after the underscores of a name."""
    return Markup("_<wbr>").join(name.split("_"))
