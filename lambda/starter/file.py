"""Reads ``input.yaml`` from S3."""

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from pipeline.input.yaml_document import MAX_FILE_BYTES
from starter.errors import ServiceError, UnreadableFileError
from starter.event import StartEvent

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_USERS_OWN = {
    "NoSuchKey": "there is no such object; the event's config names where input.yaml lies",
    "NoSuchBucket": "there is no such bucket; the event's config names where input.yaml lies",
    "AccessDenied": "access denied; the function may read the pipeline's own bucket only",
    "InvalidBucketName": "that is no name of a bucket",
    "KeyTooLongError": "the key is longer than S3 allows",
    "PermanentRedirect": "the bucket is in another region",
    "InvalidObjectState": "the object is archived; restore it first",
}
"""S3's error codes for what the user can mend: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"""


def read_file(s3: "S3Client", request: StartEvent) -> tuple[bytes, str | None]:
    """The content of ``input.yaml``, or as much of it as shows that it is too large, and the object's version.

    Raises:
        UnreadableFileError: there is none, or it may not be read.
        ServiceError: S3 could not say, or broke off.
    """
    try:
        found = s3.get_object(Bucket=request.bucket, Key=request.key)
        return found["Body"].read(MAX_FILE_BYTES + 1), found.get("VersionId")
    except (ParamValidationError, UnicodeError) as error:
        raise UnreadableFileError(f"{request.location}: S3 has no such names: {error}") from error
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in _USERS_OWN:
            raise UnreadableFileError(f"{request.location}: {_USERS_OWN[code]}") from error
        raise ServiceError(f"{request.location}: S3 could not be read: {error}") from error
    except BotoCoreError as error:
        raise ServiceError(f"{request.location}: S3 could not be read: {error}") from error
