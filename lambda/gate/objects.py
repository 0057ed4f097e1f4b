"""Translates S3's errors into the gate's."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from gate.errors import GateError, ServiceError

_USERS_OWN = {
    "404": "there is no such object",  # HeadObject's response has no body, hence no error name
    "NoSuchKey": "there is no such object",
    "NoSuchBucket": "there is no such bucket",
    "403": "access denied; the function may read the pipeline's own bucket only",
    "AccessDenied": "access denied; the function may read the pipeline's own bucket only",
    "InvalidBucketName": "the bucket name is invalid",
    "KeyTooLongError": "the key is longer than S3 allows",
    "PermanentRedirect": "the bucket is in another region",
    "InvalidObjectState": "the object is archived; restore it first",
}
"""S3's error codes for what the user can fix: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"""


@contextmanager
def s3_errors(uri: str, missing: type[GateError]) -> Iterator[None]:
    """Raises ``missing`` for errors that the user can fix, and ServiceError for all others.

    Args:
        uri: the object's URI.
        missing: the error to raise if the object is not available.
    """
    try:
        yield
    except (ParamValidationError, UnicodeError) as error:
        raise missing(f"not a valid S3 name: {error}") from error
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in _USERS_OWN:
            raise missing(_USERS_OWN[code]) from error
        raise ServiceError(f"{uri}: could not be read from S3: {error}") from error
    except BotoCoreError as error:
        raise ServiceError(f"{uri}: could not be read from S3: {error}") from error
