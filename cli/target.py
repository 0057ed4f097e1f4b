"""What the commands that look at executions have in hand."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.aws import Aws, Stack, connect, stack_outputs
from cli.executions import Executions
from cli.job_logs import CloudWatchLogs, JobLogs, LocalLogs


@dataclass(frozen=True, kw_only=True)
class Target:
    """A deployment, on AWS or on this machine."""

    aws: Aws
    stack: Stack
    step_functions: Any
    """A client."""
    executions: Executions
    logs: JobLogs
    is_local: bool


def target(*, stack: str | None, local: bool, folder: Path) -> Target:
    """The deployment that the options of a command name.

    Args:
        stack: the stack's name; None: the default.
        local: whether the environment on this machine is meant.
        folder: the environment's.

    Raises:
        CommandError: there is no environment, no such stack, no region, no profile.
        ClientError: AWS refuses.
        BotoCoreError: AWS cannot be asked.
    """
    aws = connect(local=local, folder=folder)
    found = stack_outputs(aws, stack)
    step_functions = aws.client("stepfunctions")
    return Target(
        aws=aws,
        stack=found,
        step_functions=step_functions,
        executions=Executions(step_functions=step_functions, state_machine=found.state_machine),
        logs=LocalLogs(folder / "logs") if local else CloudWatchLogs(aws.client("logs")),
        is_local=local,
    )
