"""``mlops monitor``: compares what the endpoint has captured since the last time with its model's baseline."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from cli.errors import CommandError
from cli.options import console as terminal
from cli.overrides import parse
from cli.target import aws_errors, target
from executions.display import follow
from executions.history import reason
from executions.start import start_execution
from executions.target import Target
from executions.watch import Viewer
from pipeline.input.execution import merged
from pipeline.monitoring_run import MONITORING_ONLY
from pipeline.stages import MONITORING

_HEALTHY = "healthy"


def monitor(*, overrides: tuple[str, ...], stack: str | None, folder: Path, local: bool, as_json: bool) -> None:
    """Starts an execution in which only monitoring runs, and prints what it found."""
    over = merged(MONITORING_ONLY, parse(overrides))
    with aws_errors():
        found = target(stack=stack, local=local, folder=folder)
        name = start_execution(found, overrides=over)["executionArn"]
        summary = _outcome(found, name, as_json=as_json, options=" --local" if local else "")
    if as_json:
        shown = {key: summary[key] for key in ("outcome", "records", "violations")}
        click.echo(json.dumps(shown | {"decision": summary.get("decision")}, indent=2))
    else:
        _show(summary)
    sys.exit(0 if summary["outcome"] == _HEALTHY else 1)


def _outcome(found: Target, arn: str, *, as_json: bool, options: str) -> dict[str, Any]:
    """Follows the execution to its end, and returns monitoring's summary.

    Raises:
        CommandError: the execution failed.
    """
    console = terminal(quiet=as_json)
    view = follow(Viewer(found, arn), console, options=options)
    if view.status != "SUCCEEDED":
        why = ": ".join(filter(None, reason(view.execution) or ()))
        raise CommandError(f"the execution {view.execution['name']} is {view.status}: {why}")
    data = found.executions.data(view.execution)
    summary = MONITORING.summary(data[MONITORING.key].get("result", {}))
    if summary is None:
        raise CommandError(f"the execution {view.execution['name']} has no outcome of monitoring")
    return summary


def _show(summary: dict[str, Any]) -> None:
    _, line = MONITORING.summary_line(summary)
    click.echo(f"\n{line}")
    for each in summary["violations"]:
        click.echo(f"  {each['feature']}: {each['check']} {each['value']:.4g}, threshold {each['threshold']:.4g}")
    decision = summary.get("decision")
    if decision:
        click.echo(f"retraining: {'started' if decision['retrain'] else 'not started'}: {decision['reason']}")
