"""``mlops local``: the pipeline on this machine, without AWS and without Docker."""

import json
import shlex
import signal
import sys
import time
from pathlib import Path
from types import FrameType

import click

from cli.errors import local_errors
from cli.options import FILE, FOLDER, NEW_FOLDER, PORT, PROJECT, folder_option, json_option

# What is imported within the commands is so that --help need not wait for boto3.
# ruff: noqa: PLC0415

_INTERRUPTED = 130
_DEFAULT_PORT = 4566


@click.group()
def local() -> None:
    """The pipeline on this machine, without AWS and without Docker."""


@local.command()
@click.option("--port", type=PORT, default=_DEFAULT_PORT, show_default=True, help="For the emulator.")
@folder_option
def up(port: int, folder: Path) -> None:
    """Start the emulator with the deployed stack, in the background, until mlops local down.

    Example: mlops local up
    """
    from rich.console import Console

    from cli.environment import show_up
    from local.display import Display
    from local.lifecycle import DIED, status
    from local.lifecycle import up as start
    from local.state import Home
    from local.views import isolation_warning

    _catch_signals()
    unsafe = isolation_warning()
    if unsafe:
        click.echo(f"warning: {unsafe}", err=True)
    home = Home(folder)
    try:
        with local_errors(folder):
            if status(home).status == DIED:
                click.echo(f"the last environment died; its log: {home.log}", err=True)
            state = start(home, port=port, step=Display(Console(highlight=False)).step)
    except KeyboardInterrupt:
        _exit_interrupted("no process is left")
    show_up(state)


@local.command()
@folder_option
def down(folder: Path) -> None:
    """End the environment with everything in it: emulator, executions, jobs, endpoints.

    Example: mlops local down
    """
    from cli.environment import show_down
    from local.lifecycle import down as end
    from local.state import Home

    with local_errors(folder):
        show_down(end(Home(folder)))


@local.command("status")
@folder_option
@json_option
def status_command(folder: Path, *, as_json: bool) -> None:
    """Say what is up. The exit code is 0 where the environment is up, else 1.

    Example: mlops local status --json
    """
    from cli.environment import show_status
    from local.lifecycle import UP, status
    from local.state import Home

    with local_errors(folder):
        now = status(Home(folder))
    if as_json:
        click.echo(json.dumps(now.as_json(), indent=2))
    else:
        show_status(now)
    sys.exit(0 if now.status == UP else 1)


@local.command()
@folder_option
def env(folder: Path) -> None:
    """Print the environment's variables for a shell, by which the AWS CLI and every AWS SDK get there.

    Example: eval "$(mlops local env)" && aws stepfunctions list-state-machines
    """
    from local.state import Home

    with local_errors(folder):
        variables = Home(folder).require_live().connection.variables
    # Each of these would lead an SDK elsewhere, or have it take the endpoints for nothing.
    click.echo("unset AWS_PROFILE AWS_SESSION_TOKEN AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
    for name, value in variables.items():
        click.echo(f"export {name}={shlex.quote(value)}")


@local.command()
@click.option("--input", "input_file", type=FILE, help="Your own input.yaml.")
@click.option("--data", type=FILE, help="Your own CSV file, in place of the census data.")
@click.option("--scripts", type=FOLDER, help="Your own folder of scripts.")
@click.option("--manual", is_flag=True, help="Have the execution wait for your approval.")
@click.option(
    "--port",
    type=PORT,
    show_default=f"that of the environment which is up, else {_DEFAULT_PORT}",
    help="For the emulator; another one than that of the environment which is up: for an environment of the run's own.",
)
@click.option("--out", type=NEW_FOLDER, default=PROJECT / "out" / "demo", help="For the results.")
@folder_option
@click.option("--since", type=float, hidden=True, help="When the caller began, in seconds since the epoch.")
def run(  # noqa: PLR0917 - click passes options by name
    input_file: Path | None,
    data: Path | None,
    scripts: Path | None,
    manual: bool,  # noqa: FBT001
    port: int | None,
    out: Path,
    folder: Path,
    since: float | None,
) -> None:
    """Run the pipeline once, and fetch the results to out/demo.

    It runs in the environment of mlops local up, which is deployed anew where the template's sources have changed.
    Where none is up, it runs in one of its own, which ends with it.

    Example: mlops local run --data my.csv
    """
    from rich.console import Console

    from cli.local_run import show_summary
    from local.display import Display
    from local.run import RunOptions
    from local.run import run as run_pipeline

    _catch_signals()
    console = Console(highlight=False)
    options = RunOptions(
        input_file=input_file,
        data=data,
        scripts=scripts,
        port=port,
        folder=out,
        environment=folder,
        manual=manual,
        since=since or time.time(),
    )
    try:
        with local_errors(out):
            summary = run_pipeline(options, Display(console))
    except KeyboardInterrupt:
        _exit_interrupted("the execution was stopped, and no process of it is left")
    show_summary(console, summary)
    sys.exit(0 if summary["status"] == "SUCCEEDED" else 1)


def _catch_signals() -> None:
    """Also where a shell has started us in the background, with interrupts ignored."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _exit_interrupted(consequence: str) -> None:
    click.echo(f"error: interrupted; {consequence}", err=True)
    sys.exit(_INTERRUPTED)
