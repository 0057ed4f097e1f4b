"""``mlops local``: the pipeline on this machine, without AWS and without Docker."""

import json
import shlex
import sys
from pathlib import Path

import click
from rich.console import Console

from cli.environment import show_down, show_status, show_up
from cli.errors import CommandError, catch_signals, exit_interrupted, local_errors
from executions.defaults import LOCAL_MODEL_NAME
from local import lifecycle
from local.display import Display
from local.state import EnvironmentDir
from pipeline.schedule import cron_problem
from sagemaker_local.mounts import isolation_warning


def up(*, port: int, model_name: str | None, monitoring_schedule: str | None, folder: Path) -> None:
    """Starts the environment."""
    problem = cron_problem(monitoring_schedule) if monitoring_schedule else None
    if problem:
        expected = 'the six fields of an EventBridge cron expression, such as "*/10 * * * ? *"'
        raise CommandError(f"--monitoring-schedule is {monitoring_schedule!r}: {problem}; expected {expected}")
    catch_signals()
    unsafe = isolation_warning()
    if unsafe:
        click.echo(f"warning: {unsafe}; see docs/security.md", err=True)
    directory = EnvironmentDir(folder)
    try:
        with local_errors(folder):
            if lifecycle.status(directory).status == lifecycle.DIED:
                click.echo(f"the last environment died; its log: {directory.log}", err=True)
            step = Display(Console(highlight=False)).step
            state = lifecycle.up(
                directory,
                port=port,
                model_name=model_name or LOCAL_MODEL_NAME,
                monitoring_schedule=monitoring_schedule,
                step=step,
            )
    except KeyboardInterrupt:
        exit_interrupted("no process is left running")
    show_up(state)


def down(*, folder: Path) -> None:
    """Ends the environment."""
    with local_errors(folder):
        show_down(lifecycle.down(EnvironmentDir(folder)))


def status(*, folder: Path, as_json: bool) -> None:
    """Shows the environment's state; the exit code is 0 if it is up."""
    with local_errors(folder):
        now = lifecycle.status(EnvironmentDir(folder))
    if as_json:
        click.echo(json.dumps(now.as_json(), indent=2))
    else:
        show_status(now)
    sys.exit(0 if now.status == lifecycle.UP else 1)


def env(*, folder: Path) -> None:
    """Prints the environment's variables."""
    with local_errors(folder):
        variables = EnvironmentDir(folder).require_live().connection.variables
    # Each of these would send an SDK elsewhere, or make it ignore the endpoints.
    click.echo("unset AWS_PROFILE AWS_SESSION_TOKEN AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
    for name, value in variables.items():
        click.echo(f"export {name}={shlex.quote(value)}")
