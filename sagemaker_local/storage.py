"""S3's GetObject for state machines: ``aws-sdk:s3:getObject``."""

from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sagemaker_local.errors import UNREACHABLE, aws_error
from sagemaker_local.s3_cache import S3Cache

_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def get_object(s3: S3Cache, request: dict[str, Any]) -> dict[str, Any]:
    """S3's GetObject.

    Args:
        s3: the jobs' S3.
        request: the GetObject request.

    Returns:
        S3's response: ``Body`` as bytes, ``ContentType``, ``ContentLength``, ``ETag`` and so on.

    Raises:
        AwsError: S3 returned an error, such as ``NoSuchKey``, or could not be reached.
    """
    try:
        response: dict[str, Any] = dict(s3.client.get_object(**request))
        body = response["Body"].read()
    except ClientError as error:
        details = error.response["Error"]
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        raise aws_error(details.get("Message", str(error)), code=details["Code"], status=status) from error
    except BotoCoreError as error:
        raise aws_error(str(error), code=UNREACHABLE, status=0) from error
    del response["ResponseMetadata"]
    return {name: _plain(value) for name, value in response.items()} | {"Body": body}


def _plain(value: Any) -> Any:
    return value.astimezone(UTC).strftime(_FORMAT) if isinstance(value, datetime) else value
