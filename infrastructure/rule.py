"""EventBridge rules that invoke a function."""

from typing import Any

from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infrastructure.dead_letters import DeadLetters


def function_rule(
    scope: Construct,
    name: str,
    function: lambda_.Function,
    dead_letters: DeadLetters,
    *,
    target: str,
    input_transformer: events.CfnRule.InputTransformerProperty | None = None,
    state: str = "ENABLED",
    **properties: Any,
) -> None:
    """Creates a rule that invokes a function, and allows it to.

    Args:
        scope: as for every construct.
        name: the construct's ID.
        function: the function.
        dead_letters: takes the events that cannot be delivered.
        target: the target's ID.
        input_transformer: what the function gets instead of the event.
        state: ``ENABLED`` or ``DISABLED``.
        properties: further properties of ``events.CfnRule``.
    """
    rule = events.CfnRule(
        scope,
        name,
        state=state,
        targets=[
            events.CfnRule.TargetProperty(
                id=target,
                arn=function.function_arn,
                input_transformer=input_transformer,
                dead_letter_config=dead_letters.of_target(),
            )
        ],
        **properties,
    )
    dead_letters.take_from(rule)
    lambda_.CfnPermission(
        scope,
        f"{name}Permission",
        action="lambda:InvokeFunction",
        function_name=function.function_arn,
        principal="events.amazonaws.com",
        source_arn=rule.attr_arn,
    )


def ends_of(state_machine_arn: str, *statuses: str, **detail: Any) -> dict[str, Any]:
    """Returns the event pattern of executions that end.

    Args:
        state_machine_arn: their state machine.
        statuses: how they end.
        detail: further conditions on the event's detail.
    """
    return {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {"status": [*statuses], "stateMachineArn": [state_machine_arn], **detail},
    }
