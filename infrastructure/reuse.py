"""Reuse: the table of what the stages of earlier executions made, and with which key."""

from collections.abc import Iterable

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infrastructure.permissions import key_statements, of_grants
from infrastructure.table import own_table
from pipeline.grants import sagemaker

_DESCRIBED = (
    *sagemaker("DescribeModelPackage", "model-package"),
    *sagemaker("DescribeModel", "model"),
    *sagemaker("DescribeEndpoint", "endpoint"),
)
"""What the start function looks at before it reuses a version, a model or a deployment."""


class Reuse(Construct):
    """The table of records. The state machine writes it, and the start function reads it.

    The table's key is ``id``, the hash of what a stage's result depends on; items expire at ``expires``, in seconds
    since the epoch.
    """

    def __init__(self, scope: Construct, construct_id: str, *, model_name: str, key: kms.IKey | None = None) -> None:
        super().__init__(scope, construct_id)
        self._key = key
        self._model_name = model_name
        # Without a record, a stage runs again.
        self.table = own_table(self, "Records", partition_key="id", expires="expires", key=key)

    def lookups(self, buckets: Iterable[str]) -> list[iam.PolicyStatement]:
        """Returns what the start function may read for a decision.

        Args:
            buckets: the ARNs of the buckets with data, beside the deployment's own.
        """
        stack = cdk.Stack.of(self)
        return [
            iam.PolicyStatement(actions=["dynamodb:GetItem"], resources=[self.table.table_arn]),
            iam.PolicyStatement(actions=["s3:ListBucket"], resources=[*buckets]),
            *of_grants(_DESCRIBED, model_name=self._model_name, stack=stack),
            *key_statements(self._key, "Decrypt", via="dynamodb", stack=stack),
        ]
