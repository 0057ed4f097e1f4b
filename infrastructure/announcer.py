"""Announces failed executions: an EventBridge rule on their status, and the function that explains each failure."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infrastructure.dead_letters import DeadLetters
from infrastructure.function import python_function
from infrastructure.notifications import Notifications
from infrastructure.permissions import executions_of
from infrastructure.rule import ends_of, function_rule


class Announcer(Construct):
    """The function with its role, and the EventBridge rule.

    A function is needed because only the execution's history, not the event, says which stage failed.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        state_machine_arn: str,
        notifications: Notifications,
        dead_letters: DeadLetters,
        key: kms.IKey | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        topic_arn = notifications.topic.topic_arn
        self.function = python_function(
            self,
            "lambda/announcer",
            "pipeline",
            role_description="Announces failed executions",
            key=key,
            description="Announces failed, timed-out and aborted executions of the pipeline",
            timeout=cdk.Duration.seconds(45),
            memory_size=256,
            environment={"TOPIC_ARN": topic_arn},
        )
        for statement in (
            iam.PolicyStatement(
                actions=["states:DescribeExecution", "states:GetExecutionHistory"],
                resources=[executions_of(state_machine_arn, cdk.Stack.of(self))],
            ),
            iam.PolicyStatement(actions=["sns:Publish"], resources=[topic_arn]),
            *notifications.use_of_key(),
        ):
            self.function.add_to_role_policy(statement)
        dead_letters.take_failures_of(self.function)
        function_rule(
            self,
            "Rule",
            self.function,
            dead_letters,
            target="Announcer",
            description="Failed, timed-out and aborted executions of the pipeline",
            event_pattern=ends_of(state_machine_arn, "FAILED", "TIMED_OUT", "ABORTED"),
        )
