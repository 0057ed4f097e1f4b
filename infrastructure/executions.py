"""The executions of a state machine, as policies name them."""

import aws_cdk as cdk


def executions_of(state_machine_arn: str, stack: cdk.Stack) -> str:
    """The ARN of all executions of a state machine.

    Args:
        state_machine_arn: its ARN, which may be known only when the stack is deployed.
        stack: whose account and region it is in.
    """
    return stack.format_arn(
        service="states",
        resource="execution",
        resource_name=f"{stack.split_arn(state_machine_arn, cdk.ArnFormat.COLON_RESOURCE_NAME).resource_name}:*",
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )
