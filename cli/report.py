"""``mlops report``: one page that tells all of an execution."""

from pathlib import Path

import click

from cli.options import local_options, stack_option

# What is imported within the commands is so that --help need not wait for boto3.
# ruff: noqa: PLC0415


@click.command()
@click.argument("execution")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, writable=True, allow_dash=True, path_type=Path),
    help="The file; - is the standard output.  [default: report-<name>.html]",
)
@stack_option
@local_options
def report(execution: str, out: Path | None, stack: str | None, folder: Path, *, local: bool) -> None:
    """Write all of EXECUTION on one HTML page that needs no network. EXECUTION is a name, an ARN, or latest.

    Example: mlops report latest --out report.html
    """
    from cli.errors import CommandError
    from cli.target import aws_errors, target
    from report.collect import Collector
    from report.page import page

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
