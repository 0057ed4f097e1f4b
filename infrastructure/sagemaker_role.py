"""The roles that SageMaker assumes: one for jobs, one for models.

Their permissions follow https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html, limited to the
deployment's own resources. A transform job has no role of its own
(https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html names none, and CreateModel's is
"for batch transform jobs", too), so SageMaker reads its data and writes its results under the model's role. The same
goes for an endpoint's data capture.
"""

from collections.abc import Iterable

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infrastructure.image import Images

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


def data_bucket_arns(stack: cdk.Stack, data_buckets: Iterable[str]) -> list[str]:
    """Returns the ARNs of the buckets whose data jobs may read, beside the deployment's own.

    Args:
        stack: gives the partition and the region.
        data_buckets: the names of the user's.
    """
    # The first bucket is AWS's own, readable by every account; the sample input takes its census data from there.
    names = [f"sagemaker-sample-data-{stack.region}", *data_buckets]
    return [f"arn:{stack.partition}:s3:::{name}" for name in names]


class SageMakerRole(Construct):
    """A role that reads the bucket and the data, writes to some prefixes, pulls images, and writes logs and metrics.

    Args:
        scope: as for every construct.
        construct_id: as for every construct.
        description: the role's description.
        bucket: the pipeline's bucket.
        writes: the bucket's prefixes that the role may write to.
        protected: prefixes below those that it must not write to.
        images: SageMaker's images.
        data_buckets: names of further buckets to read from.
        image_repositories: ARNs of further ECR repositories to pull from.
        key: the deployment's KMS key.
        in_vpc: whether jobs and models run in a VPC.
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
        images: Images,
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
            *self._images([*images.repository_arns, *image_repositories]),
            *self._telemetry(),
            *(self._encryption(key) if key else ()),
            *(self._network() if in_vpc else ()),
        ]
        for statement in statements:
            self.role.add_to_policy(statement)

    def _reads(self, bucket: s3.IBucket, data_buckets: Iterable[str]) -> list[iam.PolicyStatement]:
        read_only = data_bucket_arns(cdk.Stack.of(self), data_buckets)
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
            # No policy grants deletions; the Deny also overrides whatever is attached to the role later.
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
            # GetAuthorizationToken supports no resources.
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
            # PutMetricData supports no resources, but a condition on the namespace.
            iam.PolicyStatement(
                actions=["cloudwatch:PutMetricData"],
                resources=["*"],
                conditions={"StringLike": {"cloudwatch:namespace": "/aws/sagemaker/*"}},
            ),
        ]

    def _encryption(self, key: kms.IKey) -> list[iam.PolicyStatement]:
        return [
            iam.PolicyStatement(actions=["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"], resources=[key.key_arn]),
            # For instance volumes, when a request names a key for them (VolumeKmsKeyId).
            iam.PolicyStatement(
                actions=["kms:CreateGrant"],
                resources=[key.key_arn],
                conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}},
            ),
        ]

    def _network(self) -> list[iam.PolicyStatement]:
        """Network interfaces in the VPC, which exist as long as their job or endpoint.

        Source: https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html, "If you specify a private VPC".
        """
        stack = cdk.Stack.of(self)
        kinds = ("network-interface", "subnet", "security-group")
        return [
            iam.PolicyStatement(
                actions=[*_INTERFACE_ACTIONS],
                resources=[f"arn:{stack.partition}:ec2:{stack.region}:{stack.account}:{kind}/*" for kind in kinds],
            ),
            # Describe actions support no resources.
            iam.PolicyStatement(actions=[*_NETWORK_READS], resources=["*"]),
        ]
