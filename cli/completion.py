"""What the shell offers to complete a command with."""

from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from cli.errors import CommandError
from cli.target import target
from executions.errors import ExecutionsError
from executions.state_machine import LATEST

_MOST = 100
"""Executions to offer at most."""


def execution_names(incomplete: str, *, stack: str | None, local: bool, folder: Path) -> list[str]:
    """The names of the newest executions that begin so, and ``latest``; only that if they cannot be listed.

    Args:
        incomplete: what has been typed.
        stack: the stack's name; None for the default.
        local: whether it is in the environment on this machine.
        folder: the environment's.
    """
    names = [LATEST]
    try:
        executions = target(stack=stack, local=local, folder=folder).executions
        names += [execution["name"] for execution in executions.all(limit=_MOST)]
    except (CommandError, ExecutionsError, ClientError, BotoCoreError):
        pass  # a shell that completes has no place for an error; the command itself reports it
    return [name for name in names if name.startswith(incomplete)]
