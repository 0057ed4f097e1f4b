"""``mlops compare``: what differs between executions, and which has the best metrics."""

import csv
import io
import json
from datetime import UTC
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from cli.errors import CommandError
from cli.options import console
from cli.overview import STATE_STYLES
from cli.report import write_page
from cli.target import aws_errors, target
from executions.newest import newest_first
from executions.target import Target
from executions.text import iso, printable
from report.collect import Collector
from report.comparison import Column, Comparison, lower_is_better
from report.comparison import compare as compared
from report.comparison_page import comparison_page
from report.facts import Facts

_SHOWN_DIFFERENCES = 6
_SHOWN_METRICS = 5
_STARTED = "started"


def compare(
    *,
    executions: tuple[str, ...],
    limit: int,
    sort: str,
    html: Path | None,
    as_json: bool,
    as_csv: bool,
    stack: str | None,
    folder: Path,
    local: bool,
) -> None:
    """Compares executions."""
    if as_json and as_csv:
        raise CommandError("--json and --csv exclude each other")
    with aws_errors():
        comparison = compared(read(target(stack=stack, local=local, folder=folder), executions, limit))
    if not comparison.runs:
        raise CommandError("there is no execution to compare yet; start one: mlops start")
    comparison = _sorted(comparison, sort)
    if html is not None:
        write_page(html, comparison_page(comparison), option="--html")
        click.echo(f"written: {html}", err=True)  # standard output may be read by a program
    if as_json:
        click.echo(json.dumps(_as_json(comparison), indent=2))
    elif as_csv:
        click.echo(_as_csv(comparison), nl=False)
    else:
        _show(comparison)


def read(found: Target, names: tuple[str, ...], limit: int) -> list[Facts]:
    """Reads the facts of the named executions or, if none is named, of the newest; newest first.

    Args:
        found: the deployment.
        names: of executions, as every command takes them.
        limit: the maximum number if none is named.
    """
    collector = Collector(s3=found.aws.client("s3"), tail=found.logs.tail)

    def facts(name: str) -> Facts:
        execution = found.executions.describe(name)
        return collector.compared(execution, found.executions.data(execution))

    chosen = names or [listed["executionArn"] for listed in found.executions.all(limit=limit)]
    return list({run.arn: run for run in newest_first(facts, chosen)}.values())


def _sorted(comparison: Comparison, sort: str) -> Comparison:
    if sort == _STARTED:
        return comparison
    column = comparison.column(sort)
    if column is None:
        known = ", ".join([_STARTED, *(each.title for each in (*comparison.differences, *comparison.metrics))])
        raise CommandError(f"--sort is {sort!r}; expected one of: {printable(known)}")
    is_metric = column in comparison.metrics
    return comparison.sorted_by(column, lower_first=not is_metric or lower_is_better(column.path, comparison.runs))


def _as_json(comparison: Comparison) -> dict[str, Any]:
    return {
        "differences": [column.path for column in comparison.differences],
        "executions": [
            {
                "name": run.name,
                "status": run.status,
                "started": iso(run.started),
                "values": {column.path: column.values[position] for column in comparison.differences},
                "metrics": {column.path: column.values[position] for column in comparison.metrics},
                "best": [column.path for column in comparison.metrics if position in column.best],
            }
            for position, run in enumerate(comparison.runs)
        ],
    }


def _as_csv(comparison: Comparison) -> str:
    columns = (*comparison.differences, *comparison.metrics)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["execution", "status", "started", *(column.path for column in columns)])
    for position, run in enumerate(comparison.runs):
        started = iso(run.started)
        writer.writerow([run.name, run.status, started, *(column.values[position] for column in columns)])
    return text.getvalue()


def _show(comparison: Comparison) -> None:
    """Prints the table: the first differences and metrics, and how many more there are."""
    differences, measured = comparison.differences[:_SHOWN_DIFFERENCES], comparison.metrics[:_SHOWN_METRICS]
    shown = Table(box=None, pad_edge=False, header_style="dim")
    shown.add_column("execution", no_wrap=True, min_width=max(len(run.name) for run in comparison.runs))
    shown.add_column("state", no_wrap=True)
    shown.add_column("started, UTC", no_wrap=True)
    for column in differences:
        shown.add_column(printable(column.title), overflow="fold")
    for column in measured:
        shown.add_column(printable(column.title), justify="right", no_wrap=True)
    for position, run in enumerate(comparison.runs):
        shown.add_row(
            run.name,
            Text(run.word, STATE_STYLES.get(run.word, "")),
            run.started.astimezone(UTC).strftime("%m-%d %H:%M"),
            *(Text(printable(column.text(position))) for column in differences),
            *(_marked(column, position) for column in measured),
        )
    console().print(shown)
    if not comparison.differences and len(comparison.runs) > 1:
        click.echo("these executions have the same input, data and scripts")
    more = [
        f"{len(columns) - limit} more {what}"
        for columns, limit, what in (
            (comparison.differences, _SHOWN_DIFFERENCES, "differences"),
            (comparison.metrics, _SHOWN_METRICS, "metrics"),
        )
        if len(columns) > limit
    ]
    if more:
        click.echo(f"* best; {' and '.join(more)}: --json, --csv or --html FILE")


def _marked(column: Column, position: int) -> Text:
    """A metric's value, with an asterisk if it is the best; otherwise a blank keeps the digits aligned."""
    return (
        Text(f"{column.text(position)}*", "bold green")
        if position in column.best
        else Text(f"{column.text(position)} ")
    )
