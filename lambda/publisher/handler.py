"""Uploads the files of an archive to a prefix: a CloudFormation custom resource.

CloudFormation waits for a response, success or failure, at a URL in the request:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
"""

import io
import json
import urllib.request
import zipfile
from typing import Any

import boto3

_s3 = boto3.client("s3")


def handler(event: dict[str, Any], context: Any) -> None:  # noqa: ARG001 - Lambda passes two arguments
    """Publishes on create and update; on delete it leaves all files, since users put their own there, too.

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
            publish(_s3, properties)
        except Exception as error:  # noqa: BLE001 - CloudFormation must learn of any error
            answer |= {"Status": "FAILED", "Reason": f"could not publish the scripts: {error!r}"}
    request = urllib.request.Request(  # noqa: S310 - the URL is CloudFormation's own
        event["ResponseURL"], data=json.dumps(answer).encode(), method="PUT", headers={"Content-Type": ""}
    )
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310
        pass


def publish(s3: Any, properties: dict[str, str]) -> None:
    """Uploads each file of the zip archive under the prefix.

    Args:
        s3: an S3 client.
        properties: ``ArchiveBucket`` and ``ArchiveKey`` to read, ``Bucket`` and ``Prefix`` to upload to.
    """
    content = s3.get_object(Bucket=properties["ArchiveBucket"], Key=properties["ArchiveKey"])["Body"].read()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for entry in archive.infolist():
            if not entry.is_dir():
                s3.put_object(
                    Bucket=properties["Bucket"], Key=properties["Prefix"] + entry.filename, Body=archive.read(entry)
                )
