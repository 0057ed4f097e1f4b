"""Dead-letter queue for undeliverable events and failed asynchronous invocations."""

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

RETENTION_DAYS = 14
"""How long the queue keeps an event; SQS's maximum."""


class DeadLetters(Construct):
    """The queue, shared by the asynchronously invoked functions and the rules that invoke them."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.queue = sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(RETENTION_DAYS),
        )

    def take_failures_of(self, function: lambda_.Function) -> None:
        """Sends failed asynchronous invocations here: the event and the error of the last attempt.

        This is an on-failure destination, since a function's dead-letter queue would get only the event.
        (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html)
        """
        config = lambda_.CfnEventInvokeConfig(
            function,
            "Failures",
            function_name=function.function_name,
            qualifier="$LATEST",
            destination_config=lambda_.CfnEventInvokeConfig.DestinationConfigProperty(
                on_failure=lambda_.CfnEventInvokeConfig.OnFailureProperty(destination=self.queue.queue_arn)
            ),
        )
        function.add_to_role_policy(iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[self.queue.queue_arn]))
        # Lambda checks that the role may send to the queue.
        config.node.add_dependency(function)

    def of_target(self) -> events.CfnRule.DeadLetterConfigProperty:
        """The configuration for a rule's target; allow the rule with :meth:`take_from`, too."""
        return events.CfnRule.DeadLetterConfigProperty(arn=self.queue.queue_arn)

    def take_from(self, rule: events.CfnRule) -> None:
        """Allows a rule to send undeliverable events here.

        (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html#eb-dlq-perms)
        """
        self.queue.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[self.queue.queue_arn],
                conditions={"ArnEquals": {"aws:SourceArn": rule.attr_arn}},
            )
        )
