"""``mlops report``: writes a report on an execution, as one HTML page, or one on each and an index."""

import dataclasses
from pathlib import Path
from typing import Any

import click

from cli.errors import CommandError
from cli.target import aws_errors, target
from executions.job_logs import LocalLogs
from executions.jobs import jobs_of
from executions.newest import newest_first
from executions.target import Target
from report.collect import Collector
from report.comparison import compare
from report.comparison_page import comparison_page
from report.facts import Facts
from report.page import INDEX, NEWEST, page, page_name


def report(
    *, execution: str | None, out: Path | None, everything: Path | None, stack: str | None, folder: Path, local: bool
) -> None:
    """Writes the report of an execution, or of all of them."""
    if (execution is None) == (everything is None):
        raise click.UsageError("name an EXECUTION, or a folder for the reports on all of them: --all FOLDER")
    if everything is not None and out is not None:
        raise click.UsageError("--out is the file of one report; --all names the folder")
    with aws_errors():
        found = target(stack=stack, local=local, folder=folder)
        reader = _Reader(found)
        if everything is not None:
            newest = [listed["executionArn"] for listed in found.executions.all(limit=NEWEST)]
            facts = newest_first(reader.facts, newest)
        else:
            facts = [reader.facts(str(execution))]
    if everything is not None:
        _write_all(everything, facts)
    elif str(out) == "-":
        click.echo(page(facts[0]), nl=False)
    else:
        path = out or Path(page_name(facts[0].name))
        write_page(path, page(facts[0]))
        click.echo(f"written: {path}")
        for what, why in facts[0].absent.items():
            click.echo(f"  without {what[0].lower()}{what[1:]}: {why}")


class _Reader:
    """Gathers the facts of executions of a deployment."""

    def __init__(self, found: Target) -> None:
        self._found = found
        self._collector = Collector(s3=found.aws.client("s3"), tail=found.logs.tail)

    def facts(self, execution: str) -> Facts:
        """Gathers the facts of an execution, given as every command takes it."""
        executions = self._found.executions
        described = executions.describe(execution)
        facts = self._collector.facts(
            described, executions.history(described["executionArn"]), executions.data(described)
        )
        logs = self._found.logs
        return _with_records(facts, logs, described) if isinstance(logs, LocalLogs) else facts


def write_report(found: Target, execution: str, file: Path) -> None:
    """Writes the report on an execution to a file."""
    write_page(file, page(_Reader(found).facts(execution)))


def _write_all(folder: Path, runs: list[Facts]) -> None:
    """Writes the index and a report on each execution."""
    if not runs:
        raise CommandError("there is no execution to report on yet; start one: mlops start")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"{folder} cannot be made: {error.strerror}; name another folder: --all FOLDER") from error
    for run in runs:
        write_page(folder / page_name(run.name), page(run, index=INDEX))
    links = {run.name: page_name(run.name) for run in runs}
    write_page(folder / INDEX, comparison_page(compare(runs), links))
    click.echo(f"written: {folder / INDEX}, and the reports on {len(runs)} executions")


def write_page(path: Path, text: str, *, option: str = "--out") -> None:
    """Writes an HTML page; ``option`` names the file, for the message."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}; name another file: {option} FILE") from error


def _with_records(facts: Facts, logs: LocalLogs, execution: dict[str, Any]) -> Facts:
    """Returns the facts with what ran on this machine, and how it differed from AWS."""
    from local.job_records import read_records  # noqa: PLC0415 - for --local only

    records = read_records(logs, jobs_of(execution), facts.content)
    runtimes: dict[str, tuple[str, ...]] = {}
    for runtime in records.runtimes:
        runtimes[runtime.image] = (*runtimes.get(runtime.image, ()), str(runtime))
    return dataclasses.replace(facts, runtimes=runtimes, differences=tuple(records.differences))
