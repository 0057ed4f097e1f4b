"""Prints the state of the environment on this machine."""

from datetime import UTC, datetime
from pathlib import Path

import click

from cli.options import relative
from local.lifecycle import DIED, STARTING, UP, Status
from local.state import State
from sagemaker_local.guard import endpoint_token


def show_up(state: State) -> None:
    """Prints the environment's state and the next steps."""
    _show_state(state)
    click.echo(
        "\nNext: mlops local run; then edit scripts/ and run it again\n"
        '      eval "$(mlops local env)" for the AWS CLI and any AWS SDK\n'
        "      mlops local down ends it"
    )


def show_status(status: Status) -> None:
    """Prints the environment's state, executions and endpoints."""
    if status.status == UP and status.state is not None:
        _show_state(status.state)
        _show_contents(status, "running")
    elif status.status == STARTING:
        click.echo(f"the environment is starting; its log: {relative(status.log)}")
    elif status.status == DIED:
        click.echo(f"the environment has died; its log: {relative(status.log)}; start it again: mlops local up")
    else:
        click.echo("no environment is up; start it: mlops local up")


def show_down(before: Status) -> None:
    """Prints what has ended."""
    if before.status == UP:
        where = "" if before.state is None else f": emulator at {before.state.endpoint}"
        click.echo(f"ended{where}")
        _show_contents(before, "execution stopped", "endpoint ended")
    elif before.status == STARTING:
        click.echo("ended the environment that was starting")
    elif before.status == DIED:
        click.echo(f"no environment is up; the last one had died; its log: {relative(before.log)}")
    else:
        click.echo("no environment is up")


def _show_state(state: State) -> None:
    since = (datetime.now(UTC) - datetime.fromisoformat(state.started)).total_seconds()
    rows = {
        "emulator": f"{state.endpoint} (process {state.pid}, up for {since:.0f} s)",
        "stack": state.metadata.name,
        "bucket": state.metadata.bucket,
        "state machine": state.metadata.state_machine.rpartition(":")[2],
        "logs": relative(Path(state.folder) / "logs"),
    }
    for name, value in rows.items():
        if value:
            click.echo(f"{name:<14} {value}")


def _show_contents(status: Status, execution: str, endpoint: str = "") -> None:
    for name in status.executions:
        click.echo(f"{'execution':<14} {name}: {execution}")
    for name, url in status.endpoints.items():
        click.echo(f"{'endpoint':<14} {name}: {endpoint or url or 'not in service'}")
        if url and status.state is not None and not endpoint:
            token = endpoint_token(status.state.key, name)
            click.echo(
                f"{'':<14} curl -H 'Authorization: Bearer {token}' -H 'Content-Type: text/csv' "
                f"--data-binary @FILE {url}/invocations"
            )
