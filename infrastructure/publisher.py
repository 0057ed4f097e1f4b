"""Uploads the module's scripts to the bucket at deploy time, the same way on AWS and on the emulator."""

from pathlib import Path
from tempfile import TemporaryDirectory

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from infrastructure.function import python_function
from infrastructure.permissions import key_statements
from pipeline.bundle import published_files
from pipeline.commit import Commit
from pipeline.places import PUBLISHED


class Publisher(Construct):
    """A custom resource that uploads the scripts. A redeployment deletes nothing, and keeps what was changed by hand.

    Args:
        scope: as for every construct.
        construct_id: as for every construct.
        folder: the scripts and ``input.yaml``.
        commit: the commit of the scripts, if it is known.
        overwrite: whether to replace what was changed in the bucket, too.
        bucket: the pipeline's bucket.
        prefix: where to upload.
        key: the deployment's KMS key.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        folder: Path,
        commit: Commit | None,
        overwrite: bool,
        bucket: s3.IBucket,
        prefix: str,
        key: kms.IKey | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        asset = self._asset(folder)
        function = python_function(
            self,
            "lambda/publisher",
            role_description="Runs the function that publishes the scripts",
            key=key,
            retention=logs.RetentionDays.ONE_MONTH,
            tracing=lambda_.Tracing.DISABLED,
            description="Publishes the pipeline's scripts at deploy time",
            timeout=cdk.Duration.minutes(2),
            memory_size=256,
        )
        stack = cdk.Stack.of(self)
        function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["s3:GetObject"],
                resources=[f"arn:{stack.partition}:s3:::{asset.s3_bucket_name}/{asset.s3_object_key}"],
            )
        )
        for statement in (
            iam.PolicyStatement(actions=["s3:PutObject"], resources=[bucket.arn_for_objects(f"{prefix}*")]),
            # What was published last, to keep what has changed since.
            iam.PolicyStatement(
                actions=["s3:ListBucket"],
                resources=[bucket.bucket_arn],
                conditions={"StringEquals": {"s3:prefix": prefix}},
            ),
            iam.PolicyStatement(actions=["s3:GetObject"], resources=[bucket.arn_for_objects(prefix + PUBLISHED)]),
            *key_statements(key, "Decrypt", "GenerateDataKey", via="s3", stack=stack),
        ):
            function.add_to_role_policy(statement)
        publication = cdk.CustomResource(
            self,
            "Publication",
            service_token=function.function_arn,
            resource_type="Custom::PublishedScripts",
            properties={
                "ArchiveBucket": asset.s3_bucket_name,
                "ArchiveKey": asset.s3_object_key,
                "Bucket": bucket.bucket_name,
                "Prefix": prefix,
                "Record": PUBLISHED,
                "Overwrite": str(overwrite).lower(),
                # Not in the archive: its hash, and with it the template, would change with each commit of other files.
                **({"Metadata": commit.metadata()} if commit else {}),
            },
        )
        self.kept = publication.get_att_string("Kept")
        """The names of the files that the last deployment kept, since they were changed in the bucket."""
        # The permissions must exist before the function runs, and until it has run.
        publication.node.add_dependency(function)

    def _asset(self, folder: Path) -> assets.Asset:
        with TemporaryDirectory() as staging:
            for name, content in published_files(folder).items():
                path = Path(staging, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            return assets.Asset(self, "Archive", path=staging)
