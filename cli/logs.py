"""``mlops logs``: prints the logs of an execution's jobs."""

import time
from pathlib import Path

import click

from cli.errors import CommandError
from cli.target import aws_errors, target
from executions.jobs import Jobs, jobs_of
from executions.progress import PENDING, RUNNING, progress_of
from executions.target import Target

_INTERVAL = 2.0
_LOCAL_INTERVAL = 0.3
_LATE = 15.0
"""Seconds after a job's end during which its last lines may still reach CloudWatch Logs."""


def logs(*, execution: str, stage: str | None, stack: str | None, folder: Path, follow: bool, local: bool) -> None:
    """Prints the logs of all jobs of an execution, or of one stage's job."""
    with aws_errors():
        found = target(stack=stack, local=local, folder=folder)
        described = found.executions.describe(execution)
        jobs = jobs_of(described)
        if stage is not None:
            if stage not in jobs:
                raise CommandError(f"the stage {stage!r} has no job; stages with one: {', '.join(jobs)}")
            jobs = {stage: jobs[stage]}
        try:
            printed = print_logs(found, described["executionArn"], jobs, follow=follow)
        except KeyboardInterrupt:
            return
    if not printed:
        where = f"the stage {stage}" if stage else "the execution"
        click.echo(f"{where} of {described['name']} has no log: its jobs have not started, or logged nothing", err=True)


def print_logs(target: Target, arn: str, jobs: Jobs, *, follow: bool) -> bool:
    """Prints lines as they arrive.

    Args:
        target: the deployment.
        arn: the execution's ARN.
        jobs: the jobs whose logs to print.
        follow: whether to continue until these jobs' stages have ended.

    Returns:
        Whether there were any lines.
    """
    printed = False
    width = max(map(len, jobs), default=0)
    deadline = None if follow else 0.0
    while True:
        for key, (action, name) in jobs.items():
            for line in target.logs.new_lines(action, name, ended=deadline is not None):
                printed = True
                click.echo(line if len(jobs) == 1 else f"{key:>{width}} | {line}")
        if deadline is not None and time.monotonic() >= deadline:
            return printed
        if deadline is None and _have_ended(target, arn, jobs):
            deadline = time.monotonic() + (0 if target.is_local else _LATE)
            continue
        time.sleep(_LOCAL_INTERVAL if target.is_local else _INTERVAL)


def _have_ended(target: Target, arn: str, jobs: Jobs) -> bool:
    """Whether none of these jobs is running or can still start."""
    execution = target.executions.describe(arn)
    if execution["status"] != RUNNING or len(jobs) > 1:
        return bool(execution["status"] != RUNNING)
    progress = progress_of(execution, target.executions.history(arn))
    return all(progress[key].status not in {PENDING, RUNNING} for key in jobs)
