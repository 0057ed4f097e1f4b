"""The bucket for the pipeline's scripts, data and models."""

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from pipeline.places import EXECUTIONS

_NONCURRENT_DAYS = 90
_EXPIRED_RUNS_DAYS = 7
"""How long what has been overwritten, and what has expired, can be restored."""


class Storage(Construct):
    """The bucket: encrypted, TLS only, no public access, versioned, retained when the stack is deleted.

    The results of executions expire. What the registry names does not: the gate registers copies, which are under
    another prefix (``pipeline.places``). If two rules apply to an object, S3 follows the earlier date
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-conflicts.html).

    Args:
        scope: as for every construct.
        construct_id: as for every construct.
        model_name: the prefix of everything that the pipeline writes.
        keep_runs_days: days after which the results of executions expire; 0 for never.
        key: the deployment's KMS key.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, model_name: str, keep_runs_days: int, key: kms.IKey | None = None
    ) -> None:
        super().__init__(scope, construct_id)
        runs = s3.LifecycleRule(
            id="executions",
            prefix=f"{model_name}/{EXECUTIONS}",
            expiration=cdk.Duration.days(keep_runs_days or 1),
            noncurrent_version_expiration=cdk.Duration.days(_EXPIRED_RUNS_DAYS),
        )
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.KMS if key else s3.BucketEncryption.S3_MANAGED,
            encryption_key=key,
            # Saves a KMS request for each object.
            bucket_key_enabled=True if key else None,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            versioned=True,
            lifecycle_rules=[
                s3.LifecycleRule(
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(7),
                    noncurrent_version_expiration=cdk.Duration.days(_NONCURRENT_DAYS),
                    # The marker of an expired object whose versions are gone.
                    expired_object_delete_marker=True,
                ),
                *([runs] if keep_runs_days else ()),
            ],
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
