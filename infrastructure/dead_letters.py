"""Where events end that could not be delivered or handled, so that none is lost in silence."""

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct


class DeadLetters(Construct):
    """The queue, for the functions that are invoked asynchronously and for the rules that invoke them."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.queue = sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(14),
        )

    def take_failures_of(self, function: lambda_.Function) -> None:
        """Has what an asynchronous invocation could not do kept here: the event, and the error of the last attempt.

        A destination, and not the function's dead-letter queue, which would have the event alone.
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
        # Lambda checks that the role may send there.
        config.node.add_dependency(function)

    def of_target(self) -> events.CfnRule.DeadLetterConfigProperty:
        """For a rule's target; the rule must be allowed, too: :meth:`take_from`."""
        return events.CfnRule.DeadLetterConfigProperty(arn=self.queue.queue_arn)

    def take_from(self, rule: events.CfnRule) -> None:
        """Lets a rule leave what its target did not take.

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
