"""Deletes the module's bucket, with every version of all that is in it, once its stack is gone.

deployspec.yaml runs it after ``cdk destroy``. It then keeps the bucket unless the parameter ``empty-bucket-on-destroy``
is true, and finds its name in the metadata that the module gave out. By hand, name the bucket::

    python empty_bucket.py mlops-demo-storagebucket5cb7c8ea-1a2b3c4d5e6f7

What it asks of S3, modulestack.yaml allows. It can be run again after an error, and goes on where that one ended.
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
"""CloudFormation's name for the bucket: the stack's, the resource's and a suffix, of which a long one is cut."""


class BucketError(Exception):
    """The bucket is not to be deleted, or could not be: the message says why."""


def main(
    arguments: list[str], environment: Mapping[str, str] = os.environ, client: Callable[..., Any] = boto3.client
) -> int:
    """Deletes the bucket that is named, or else the one that SeedFarmer's environment names, if that asks for it.

    Args:
        arguments: the bucket's name, or nothing.
        environment: the environment variables.
        client: makes the client of a service of AWS.

    Returns:
        The exit code: 1 for an error, which is printed.
    """
    try:
        bucket = _named(arguments) if arguments else _asked_for(environment)
        if bucket is not None:
            _check(bucket)
            s3 = client("s3")
            if arguments:
                # S3 finds a bucket from every region, CloudFormation a stack in its own only. No constraint: us-east-1.
                region = s3.get_bucket_location(Bucket=bucket).get("LocationConstraint") or "us-east-1"
                _check_stack(client("cloudformation", region_name=region), bucket)
            _delete(s3, bucket)
    except (BucketError, SettingsError, BotoCoreError, ClientError) as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - a command's message
        return 1
    return 0


def _named(arguments: list[str]) -> str:
    if arguments[1:]:
        raise BucketError(f"{' '.join(arguments)!r} was given; expected is the name of one bucket, or nothing")
    return arguments[0]


def _asked_for(environment: Mapping[str, str]) -> str | None:
    """The bucket in SeedFarmer's metadata, if the parameter says that it is to go."""
    context = json.loads(Path(__file__).with_name("cdk.json").read_text())["context"]
    if not read_settings(context.get, environment).empty_bucket_on_destroy:
        _say("the bucket is kept: the parameter empty-bucket-on-destroy is not true")
        return None
    given = environment.get(_METADATA, "")
    try:
        metadata = json.loads(given or "null")
    except ValueError as error:
        raise BucketError(f"{_METADATA} is {given!r}, which is not JSON: {error}") from error
    if metadata is None:  # The module was never deployed to its end.
        _say(f"no bucket is deleted: {_METADATA} is empty, so none is known; python empty_bucket.py BUCKET deletes one")
        return None
    bucket = metadata.get("MlOpsBucket") if isinstance(metadata, dict) else None
    if not isinstance(bucket, str):
        raise BucketError(f"{_METADATA} is {given!r}; expected is a JSON object with the bucket's name as MlOpsBucket")
    return bucket


def _check(bucket: str) -> None:
    if not re.fullmatch(_OWN, bucket, re.ASCII):
        raise BucketError(f"{bucket!r} is no bucket of this module; expected is a name such as ...-storagebucket...")


def _check_stack(cloudformation: Any, bucket: str) -> None:
    """Raises BucketError if a stack has the bucket."""
    try:
        found = cloudformation.describe_stack_resources(PhysicalResourceId=bucket)["StackResources"]
    except ClientError as error:
        # So it says that no stack has it:
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResources.html
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        return
    for resource in found:
        if resource["PhysicalResourceId"] == bucket and not resource["ResourceStatus"].startswith("DELETE_"):
            raise BucketError(f"{bucket} belongs to the stack {resource['StackName']}; destroy that first: cdk destroy")


def _delete(s3: "S3Client", bucket: str) -> None:
    try:
        count = _empty(s3, bucket)
        s3.delete_bucket(Bucket=bucket)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "NoSuchBucket":
            _say(f"there is no bucket {bucket} any more")
            return
        if code == "AccessDenied":
            raise BucketError(_denied(bucket, str(error))) from error
        raise
    _say(f"deleted: bucket {bucket} with {count:,} versions and delete markers")


def _empty(s3: "S3Client", bucket: str) -> int:
    """Deletes every version and delete marker, and gives how many they were."""
    count = 0
    # Always the first page: the marker of a next one would be a version that is gone. A page has at most 1,000 of both,
    # which is what one DeleteObjects takes: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html,
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
    while found := _first_page(s3, bucket):
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": found, "Quiet": True})
        # DeleteObjects succeeds where it could delete none of them, and says so of each.
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
        f"{text}\nBucket {bucket} is left. SeedFarmer's role may delete it if the manifest has the parameter as text "
        '(value: "true") and the pattern in modulestack.yaml fits its name. If not, somebody who may does it by hand: '
        f"python empty_bucket.py {bucket}"
    )


def _say(text: str) -> None:
    print(text)  # noqa: T201 - a command's message


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
