"""Completes the names of executions in a shell."""

from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from cli.errors import CommandError
from cli.target import target
from executions.errors import ExecutionsError
from executions.state_machine import LATEST

_MOST = 100
"""The maximum number of executions to offer."""


def execution_names(incomplete: str, *, stack: str | None, local: bool, folder: Path) -> list[str]:
    """Returns ``latest`` and the newest executions that match; only ``latest`` if executions cannot be listed.

    Args:
        incomplete: the beginning that has been typed.
        stack: the stack's name; None for the default.
        local: whether it is in the environment on this machine.
        folder: the environment's folder.
    """
    names = [LATEST]
    try:
        executions = target(stack=stack, local=local, folder=folder).executions
        names += [execution["name"] for execution in executions.all(limit=_MOST)]
    except (CommandError, ExecutionsError, ClientError, BotoCoreError):
        pass  # a shell cannot show an error while completing; the command itself reports it
    return [name for name in names if name.startswith(incomplete)]
