"""Checks that the data that the input names is there, and that the user and the jobs' role may read it."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from doctor.account import Caller
from doctor.result import Result, failure, ok, skipped
from doctor.simulation import Question, denials
from executions.errors import explained
from pipeline.s3_uri import bucket_and_key

_REMEDY_ROLE = "name the bucket in the deployment's data-bucket-names, and deploy"


def data_of(content: dict[str, Any], *, execution: str) -> list[str]:
    """Returns the S3 URIs that the stages read and that exist before the execution, without duplicates.

    Args:
        content: an execution's input.
        execution: its name, which is in the location of everything that it writes itself.
    """
    sections = (section for section in content.values() if isinstance(section, dict) and section.get("run"))
    found = dict.fromkeys(uri for section in sections for uri in _read(section))
    return [uri for uri in found if execution not in uri]


def data(s3: Any, iam: Any, uris: list[str], *, role: str | None, own_bucket: str, who: Caller) -> list[Result]:
    """Checks each location: that it holds an object, and that the jobs' role may read it.

    Args:
        s3: a client.
        iam: a client.
        uris: the locations.
        role: the ARN of the jobs' role; None if nothing is deployed.
        own_bucket: the deployment's bucket, which is skipped while nothing is deployed.
        who: gives the partition.
    """
    found = []
    for uri in uris:
        bucket, key = bucket_and_key(uri)
        if role is None and bucket == own_bucket:
            continue
        result = _there(s3, bucket, key, uri)
        denied = _denied(iam, role, bucket, key, who) if role and result.status != "failure" else None
        found.append(denied or result)
    return found or [ok("data", "the input names no data outside of its execution")]


def _there(s3: Any, bucket: str, key: str, uri: str) -> Result:
    try:
        listed = s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)
    except (ClientError, BotoCoreError) as error:
        if isinstance(error, ClientError) and error.response["Error"]["Code"] == "NoSuchBucket":
            return failure("data", f"{uri}: there is no bucket {bucket}", "correct the S3Uri in input.yaml")
        return skipped("data", f"{uri}: {explained(error)}")
    if not listed.get("KeyCount"):
        return failure("data", f"{uri} holds no object", "upload the data, or correct the S3Uri in input.yaml")
    return ok("data", f"{uri} can be read")


def _denied(iam: Any, role: str, bucket: str, key: str, who: Caller) -> Result | None:
    arn = f"arn:{who.partition}:s3:::{bucket}"
    needs = (("s3:ListBucket", arn), ("s3:GetObject", f"{arn}/{key or 'doctor'}"))
    try:
        denied = [
            each
            for action, resource in needs
            for each in denials(iam, role, Question(actions=(action,), resources=(resource,)))
        ]
    except (ClientError, BotoCoreError):
        return (
            None  # what the user may read is still worth a line; the check of permissions says why IAM does not answer
        )
    if not denied:
        return None
    actions = " and ".join(answer.action for answer in denied)
    by = denied[0].by
    return failure(
        "data",
        f"the jobs' role may not {actions} on s3://{bucket}/{key}",
        f"have {by} allow it" if by else _REMEDY_ROLE,
    )


def _read(section: dict[str, Any]) -> Iterator[str]:
    """The ``S3Uri`` of everything that a section reads: those of outputs are written."""
    for key, item in section.items():
        if isinstance(item, dict) and key not in {"S3Output", "OutputDataConfig", "TransformOutput"}:
            yield from _read(item)
        elif isinstance(item, list):
            for each in item:
                if isinstance(each, dict):
                    yield from _read(each)
        elif key == "S3Uri" and isinstance(item, str) and item.startswith("s3://"):
            yield item
