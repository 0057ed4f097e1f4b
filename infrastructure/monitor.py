"""Monitors the version in service: the function that opens and closes windows, and the table that counts them."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infrastructure.function import python_function
from infrastructure.permissions import key_statements, of_grants
from infrastructure.table import own_table
from pipeline.grants import Grant, sagemaker
from pipeline.places import EXECUTIONS, WINDOW

MONITOR_CONTENTS = ("lambda/monitor",)
"""The function's archive."""


class Monitor(Construct):
    """The function, and the table of windows, whose key is ``endpoint``, the endpoint's name."""

    def __init__(
        self, scope: Construct, construct_id: str, *, bucket: s3.IBucket, model_name: str, key: kms.IKey | None = None
    ) -> None:
        super().__init__(scope, construct_id)
        # Without the table, the next window begins where the endpoint's configuration was created.
        self.table = own_table(self, "Windows", partition_key="endpoint", key=key)
        self.function = python_function(
            self,
            *MONITOR_CONTENTS,
            role_description="Runs the function that finds what the version in service has scored",
            key=key,
            description="Finds what the version in service has scored since the last window, and decides on retraining",
            timeout=cdk.Duration.seconds(240),
            memory_size=512,
            environment={
                "BUCKET": bucket.bucket_name,
                "MODEL_PREFIX": f"{model_name}/",
                "TABLE": self.table.table_name,
            },
        )
        stack = cdk.Stack.of(self)
        for statement in (
            iam.PolicyStatement(actions=["s3:ListBucket"], resources=[bucket.bucket_arn]),
            iam.PolicyStatement(
                actions=["s3:PutObject"],
                resources=[bucket.arn_for_objects(f"{model_name}/{EXECUTIONS}*/{WINDOW}*")],
            ),
            iam.PolicyStatement(actions=["dynamodb:GetItem", "dynamodb:UpdateItem"], resources=[self.table.table_arn]),
            *of_grants(_READS, model_name=model_name, stack=stack),
            *key_statements(key, "GenerateDataKey", via="s3", stack=stack),
            *key_statements(key, "Decrypt", via="dynamodb", stack=stack),
        ):
            self.function.add_to_role_policy(statement)


_READS = (
    *sagemaker("DescribeEndpoint", "endpoint"),
    *sagemaker("DescribeEndpointConfig", "endpoint-config"),
    *sagemaker("DescribeModel", "model"),
    *sagemaker("ListModelPackages", "model-package", "model-package-group"),
    *sagemaker("DescribeModelPackage", "model-package"),
    *sagemaker("DescribeTransformJob", "transform-job"),
    # It supports no resources.
    Grant("sagemaker", ("ListTransformJobs",), ("*",)),
)
