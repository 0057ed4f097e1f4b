"""Uploads the files of an archive to a prefix: a CloudFormation custom resource.

What somebody has changed in the bucket since the last deployment is kept. A record below the prefix has the ETag of
each object as the last deployment left it; an object with another ETag is somebody's own.

CloudFormation waits for a response, success or failure, at a URL in the request:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
"""

import hashlib
import io
import json
import urllib.request
import zipfile
from typing import Any

import boto3

NOTHING = "none"
"""The attribute ``Kept`` if no file was kept: CloudFormation rejects an empty output."""
_MOST_TEXT = 900
"""Characters of ``Kept``. The whole response may have 4,096 bytes."""

_s3 = boto3.client("s3")


def handler(event: dict[str, Any], context: Any) -> None:  # noqa: ARG001 - Lambda passes two arguments
    """Publishes on create and update; on delete it leaves all files, since users put their own there, too.

    The response's attribute ``Kept`` names the files that were kept.

    Args:
        event: a CloudFormation custom resource request.
        context: Lambda's context, not used.
    """
    properties = event["ResourceProperties"]
    answer = {
        "Status": "SUCCESS",
        "PhysicalResourceId": f"s3://{properties['Bucket']}/{properties['Prefix']}",
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    if event["RequestType"] != "Delete":
        try:
            answer["Data"] = {"Kept": as_text(publish(_s3, properties))}
        except Exception as error:  # noqa: BLE001 - CloudFormation must learn of any error
            answer |= {"Status": "FAILED", "Reason": f"could not publish the scripts: {error!r}"}
    request = urllib.request.Request(  # noqa: S310 - the URL is CloudFormation's own
        event["ResponseURL"], data=json.dumps(answer).encode(), method="PUT", headers={"Content-Type": ""}
    )
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310
        pass


def publish(s3: Any, properties: dict[str, Any]) -> list[str]:
    """Uploads each file of the zip archive under the prefix, unless somebody has changed it there.

    Args:
        s3: an S3 client.
        properties: ``ArchiveBucket`` and ``ArchiveKey`` to read, ``Bucket`` and ``Prefix`` to upload to, ``Record``:
            the record's name below the prefix, ``Overwrite``: ``true`` to replace what somebody has changed, too, and
            ``Metadata``: the record's user metadata, if it has any.

    Returns:
        The names of the files that were kept.
    """
    bucket, prefix, record = properties["Bucket"], properties["Prefix"], properties["Record"]
    present = _etags(s3, bucket, prefix)
    published = _read(s3, bucket, prefix + record) if record in present else {}
    kept = []
    for name, content in _files(s3, properties):
        etag = present.get(name)
        if etag == _md5(content):
            published[name] = etag
        elif etag in (None, published.get(name)) or properties["Overwrite"] == "true":
            published[name] = s3.put_object(Bucket=bucket, Key=prefix + name, Body=content)["ETag"]
        else:
            kept.append(name)
            print(f"kept s3://{bucket}/{prefix}{name}: it was changed since the last deployment")  # noqa: T201 - the log
    body, metadata = json.dumps(published, indent=2).encode(), properties.get("Metadata", {})
    s3.put_object(Bucket=bucket, Key=prefix + record, Body=body, Metadata=metadata)
    return kept


def as_text(kept: list[str]) -> str:
    """Names the files that were kept, in the length that CloudFormation allows."""
    shown = list(kept)
    while len(", ".join(shown)) > _MOST_TEXT:
        shown.pop()
    more = [f"{len(kept) - len(shown)} more"] if len(shown) < len(kept) else []
    return ", ".join([*shown, *more]) or NOTHING


def _files(s3: Any, properties: dict[str, Any]) -> list[tuple[str, bytes]]:
    content = s3.get_object(Bucket=properties["ArchiveBucket"], Key=properties["ArchiveKey"])["Body"].read()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [(entry.filename, archive.read(entry)) for entry in archive.infolist() if not entry.is_dir()]


def _etags(s3: Any, bucket: str, prefix: str) -> dict[str, str]:
    """The ETag of each object below the prefix, by its name there."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return {item["Key"].removeprefix(prefix): item["ETag"] for page in pages for item in page.get("Contents", ())}


def _read(s3: Any, bucket: str, key: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    return found


def _md5(content: bytes) -> str:
    """The ETag of an object with this content that is not encrypted with KMS.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html
    """
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
