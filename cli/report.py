"""``mlops report``: writes a report on an execution, as one HTML page."""

import dataclasses
from pathlib import Path
from typing import Any

import click

from cli.errors import CommandError
from cli.target import aws_errors, target
from executions.job_logs import LocalLogs
from executions.jobs import jobs_of
from executions.target import Target
from report.collect import Collector
from report.facts import Facts
from report.page import page


def report(*, execution: str, out: Path | None, stack: str | None, folder: Path, local: bool) -> None:
    """Writes the report of an execution."""
    with aws_errors():
        found = target(stack=stack, local=local, folder=folder)
        facts = collect(found, execution)
    text = page(facts)
    if str(out) == "-":
        click.echo(text, nl=False)
        return
    path = out or Path(f"report-{facts.name}.html")
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}; name another file: --out FILE") from error
    click.echo(f"written: {path}")
    for what, why in facts.absent.items():
        click.echo(f"  without {what[0].lower()}{what[1:]}: {why}")


def collect(found: Target, execution: str) -> Facts:
    """Gathers the facts of an execution."""
    executions = found.executions
    described = executions.describe(execution)
    facts = Collector(s3=found.aws.client("s3"), tail=found.logs.tail).facts(
        described, executions.history(described["executionArn"]), executions.data(described)
    )
    return _with_records(facts, found.logs, described) if isinstance(found.logs, LocalLogs) else facts


def write_report(found: Target, execution: str, file: Path) -> None:
    """Writes the report of an execution to a file."""
    file.write_text(page(collect(found, execution)), encoding="utf-8")


def _with_records(facts: Facts, logs: LocalLogs, execution: dict[str, Any]) -> Facts:
    """Returns the facts with what ran on this machine, and how it differed from AWS."""
    from local.job_records import read_records  # noqa: PLC0415 - for --local only

    records = read_records(logs, jobs_of(execution), facts.content)
    runtimes: dict[str, tuple[str, ...]] = {}
    for runtime in records.runtimes:
        runtimes[runtime.image] = (*runtimes.get(runtime.image, ()), str(runtime))
    return dataclasses.replace(facts, runtimes=runtimes, differences=tuple(records.differences))
