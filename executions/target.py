"""A deployment with the clients and logs for its executions."""

from dataclasses import dataclass
from typing import Any, Self

from executions.aws import Aws
from executions.job_logs import JobLogs
from executions.stack import Stack
from executions.state_machine import Executions


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

    @classmethod
    def of(cls, aws: Aws, stack: Stack, *, logs: JobLogs, is_local: bool) -> Self:
        """Returns the target for a stack.

        Args:
            aws: the account and region of the stack.
            stack: the deployment.
            logs: reads its jobs' logs.
            is_local: whether it is on this machine.
        """
        client = aws.client("stepfunctions")
        executions = Executions(step_functions=client, state_machine=stack.state_machine)
        return cls(aws=aws, stack=stack, step_functions=client, executions=executions, logs=logs, is_local=is_local)
