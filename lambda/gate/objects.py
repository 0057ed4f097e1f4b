"""S3's errors in the gate's words."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from gate.errors import GateError, ServiceError

_USERS_OWN = {
    "404": "there is no such object",  # HeadObject's answer has no body, so no name either
    "NoSuchKey": "there is no such object",
    "NoSuchBucket": "there is no such bucket",
    "403": "access denied; the function may read the pipeline's own bucket only",
    "AccessDenied": "access denied; the function may read the pipeline's own bucket only",
    "InvalidBucketName": "that is no name of a bucket",
    "KeyTooLongError": "the key is longer than S3 allows",
    "PermanentRedirect": "the bucket is in another region",
    "InvalidObjectState": "the object is archived; restore it first",
}
"""S3's error codes for what the user can mend: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"""


@contextmanager
def s3_errors(uri: str, missing: type[GateError]) -> Iterator[None]:
    """Raises ``missing`` for what the user can mend, and ServiceError for the rest.

    Args:
        uri: of the object.
        missing: the error of an object that cannot be had.
    """
    try:
        yield
    except (ParamValidationError, UnicodeError) as error:
        raise missing(f"S3 has no such names: {error}") from error
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in _USERS_OWN:
            raise missing(_USERS_OWN[code]) from error
        raise ServiceError(f"{uri}: S3 could not be read: {error}") from error
    except BotoCoreError as error:
        raise ServiceError(f"{uri}: S3 could not be read: {error}") from error
