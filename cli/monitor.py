"""``mlops monitor``: compares what was scored, or a file, with the model's baseline now; prints what drifted."""

import json
import sys
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from cli.errors import CommandError
from cli.options import console as terminal
from cli.overrides import parse
from cli.target import aws_errors, target
from executions.display import follow
from executions.file_monitoring import monitor_file
from executions.history import reason
from executions.start import start_execution
from executions.target import Target
from executions.text import printable
from executions.watch import Viewer
from pipeline.input.execution import merged
from pipeline.monitoring_run import MONITORING_ONLY
from pipeline.stages import MONITORING

_HEALTHY = "healthy"
_INTERRUPTED = 130


def monitor(
    *,
    data: Path | None,
    labels: Path | None,
    overrides: tuple[str, ...],
    stack: str | None,
    folder: Path,
    local: bool,
    as_json: bool,
) -> None:
    """Runs monitoring alone, and prints its outcome."""
    if labels and not data:
        raise click.UsageError("--labels needs --data, the records that they are the labels of")
    over = parse(overrides)
    options = " --local" if local else ""
    with aws_errors():
        found = target(stack=stack, local=local, folder=folder)
        answer = (
            monitor_file(found, data, labels=labels, overrides=over)
            if data
            else start_execution(found, overrides=merged(MONITORING_ONLY, over))
        )
        summary = _watched(found, answer, options=options, quiet=as_json)
    if as_json:
        click.echo(json.dumps(summary, indent=2))
    else:
        show(summary)
        click.echo(f"Report: mlops report {answer['name']}{options}")
    sys.exit(0 if summary["outcome"] == _HEALTHY else 1)


def _watched(target: Target, answer: dict[str, Any], *, options: str, quiet: bool) -> dict[str, Any]:
    """Follows the execution until it ends, and returns what monitoring found.

    Raises:
        CommandError: the execution did not succeed.
    """
    console = terminal(quiet=quiet)
    name = answer["name"]
    console.print(f"execution {name}\n", soft_wrap=True)
    try:
        view = follow(Viewer(target, answer["executionArn"]), console, options=options)
    except KeyboardInterrupt:
        click.echo(f"the execution {name} continues; stop it: mlops stop {name}{options}", err=True)
        sys.exit(_INTERRUPTED)
    failure = reason(view.execution)
    if failure:
        raise CommandError(f"execution {name}: {': '.join(filter(None, failure))}")
    section = target.executions.data(view.execution).get(MONITORING.key) or {}
    summary = MONITORING.summary(section.get("result") or {})
    if summary is None:
        raise CommandError(f"execution {name} has no outcome of monitoring")
    return summary


def show(summary: dict[str, Any]) -> None:
    """Prints the outcome and the violations for people.

    Args:
        summary: the stage's.
    """
    line = MONITORING.summary_line(summary)[1]
    click.echo(f"\n{printable(line)}")
    labels = summary.get("labels")
    if labels:
        click.echo(f"labels: {labels['records']:,} of {labels['of']:,} records")
    decision = summary.get("decision")
    if decision:
        started = "started" if decision["retrain"] else "not started"
        click.echo(f"retraining {started}: {printable(str(decision['reason']))}")
    for note in summary.get("notes", ()):
        click.echo(f"note: {printable(str(note))}")
    if not summary["violations"]:
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("feature", "check"):
        table.add_column(name, overflow="fold")
    for name in ("value", "threshold"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in summary["violations"]:
        numbers = (f"{float(one[name]):.4g}" for name in ("value", "threshold"))
        table.add_row(printable(str(one["feature"])), printable(str(one["check"])), *numbers)
    terminal().print(table)
