"""``mlops start``: starts an execution with the start Lambda, as the schedule does."""

import json
import sys
from pathlib import Path

import click

from cli.errors import local_errors
from cli.options import relative
from cli.overrides import parse
from cli.target import aws_errors, target
from cli.watch import watch_to_end
from executions.defaults import PROJECT
from executions.start import start_execution
from executions.text import printable


def start(
    *,
    overrides: tuple[str, ...],
    key: str | None,
    scripts: Path | None,
    stack: str | None,
    folder: Path,
    watches: bool,
    local: bool,
    as_json: bool,
) -> None:
    """Starts an execution; on this machine, with the scripts as they lie in the folder."""
    over = parse(overrides)
    with aws_errors():
        found = target(stack=stack, local=local, folder=folder)
        changed = _publish(scripts, folder) if local and key is None else None
        answer = start_execution(found, key=key, overrides=over)
        options = " --local" if local else ""
        if as_json and not watches:
            click.echo(json.dumps(answer, indent=2))
        elif not as_json:
            name = answer["name"]
            click.echo(f"started: execution {name}" if answer["started"] else f"execution {name} was started before")
            if changed:
                click.echo(f"published first, since the folder had changed: {changed}")
            if not watches:
                click.echo(f"Next: mlops watch {name}{options}")
        if answer.get("reuse_unavailable"):
            click.echo(f"nothing is reused: {printable(answer['reuse_unavailable'])}", err=True)
        if watches:
            sys.exit(watch_to_end(found, answer["executionArn"], as_json=as_json, options=options))


def _publish(scripts: Path | None, folder: Path) -> str:
    """Publishes the scripts to the environment on this machine.

    Args:
        scripts: the user's folder; None for the module's.
        folder: the environment's folder.

    Returns:
        What was published, as shown to the user; empty if nothing had changed.

    Raises:
        CommandError: no environment is up, or the folder contains a link.
    """
    from local.publication import commit_of, publish, published  # noqa: PLC0415 - for --local only
    from local.state import EnvironmentDir  # noqa: PLC0415 - as above

    with local_errors(folder):
        state = EnvironmentDir(folder).require_live()
        commit = commit_of(scripts=scripts, input_file=None)
        changed = publish(state, published(scripts=scripts, input_file=None), commit)
    return f"{changed} files of {relative(scripts or PROJECT / 'scripts')}" if changed else ""
