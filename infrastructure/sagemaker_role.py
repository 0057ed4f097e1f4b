"""The roles under which SageMaker works: one for the jobs, one for the models.

Their permissions are those of https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html, on what belongs to
the deployment only. A transform job has no role of its own, so SageMaker reads its data and writes its results with the
model's: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html names none, and the one
of CreateModel is "for batch transform jobs", too. Nor has an endpoint one for what it captures.
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
    """May read the pipeline's bucket and the data, write to some prefixes, pull the images, and write logs and metrics.

    Args:
        scope: as for every construct.
        construct_id: as for every construct.
        description: who runs under it.
        bucket: the pipeline's.
        writes: the prefixes of the bucket that it writes to.
        protected: prefixes below those that it must not write to.
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
        description: str,
        bucket: s3.IBucket,
        writes: Iterable[str],
        protected: Iterable[str] = (),
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
            description=description,
        )
        statements = [
            *self._reads(bucket, data_buckets),
            *self._writes(bucket, writes, protected),
            *self._images([image.repository_arn, *image_repositories]),
            *self._telemetry(),
            *(self._encryption(key) if key else ()),
            *(self._network() if in_vpc else ()),
        ]
        for statement in statements:
            self.role.add_to_policy(statement)

    def _reads(self, bucket: s3.IBucket, data_buckets: Iterable[str]) -> list[iam.PolicyStatement]:
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
        ]

    def _writes(self, bucket: s3.IBucket, writes: Iterable[str], protected: Iterable[str]) -> list[iam.PolicyStatement]:
        found = [
            iam.PolicyStatement(
                actions=["s3:PutObject", "s3:AbortMultipartUpload"],
                resources=[bucket.arn_for_objects(f"{prefix}*") for prefix in writes],
            )
        ]
        denied = [bucket.arn_for_objects(f"{prefix}*") for prefix in protected]
        if denied:
            # Deletions are granted nowhere; the Deny also holds against what somebody may attach to the role later.
            found.append(
                iam.PolicyStatement(
                    effect=iam.Effect.DENY,
                    actions=["s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"],
                    resources=denied,
                )
            )
        return found

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
