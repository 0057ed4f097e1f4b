"""``mlops try``: runs one stage's script here, on the inputs of an execution."""

import shutil
import time
from contextlib import ExitStack
from pathlib import Path

import click

from cli.errors import CommandError, catch_signals, exit_interrupted, local_errors
from cli.options import relative
from cli.overrides import parse
from cli.target import aws_errors, target
from executions.defaults import PROJECT
from executions.text import printable
from local.publication import published
from local.trial.job import OUTPUTS, STAGES, Trial, run
from local.trial.terminal import terminal

_KIBIBYTE = 1024


def try_stage(
    *,
    stage: str,
    execution: str,
    scripts: Path | None,
    overrides: tuple[str, ...],
    debugs: bool,
    out: Path,
    stack: str | None,
    folder: Path,
    local: bool,
) -> None:
    """Runs the stage's job, and lists what it wrote."""
    catch_signals()
    found = next((each for each in STAGES if each.key == stage), None)
    if found is None:
        raise CommandError(
            f"the stage {stage!r} has no script to try; stages with one: {', '.join(each.key for each in STAGES)}"
        )
    changes = parse(overrides)
    if others := changes.keys() - {stage}:
        raise CommandError(f"--override of {', '.join(sorted(others))}: only {stage} runs")
    own = out / stage
    try:
        with aws_errors(), local_errors(folder), ExitStack() as stack_of:
            deployment = target(stack=stack, local=local, folder=folder)
            described = deployment.executions.describe(execution)
            trial = Trial(
                stage=found,
                execution=described["name"],
                content=deployment.executions.data(described),
                scripts=published(scripts=scripts, input_file=None),
                overrides=changes,
                debugger=stack_of.enter_context(terminal()) if debugs else None,
            )
            s3 = deployment.aws.client("s3")
            shutil.rmtree(own / OUTPUTS, ignore_errors=True)
            source = relative(scripts or PROJECT / "scripts")
            click.echo(f"{stage} on the inputs of {trial.execution}, with the scripts in {source}")
            started = time.monotonic()
            tried = run(trial, s3=s3, region=s3.meta.region_name, folder=own, log=_show)
    except KeyboardInterrupt:
        exit_interrupted("the job has ended")
    seconds = time.monotonic() - started
    for file in tried.written:
        click.echo(f"  {relative(file)}  {file.stat().st_size / _KIBIBYTE:,.0f} KiB")
    if tried.error is not None:
        raise CommandError(f"{stage} failed after {seconds:.1f} s: {tried.error}")
    click.echo(f"{stage} succeeded in {seconds:.1f} s; nothing in S3 has changed")


def _show(line: str) -> None:
    click.echo(f"| {printable(line)}")
