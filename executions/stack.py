"""Reads a deployment of the module from its stack's outputs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from botocore.exceptions import ClientError

from executions.aws import Aws
from executions.errors import ExecutionsError


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A deployment of the module."""

    name: str
    state_machine: str
    """Its ARN."""
    function: str
    """The ARN of the Lambda function that starts an execution."""
    bucket: str
    """The name of the bucket with the scripts and the results."""
    approval_table: str | None = None
    """The DynamoDB table of the open approval requests; None if the stack has none."""

    @classmethod
    def parse(cls, name: str, outputs: Mapping[str, str]) -> Self:
        """Reads the stack's outputs.

        Raises:
            KeyError, ValueError, TypeError: the stack is not this module's.
        """
        metadata = json.loads(outputs["metadata"])
        return cls(
            name=name,
            state_machine=metadata["StateMachine"],
            function=metadata.get("LambdaFunction", ""),
            bucket=metadata.get("MlOpsBucket", ""),
            approval_table=outputs.get("ApprovalTable"),
        )


def find_stack(aws: Aws, name: str | None) -> Stack:
    """Reads the outputs of a deployed stack.

    Args:
        aws: the account and region to look in.
        name: the stack's name; None for the default.

    Raises:
        ExecutionsError: there is no such stack, or it is not a deployment of this module.
        ClientError: AWS rejects the call.
    """
    stack = name or aws.default_stack
    try:
        (found,) = aws.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
        raise ExecutionsError(
            f"there is no stack {stack} {aws.where}; deploy it (cdk deploy), or name another: --stack NAME"
        ) from error
    try:
        return Stack.parse(stack, {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", ())})
    except (KeyError, ValueError, TypeError) as error:
        raise ExecutionsError(
            f"the stack {stack} {aws.where} is not a deployment of this module: it has no output metadata"
        ) from error
