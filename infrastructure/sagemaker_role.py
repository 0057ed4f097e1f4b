"""The role under which the SageMaker jobs and models run.

Its permissions are those of https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html, on what belongs to
the deployment only.
"""

from collections.abc import Iterable

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infrastructure.image import Image

_INTERFACE_ACTIONS = (
    "ec2:CreateNetworkInterface",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface",
    "ec2:DeleteNetworkInterfacePermission",
)
_NETWORK_READS = (
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
)


class SageMakerRole(Construct):
    """May read and write the pipeline's bucket, read the data, pull the images, and write logs and metrics.

    Args:
        scope: as for every construct.
        construct_id: as for every construct.
        bucket: the pipeline's.
        image: the scikit-learn image.
        data_buckets: names of further buckets to read from.
        image_repositories: ARNs of further ECR repositories to pull from.
        key: the deployment's own KMS key.
        in_vpc: whether jobs and models run in a VPC of the account.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        bucket: s3.IBucket,
        image: Image,
        data_buckets: Iterable[str] = (),
        image_repositories: Iterable[str] = (),
        key: kms.IKey | None = None,
        in_vpc: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"),
            description="Runs the SageMaker jobs and models of the pipeline",
        )
        statements = [
            *self._data(bucket, data_buckets),
            *self._images([image.repository_arn, *image_repositories]),
            *self._telemetry(),
            *(self._encryption(key) if key else ()),
            *(self._network() if in_vpc else ()),
        ]
        for statement in statements:
            self.role.add_to_policy(statement)

    def _data(self, bucket: s3.IBucket, data_buckets: Iterable[str]) -> list[iam.PolicyStatement]:
        stack = cdk.Stack.of(self)
        # AWS serves the census data of the sample input to every account from the first of these buckets.
        names = [f"sagemaker-sample-data-{stack.region}", *data_buckets]
        read_only = [f"arn:{stack.partition}:s3:::{name}" for name in names]
        return [
            iam.PolicyStatement(
                actions=["s3:ListBucket", "s3:GetBucketLocation"],
                resources=[bucket.bucket_arn, *read_only],
            ),
            iam.PolicyStatement(
                actions=["s3:GetObject"],
                resources=[bucket.arn_for_objects("*"), *(f"{arn}/*" for arn in read_only)],
            ),
            iam.PolicyStatement(
                actions=["s3:PutObject", "s3:AbortMultipartUpload"],
                resources=[bucket.arn_for_objects("*")],
            ),
        ]

    def _images(self, repositories: list[str]) -> list[iam.PolicyStatement]:
        return [
            # GetAuthorizationToken knows no resource.
            iam.PolicyStatement(actions=["ecr:GetAuthorizationToken"], resources=["*"]),
            iam.PolicyStatement(
                actions=["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                resources=repositories,
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

    def _encryption(self, key: kms.IKey) -> list[iam.PolicyStatement]:
        return [
            iam.PolicyStatement(actions=["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"], resources=[key.key_arn]),
            # For the volumes of the instances, where a request names the key for them (VolumeKmsKeyId).
            iam.PolicyStatement(
                actions=["kms:CreateGrant"],
                resources=[key.key_arn],
                conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}},
            ),
        ]

    def _network(self) -> list[iam.PolicyStatement]:
        """Network interfaces in the VPC, for as long as a job or an endpoint is there.

        Source: https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html, "If you specify a private VPC".
        """
        stack = cdk.Stack.of(self)
        kinds = ("network-interface", "subnet", "security-group")
        return [
            iam.PolicyStatement(
                actions=[*_INTERFACE_ACTIONS],
                resources=[f"arn:{stack.partition}:ec2:{stack.region}:{stack.account}:{kind}/*" for kind in kinds],
            ),
            # Descriptions know no resource.
            iam.PolicyStatement(actions=[*_NETWORK_READS], resources=["*"]),
        ]
