"""``mlops start``: invokes the start Lambda, as the schedule does."""

import json
import sys
from pathlib import Path

import click

from cli.options import json_option, local_options, stack_option

# What is imported within the commands is so that --help need not wait for boto3.
# ruff: noqa: PLC0415


@click.command()
@click.option(
    "--override",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="A dotted key of input.yaml and a YAML value: training.run=false. May be given several times.",
)
@click.option(
    "--input", "key", metavar="KEY", help="Of input.yaml in the bucket.  [default: <model>/scripts/input.yaml]"
)
@click.option("--watch", "watches", is_flag=True, help="Watch it to its end.")
@stack_option
@local_options
@json_option
def start(
    overrides: tuple[str, ...],
    key: str | None,
    stack: str | None,
    folder: Path,
    *,
    watches: bool,
    local: bool,
    as_json: bool,
) -> None:
    """Start the pipeline with the input.yaml that lies in the bucket.

    Example: mlops start --override 'training.input.HyperParameters.max_iter="50"' --watch
    """
    from cli.overrides import parse
    from cli.target import aws_errors, target
    from cli.watch import watch_to_end
    from executions.start import start_execution

    over = parse(overrides)
    with aws_errors():
        found = target(stack=stack, local=local, folder=folder)
        answer = start_execution(found, key=key, overrides=over)
        options = " --local" if local else ""
        if as_json and not watches:
            click.echo(json.dumps(answer, indent=2))
        elif not as_json:
            name = answer["name"]
            click.echo(f"started: execution {name}" if answer["started"] else f"execution {name} was started before")
            if not watches:
                click.echo(f"Go on: mlops watch {name}{options}")
        if watches:
            sys.exit(watch_to_end(found, answer["executionArn"], as_json=as_json, options=options))
