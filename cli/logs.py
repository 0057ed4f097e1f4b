"""``mlops logs``: what the jobs of an execution have printed."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options import local_options, stack_option

if TYPE_CHECKING:
    from executions.jobs import Jobs
    from executions.target import Target

# What is imported within the commands is so that --help need not wait for boto3.
# ruff: noqa: PLC0415

_INTERVAL = 2.0
_LOCAL_INTERVAL = 0.3
_LATE = 15.0
"""Seconds after the end within which CloudWatch Logs may still get a job's last lines."""


@click.command()
@click.argument("execution")
@click.argument("stage", required=False)
@click.option("--follow", is_flag=True, help="Go on until the execution ends.")
@stack_option
@local_options
def logs(execution: str, stage: str | None, stack: str | None, folder: Path, *, follow: bool, local: bool) -> None:
    """Print the logs of EXECUTION's jobs, or that of its STAGE only. EXECUTION is a name, an ARN, or latest.

    Example: mlops logs latest training --follow
    """
    from cli.errors import CommandError
    from cli.target import aws_errors, target
    from executions.jobs import jobs_of

    with aws_errors():
        found = target(stack=stack, local=local, folder=folder)
        described = found.executions.describe(execution)
        jobs = jobs_of(described)
        if stage is not None:
            if stage not in jobs:
                raise CommandError(f"the stage {stage!r} has no job; those that have one are {', '.join(jobs)}")
            jobs = {stage: jobs[stage]}
        try:
            printed = _print(found, described["executionArn"], jobs, follow=follow)
        except KeyboardInterrupt:
            return
    if not printed:
        where = f"the stage {stage}" if stage else "the execution"
        click.echo(
            f"{where} of {described['name']} has no log: its jobs have not started, or printed nothing", err=True
        )


def _print(target: "Target", arn: str, jobs: "Jobs", *, follow: bool) -> bool:
    """Prints the lines as they come. Returns whether there were any."""
    printed = False
    width = max(len(key) for key in jobs)
    last_look = None if follow else 0.0
    while True:
        for key, (action, name) in jobs.items():
            for line in target.logs.new_lines(action, name):
                printed = True
                click.echo(line if len(jobs) == 1 else f"{key:>{width}} | {line}")
        if last_look is not None and time.monotonic() >= last_look:
            return printed
        if last_look is None and target.executions.describe(arn)["status"] != "RUNNING":
            last_look = time.monotonic() + (0 if target.is_local else _LATE)
            continue
        time.sleep(_LOCAL_INTERVAL if target.is_local else _INTERVAL)
