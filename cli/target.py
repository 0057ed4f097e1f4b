"""Finds the deployment that a command's options name, on AWS or on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from cli.errors import CommandError, local_errors
from executions.aws import Aws, configured_aws
from executions.errors import ExecutionsError, explained
from executions.job_logs import CloudWatchLogs, LocalLogs
from executions.stack import find_stack
from executions.target import Target


@contextmanager
def aws_errors() -> Iterator[None]:
    """Turns errors of AWS, and of names that do not exist, into CommandError."""
    try:
        yield
    except ExecutionsError as error:
        raise CommandError(str(error)) from error
    except (BotoCoreError, ClientError) as error:
        raise CommandError(explained(error)) from error


def connect(*, local: bool, folder: Path) -> Aws:
    """Returns AWS as the user has configured it, or the environment on this machine.

    Args:
        local: whether to use the environment.
        folder: the environment's folder.

    Raises:
        CommandError: no environment is up, or AWS is not configured.
    """
    if not local:
        with aws_errors():
            return configured_aws()
    from local.state import EnvironmentDir  # noqa: PLC0415 - for --local only

    with local_errors(folder):
        return EnvironmentDir(folder).require_live().aws


def target(*, stack: str | None, local: bool, folder: Path) -> Target:
    """Returns the deployment that the options of a command name.

    Args:
        stack: the stack's name; None for the default.
        local: whether it is in the environment on this machine.
        folder: the environment's folder.

    Raises:
        CommandError: no environment is up, or AWS is not configured.
        ExecutionsError: there is no such stack.
        ClientError, BotoCoreError: AWS rejects a call, or cannot be reached.
    """
    aws = connect(local=local, folder=folder)
    logs = LocalLogs(folder / "logs") if local else CloudWatchLogs(aws.client("logs"))
    return Target.of(aws, find_stack(aws, stack), logs=logs, is_local=local)
