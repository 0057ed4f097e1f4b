"""S3 on this machine as a state machine asks for it: GetObject, by ``aws-sdk:s3:getObject``."""

from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sagemaker_local.errors import UNREACHABLE, refused
from sagemaker_local.s3_cache import S3Cache

_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def get_object(objects: S3Cache, request: dict[str, Any]) -> dict[str, Any]:
    """S3's GetObject.

    Args:
        objects: the objects of the S3 that the jobs use.
        request: ``Bucket``, ``Key`` and what else S3 takes.

    Returns:
        S3's response: ``Body`` as bytes, ``ContentType``, ``ContentLength``, ``ETag`` and so on.

    Raises:
        Refused: S3 refused, with its code, such as ``NoSuchKey``; or it could not be reached.
    """
    try:
        response: dict[str, Any] = dict(objects.client.get_object(**request))
        body = response["Body"].read()
    except ClientError as error:
        said = error.response["Error"]
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        raise refused(said.get("Message", str(error)), code=said["Code"], status=status) from error
    except BotoCoreError as error:
        raise refused(str(error), code=UNREACHABLE, status=0) from error
    del response["ResponseMetadata"]
    return {name: _plain(value) for name, value in response.items()} | {"Body": body}


def _plain(value: Any) -> Any:
    return value.astimezone(UTC).strftime(_FORMAT) if isinstance(value, datetime) else value
