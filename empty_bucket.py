"""Deletes the module's bucket with every version of every object, once its stack has been deleted.

deployspec.yaml runs it after ``cdk destroy``. It then keeps the bucket unless the parameter ``empty-bucket-on-destroy``
is true, and takes the bucket's name from the module's metadata. By hand, name the bucket::

    python empty_bucket.py mlops-demo-storagebucket5cb7c8ea-1a2b3c4d5e6f7

modulestack.yaml grants the S3 permissions that it needs. After an error, run it again: it continues where it stopped.
"""

import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from settings import SettingsError, read_settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

_METADATA = "SEEDFARMER_MODULE_METADATA"
_OWN = r"[a-z0-9-]+-storagebucket[a-z0-9-]+"
"""The bucket's name as CloudFormation generates it: stack, resource and suffix; long ones are truncated."""


class BucketError(Exception):
    """The bucket must not or could not be deleted; the message says why."""


def main(
    arguments: list[str], environment: Mapping[str, str] = os.environ, client: Callable[..., Any] = boto3.client
) -> int:
    """Deletes the named bucket, or else the one in SeedFarmer's environment if its parameter requests that.

    Args:
        arguments: the bucket's name, or nothing.
        environment: the environment variables.
        client: creates a client for an AWS service.

    Returns:
        The exit code: 1 after printing an error.
    """
    try:
        bucket = _named(arguments) if arguments else _asked_for(environment)
        if bucket is not None:
            _check(bucket)
            s3 = client("s3")
            if arguments:
                # S3 finds buckets in any region, CloudFormation only stacks in its own. No constraint means us-east-1.
                region = s3.get_bucket_location(Bucket=bucket).get("LocationConstraint") or "us-east-1"
                _check_stack(client("cloudformation", region_name=region), bucket)
            delete_bucket(s3, bucket)
    except (BucketError, SettingsError, BotoCoreError, ClientError) as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - a command's message
        return 1
    return 0


def _named(arguments: list[str]) -> str:
    if arguments[1:]:
        raise BucketError(f"invalid arguments {' '.join(arguments)!r}; expected the name of one bucket, or nothing")
    return arguments[0]


def _asked_for(environment: Mapping[str, str]) -> str | None:
    """Returns the bucket in SeedFarmer's metadata if the parameter requests its deletion, else None."""
    context = json.loads(Path(__file__).with_name("cdk.json").read_text())["context"]
    if not read_settings(context.get, environment).empty_bucket_on_destroy:
        _say("the bucket is kept: the parameter empty-bucket-on-destroy is not true")
        return None
    given = environment.get(_METADATA, "")
    try:
        metadata = json.loads(given or "null")
    except ValueError as error:
        raise BucketError(f"{_METADATA} is {given!r}, which is not JSON: {error}") from error
    if metadata is None:  # The deployment never completed.
        _say(f"no bucket deleted: {_METADATA} is empty; to delete one by name: python empty_bucket.py BUCKET")
        return None
    bucket = metadata.get("MlOpsBucket") if isinstance(metadata, dict) else None
    if not isinstance(bucket, str):
        raise BucketError(f"{_METADATA} is {given!r}; expected a JSON object with the bucket's name as MlOpsBucket")
    return bucket


def _check(bucket: str) -> None:
    if not re.fullmatch(_OWN, bucket, re.ASCII):
        raise BucketError(f"{bucket!r} is not a bucket of this module; expected a name such as ...-storagebucket...")


def _check_stack(cloudformation: Any, bucket: str) -> None:
    """Raises BucketError if the bucket belongs to a stack."""
    try:
        found = cloudformation.describe_stack_resources(PhysicalResourceId=bucket)["StackResources"]
    except ClientError as error:
        # This error means that no stack has the bucket:
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResources.html
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        return
    for resource in found:
        if resource["PhysicalResourceId"] == bucket and not resource["ResourceStatus"].startswith("DELETE_"):
            raise BucketError(f"{bucket} belongs to the stack {resource['StackName']}; destroy that first: cdk destroy")


def delete_bucket(s3: "S3Client", bucket: str) -> None:
    """Deletes a bucket with every version of every object.

    Raises:
        BucketError: S3 does not allow it.
        ClientError: S3 rejects a call.
    """
    try:
        count = _empty(s3, bucket)
        s3.delete_bucket(Bucket=bucket)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "NoSuchBucket":
            _say(f"bucket {bucket} no longer exists")
            return
        if code == "AccessDenied":
            raise BucketError(_denied(bucket, str(error))) from error
        raise
    _say(f"deleted: bucket {bucket} with {count:,} versions and delete markers")


def _empty(s3: "S3Client", bucket: str) -> int:
    """Deletes every version and delete marker, and returns their number."""
    count = 0
    # Always list the first page: the next page's marker would be a deleted version. A page has at most 1,000 entries,
    # as many as DeleteObjects accepts: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html,
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
    while found := _first_page(s3, bucket):
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": found, "Quiet": True})
        # DeleteObjects succeeds even if it could delete nothing, and lists an error for each version.
        for error in answer.get("Errors", ()):
            text = f"{error.get('Key')}, version {error.get('VersionId')}: {error.get('Code')}: {error.get('Message')}"
            raise BucketError(_denied(bucket, text) if error.get("Code") == "AccessDenied" else text)
        count += len(found)
    return count


def _first_page(s3: "S3Client", bucket: str) -> "list[ObjectIdentifierTypeDef]":
    page = s3.list_object_versions(Bucket=bucket)
    found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
    return [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in found]


def _denied(bucket: str, text: str) -> str:
    return (
        f"{text}\nBucket {bucket} was not deleted. SeedFarmer's role may delete it if the manifest has the parameter "
        'as text (value: "true") and the pattern in modulestack.yaml matches its name. Otherwise, run as somebody who '
        f"may: python empty_bucket.py {bucket}"
    )


def _say(text: str) -> None:
    print(text)  # noqa: T201 - a command's message


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
