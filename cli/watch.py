"""``mlops watch``: one execution, live, to its end."""

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options import console as terminal
from cli.options import json_option, local_options, stack_option

if TYPE_CHECKING:
    from rich.console import Console

    from cli.job_view import View
    from cli.target import Target

# What is imported within the commands is so that --help need not wait for boto3.
# ruff: noqa: PLC0415

_INTERRUPTED = 130
_INTERVAL = 2.0
"""Seconds between two looks at AWS, which counts them; this machine does not."""
_LOCAL_INTERVAL = 0.5


@click.command()
@click.argument("execution", default="latest")
@stack_option
@local_options
@json_option
def watch(execution: str, stack: str | None, folder: Path, *, local: bool, as_json: bool) -> None:
    """Watch EXECUTION, given by its name or ARN, to its end. Without it, the one that was started last.

    The exit code is 0 where it has succeeded, else 1. With --json it prints the outcome only.

    Example: mlops watch mlops-demo-0123456789abcdef
    """
    from cli.aws import aws_errors
    from cli.target import target

    with aws_errors():
        found = target(stack=stack, local=local, folder=folder)
        arn = found.executions.describe(execution)["executionArn"]
        sys.exit(watch_to_end(found, arn, as_json=as_json, options=" --local" if local else ""))


def watch_to_end(target: "Target", arn: str, *, as_json: bool, options: str) -> int:
    """Shows an execution until it ends.

    Args:
        target: its deployment.
        arn: the execution's.
        as_json: whether to print its outcome as JSON and nothing else.
        options: what a command needs to get to the same deployment.

    Returns:
        The command's exit code: 0 where the execution has succeeded, 1 where not, 130 where the user went away.

    Raises:
        ClientError: AWS refuses.
    """
    from cli.job_view import Viewer

    console = terminal(quiet=as_json)
    viewer = Viewer(target, arn)
    name = arn.rpartition(":")[2]
    if not as_json:
        console.print(f"execution {name}\n", soft_wrap=True)
    try:
        view = _follow(viewer.look, console, _LOCAL_INTERVAL if target.is_local else _INTERVAL, options)
    except KeyboardInterrupt:
        click.echo(f"the execution {name} goes on; end it: mlops stop {name}{options}", err=True)
        return _INTERRUPTED
    if as_json:
        click.echo(json.dumps(view.as_json(_end(view)), indent=2))
    else:
        if console.is_terminal:
            console.print(view.table(_end(view), width=console.width))
        _tell_outcome(view, options)
    return 0 if view.status == "SUCCEEDED" else 1


def _follow(look: Callable[[], "View"], console: "Console", interval: float, options: str) -> "View":
    """Looks until the execution has ended: a table that changes on a terminal, else a line for each change."""
    from rich.live import Live

    view, told = look(), False
    changes = _Changes(console)
    with Live(view.table(_now(), width=console.width), console=console, auto_refresh=False, transient=True) as live:
        while True:
            if console.is_terminal:
                live.update(view.table(_now(), width=console.width), refresh=True)
            else:
                changes.show(view)
            if view.waits and not told:
                told = True
                name = view.execution["name"]
                console.print(
                    f"waits for an answer: mlops approve {name}{options}\n"
                    f"                  or mlops reject {name}{options} --reason TEXT",
                    soft_wrap=True,
                )
            if view.status != "RUNNING":
                return view
            time.sleep(interval)
            view = look()


class _Changes:
    """What has changed since the last look, for where there is no terminal."""

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._shown: dict[str, str] = {}

    def show(self, view: "View") -> None:
        """Prints a line for each stage whose state is another one now."""
        for key, stage in view.progress.items():
            if stage.status not in {"PENDING", self._shown.get(key)}:
                self._shown[key] = stage.status
                seconds = stage.seconds(_now())
                took = f" {seconds:.1f} s" if stage.ended and seconds is not None else ""
                self._console.print(f"{key}: {stage.status}{took}", soft_wrap=True)


def _tell_outcome(view: "View", options: str) -> None:
    from report.history import reason

    name = view.execution["name"]
    seconds = (view.execution["stopDate"] - view.execution["startDate"]).total_seconds()
    click.echo(f"\nexecution {name} {view.status} in {seconds:.1f} s")
    told = reason(view.execution)
    if told:
        click.echo(f"{told[0]}: {told[1]}" if told[1] else told[0])
    click.echo(f"All of it on one page: mlops report {name}{options}")


def _end(view: "View") -> datetime:
    stopped: datetime = view.execution.get("stopDate") or _now()
    return stopped


def _now() -> datetime:
    return datetime.now(UTC)
