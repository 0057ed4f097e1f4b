"""The role under which the SageMaker jobs and models run."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infrastructure.image import Image


class SageMakerRole(Construct):
    """May read and write the pipeline's bucket, read the sample data, pull the image, and write logs and metrics."""

    def __init__(self, scope: Construct, construct_id: str, *, bucket: s3.IBucket, image: Image) -> None:
        super().__init__(scope, construct_id)
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"),
            description="Runs the SageMaker jobs and models of the pipeline",
        )
        for statement in [*self._data(bucket), *self._image(image), *self._telemetry()]:
            self.role.add_to_policy(statement)

    def _data(self, bucket: s3.IBucket) -> list[iam.PolicyStatement]:
        stack = cdk.Stack.of(self)
        # AWS serves the census data of the sample input to every account from this bucket.
        sample_data = f"arn:{stack.partition}:s3:::sagemaker-sample-data-{stack.region}"
        return [
            iam.PolicyStatement(
                actions=["s3:ListBucket", "s3:GetBucketLocation"],
                resources=[bucket.bucket_arn, sample_data],
            ),
            iam.PolicyStatement(
                actions=["s3:GetObject"],
                resources=[bucket.arn_for_objects("*"), f"{sample_data}/*"],
            ),
            iam.PolicyStatement(
                actions=["s3:PutObject", "s3:AbortMultipartUpload"],
                resources=[bucket.arn_for_objects("*")],
            ),
        ]

    def _image(self, image: Image) -> list[iam.PolicyStatement]:
        return [
            # GetAuthorizationToken knows no resource.
            iam.PolicyStatement(actions=["ecr:GetAuthorizationToken"], resources=["*"]),
            iam.PolicyStatement(
                actions=["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                resources=[image.repository_arn],
            ),
        ]

    def _telemetry(self) -> list[iam.PolicyStatement]:
        logs = cdk.Stack.of(self).format_arn(
            service="logs",
            resource="log-group",
            resource_name="/aws/sagemaker/*",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        return [
            iam.PolicyStatement(
                actions=["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
                resources=[logs],
            ),
            # PutMetricData knows no resource; the namespace is what can be limited.
            iam.PolicyStatement(
                actions=["cloudwatch:PutMetricData"],
                resources=["*"],
                conditions={"StringLike": {"cloudwatch:namespace": "/aws/sagemaker/*"}},
            ),
        ]
