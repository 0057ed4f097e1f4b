"""The module's SNS topic, for approval requests, failures and alarms."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from infrastructure.permissions import key_statements


class Notifications(Construct):
    """The topic, encrypted and TLS only, with its e-mail subscription.

    It uses the deployment's key or creates one: the AWS managed key for SNS does not let CloudWatch alarms publish
    (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html).
    """

    def __init__(self, scope: Construct, construct_id: str, *, email: str | None, key: kms.IKey | None = None) -> None:
        """Creates the topic and the subscription.

        Args:
            scope: the stack.
            construct_id: the construct's ID in the stack.
            email: the address to subscribe, which AWS first asks for confirmation; None to subscribe nobody.
            key: the deployment's KMS key; its key policy must let CloudWatch use it: docs/security.md.
        """
        super().__init__(scope, construct_id)
        alarms = iam.ServicePrincipal("cloudwatch.amazonaws.com")
        account = cdk.Stack.of(self).account
        self._key = key or self._own_key(alarms)
        self.topic = sns.Topic(self, "Topic", display_name="ML pipeline", enforce_ssl=True, master_key=self._key)
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[alarms],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": account}},
            )
        )
        if email is not None:
            sns.CfnSubscription(self, "Email", topic_arn=self.topic.topic_arn, protocol="email", endpoint=email)

    def _own_key(self, alarms: iam.IPrincipal) -> kms.Key:
        key = kms.Key(
            self,
            "Key",
            description="Encrypts the pipeline's announcements",
            enable_key_rotation=True,
            pending_window=cdk.Duration.days(7),
            # Nothing that it encrypts is kept after delivery.
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[alarms],
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=["*"],  # in a key policy, this key
                conditions={"StringEquals": {"aws:SourceAccount": cdk.Stack.of(self).account}},
            )
        )
        return key

    def use_of_key(self) -> list[iam.PolicyStatement]:
        """The statements on the topic's key that a publisher needs in addition to sns:Publish.

        (https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#sns-what-permissions-for-sse)
        """
        return key_statements(self._key, "Decrypt", "GenerateDataKey", via="sns", stack=cdk.Stack.of(self))
