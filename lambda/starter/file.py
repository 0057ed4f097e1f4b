"""Reads ``input.yaml`` from S3."""

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from pipeline.input.yaml_document import MAX_FILE_BYTES
from starter.errors import ServiceError, UnreadableFileError
from starter.event import StartEvent

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_USERS_OWN = {
    "NoSuchKey": "there is no such object; check the event's config",
    "NoSuchBucket": "there is no such bucket; check the event's config",
    "AccessDenied": "access denied; the function may read the pipeline's own bucket only",
    "InvalidBucketName": "the bucket name is invalid",
    "KeyTooLongError": "the key is longer than S3 allows",
    "PermanentRedirect": "the bucket is in another region",
    "InvalidObjectState": "the object is archived; restore it first",
}
"""S3's error codes for what the user can fix: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"""


def read_file(s3: "S3Client", request: StartEvent) -> tuple[bytes, str | None]:
    """Returns the content of ``input.yaml``, cut one byte above the size limit, and the object's version.

    Raises:
        UnreadableFileError: the file does not exist or may not be read.
        ServiceError: S3 was unavailable or the read was interrupted.
    """
    try:
        found = s3.get_object(Bucket=request.bucket, Key=request.key)
        return found["Body"].read(MAX_FILE_BYTES + 1), found.get("VersionId")
    except (ParamValidationError, UnicodeError) as error:
        raise UnreadableFileError(f"{request.location}: not a valid S3 name: {error}") from error
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in _USERS_OWN:
            raise UnreadableFileError(f"{request.location}: {_USERS_OWN[code]}") from error
        raise ServiceError(f"{request.location}: could not be read from S3: {error}") from error
    except BotoCoreError as error:
        raise ServiceError(f"{request.location}: could not be read from S3: {error}") from error
