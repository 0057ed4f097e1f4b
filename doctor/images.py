"""Checks that the container images that the input names exist in the region."""

import re
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from doctor.account import Caller
from doctor.result import Result, failure, ok, skipped
from executions.errors import explained
from pipeline.images import ACCOUNTS, REPOSITORY, XGBOOST_REPOSITORY

_FIELDS = ("ImageUri", "TrainingImage", "Image")
"""The request fields with an image: of a processing job, a training job, a model."""
_URI = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/"
    r"(?P<repository>[^:@]+)(?::(?P<tag>[^@]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


def images_of(content: Any) -> list[str]:
    """Returns the URIs of the images in the stages that run.

    Args:
        content: an execution's input.
    """
    sections = (section for section in content.values() if isinstance(section, dict) and section.get("run"))
    return list(dict.fromkeys(uri for section in sections for uri in _uris(section)))


def images(ecr: Any, uris: list[str], *, who: Caller) -> list[Result]:
    """Checks each image with BatchGetImage, the call with which a job pulls it.

    AWS's own repositories may not let everybody read them, and the emulator does not have them. If the call fails,
    AWS's scikit-learn image counts as there, since the table has its account.

    Args:
        ecr: a client.
        uris: the images.
        who: gives the region.
    """
    return [_image(ecr, uri, who) for uri in uris]


def _image(ecr: Any, uri: str, who: Caller) -> Result:
    match = _URI.fullmatch(uri)
    if not match:
        return skipped("image", f"{uri} is not in Amazon ECR")
    if match["region"] != who.region:
        detail = f"{uri} is in {match['region']}; a job's image must be in {who.region}"
        return failure("image", detail, "use IMAGE_URI, or an image of this region")
    is_aws = match["repository"] in (REPOSITORY, XGBOOST_REPOSITORY)
    if is_aws and match["account"] != ACCOUNTS.get(who.region):
        detail = f"{uri}: AWS's account with this image in {who.region} is {ACCOUNTS.get(who.region)}"
        return failure("image", detail, "use IMAGE_URI, or this account")
    return _looked_up(ecr, uri, match, is_aws=is_aws)


def _looked_up(ecr: Any, uri: str, match: re.Match[str], *, is_aws: bool) -> Result:
    name = f"{match['repository']}:{match['tag']}" if match["tag"] else uri
    try:
        found = ecr.batch_get_image(
            registryId=match["account"],
            repositoryName=match["repository"],
            imageIds=[{"imageDigest": match["digest"]} if match["digest"] else {"imageTag": match["tag"] or "latest"}],
        )
    except (ClientError, BotoCoreError) as error:
        if is_aws:
            return ok("image", f"{name} of AWS's account {match['account']}; whether it has this tag was not checked")
        if isinstance(error, ClientError) and error.response["Error"]["Code"] == "RepositoryNotFoundException":
            return failure("image", f"{uri}: there is no such repository", "correct the image in input.yaml")
        return skipped("image", f"{name}: {explained(error)}")
    if not found.get("images"):
        return failure("image", f"{uri} does not exist", "correct the image, or image-version of the deployment")
    return ok("image", f"{name} of {match['account']}")


def _uris(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key in _FIELDS and isinstance(item, str):
                yield item
            else:
                yield from _uris(item)
    elif isinstance(value, list):
        for item in value:
            yield from _uris(item)
