"""``mlops start``: starts an execution with the start Lambda, as the schedule does."""

import json
import sys
from pathlib import Path

import click

from cli.overrides import parse
from cli.target import aws_errors, target
from cli.watch import watch_to_end
from executions.start import start_execution


def start(
    *,
    overrides: tuple[str, ...],
    key: str | None,
    stack: str | None,
    folder: Path,
    watches: bool,
    local: bool,
    as_json: bool,
) -> None:
    """Starts an execution."""
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
                click.echo(f"Next: mlops watch {name}{options}")
        if watches:
            sys.exit(watch_to_end(found, answer["executionArn"], as_json=as_json, options=options))
