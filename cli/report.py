"""``mlops report``: writes a report on an execution, as one HTML page."""

from pathlib import Path

import click

from cli.errors import CommandError
from cli.target import aws_errors, target
from report.collect import Collector
from report.page import page


def report(*, execution: str, out: Path | None, stack: str | None, folder: Path, local: bool) -> None:
    """Writes the report of an execution."""
    with aws_errors():
        found = target(stack=stack, local=local, folder=folder)
        executions = found.executions
        described = executions.describe(execution)
        facts = Collector(s3=found.aws.client("s3"), tail=found.logs.tail).facts(
            described, executions.history(described["executionArn"]), executions.data(described)
        )
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
