"""``mlops watch``: shows one execution until it ends."""

import json
import sys
from pathlib import Path

import click

from cli.options import console as terminal
from cli.target import aws_errors, target
from executions.display import follow, stage_table
from executions.history import outcome_word, reason
from executions.target import Target
from executions.watch import View, Viewer

_INTERRUPTED = 130


def watch(*, execution: str, stack: str | None, folder: Path, local: bool, as_json: bool) -> None:
    """Watches an execution until it ends."""
    with aws_errors():
        found = target(stack=stack, local=local, folder=folder)
        arn = found.executions.describe(execution)["executionArn"]
        sys.exit(watch_to_end(found, arn, as_json=as_json, options=" --local" if local else ""))


def watch_to_end(target: Target, arn: str, *, as_json: bool, options: str) -> int:
    """Shows an execution until it ends.

    Args:
        target: its deployment.
        arn: the execution's ARN.
        as_json: whether to print its outcome as JSON and nothing else.
        options: the options with which other commands find the same deployment.

    Returns:
        The command's exit code: 0 if the execution succeeded, 1 if it did not, 130 if the user interrupted the command.

    Raises:
        ClientError: AWS rejects a call.
    """
    console = terminal(quiet=as_json)
    name = arn.rpartition(":")[2]
    console.print(f"execution {name}\n", soft_wrap=True)
    try:
        view = follow(Viewer(target, arn), console, options=options)
    except KeyboardInterrupt:
        click.echo(f"the execution {name} continues; stop it: mlops stop {name}{options}", err=True)
        return _INTERRUPTED
    if as_json:
        click.echo(json.dumps(view.as_json(view.end), indent=2))
    else:
        if console.is_terminal:
            console.print(stage_table(view, view.end, width=console.width))
        _show_outcome(view, options)
    return 0 if view.status == "SUCCEEDED" else 1


def _show_outcome(view: View, options: str) -> None:
    name = view.execution["name"]
    click.echo(f"\nexecution {name} {outcome_word(view.execution)} in {view.seconds:.1f} s")
    failure = reason(view.execution)
    if failure:
        click.echo(": ".join(filter(None, failure)))
    click.echo(f"Report: mlops report {name}{options}")
