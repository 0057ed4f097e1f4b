"""One deployment and what is needed to work with its executions."""

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
        """The executions of a stack.

        Args:
            aws: where it is deployed.
            stack: the deployment.
            logs: where its jobs' logs are.
            is_local: whether it is on this machine.
        """
        client = aws.client("stepfunctions")
        executions = Executions(step_functions=client, state_machine=stack.state_machine)
        return cls(aws=aws, stack=stack, step_functions=client, executions=executions, logs=logs, is_local=is_local)
