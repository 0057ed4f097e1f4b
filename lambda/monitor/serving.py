"""Finds the model version that an endpoint serves, with its baseline."""

from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from monitor.errors import BaselineMissingError, NotRegisteredError, NotServingError

_VERSIONS = 100
"""How many of the newest versions to compare with the model in service."""


@dataclass(frozen=True, kw_only=True)
class Serving:
    """What an endpoint serves."""

    version: str
    """ARN of the model package."""
    baseline: str
    """S3 URI of the folder with the version's statistics.json and constraints.json."""
    artefacts: tuple[str, ...]
    """S3 URIs of its containers' archives."""
    created: datetime
    """When the model in service was created."""
    captures: str
    """The key prefix, in the pipeline's bucket, of the endpoint's captured requests; empty if there are none."""
    blind: str
    """Why there are none."""
    variants: tuple[str, ...]
    since: datetime
    """When the endpoint's configuration was created."""


def serving(sagemaker: Any, *, endpoint: str, group: str, bucket: str) -> Serving:
    """Returns what the endpoint serves.

    Args:
        sagemaker: the client.
        endpoint: the endpoint's name.
        group: the name of the model package group.
        bucket: the pipeline's bucket.

    Raises:
        NotServingError: there is no such endpoint.
        NotRegisteredError: the group has no version with its model.
        BaselineMissingError: the version has no baseline.
    """
    try:
        found = sagemaker.describe_endpoint(EndpointName=endpoint)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationException":
            raise
        message = f"there is no endpoint {endpoint}; deploy a model, or set monitoring.scope to execution"
        raise NotServingError(message) from error
    config = sagemaker.describe_endpoint_config(EndpointConfigName=found["EndpointConfigName"])
    variants = config["ProductionVariants"]
    model = sagemaker.describe_model(ModelName=variants[0]["ModelName"])
    artefacts = artefacts_of(model)
    package = _package(sagemaker, group, artefacts)
    captures, blind = _captures(endpoint, config.get("DataCaptureConfig"), bucket)
    return Serving(
        version=package["ModelPackageArn"],
        baseline=_baseline(package),
        artefacts=tuple(artefacts),
        created=model["CreationTime"],
        captures=captures,
        blind=blind,
        variants=tuple(variant["VariantName"] for variant in variants),
        since=config["CreationTime"],
    )


def _captures(endpoint: str, capture: dict[str, Any] | None, bucket: str) -> tuple[str, str]:
    """Returns the key prefix of what the endpoint captures, or why there is none."""
    if not capture or not capture.get("EnableCapture", True):
        return "", (
            f"endpoint {endpoint} captures no requests: give its variants instances, and its EndpointConfig a "
            "DataCaptureConfig; serverless variants cannot capture"
        )
    uri = f"{capture['DestinationS3Uri'].rstrip('/')}/{endpoint}"
    name, _, folder = uri.removeprefix("s3://").partition("/")
    if name != bucket:
        return "", f"requests are captured under {uri}; only the pipeline's bucket, {bucket}, can be read"
    return folder, ""


def artefacts_of(model: dict[str, Any]) -> list[str]:
    """Returns the S3 URIs of a model's archives."""
    return _artefacts([model.get("PrimaryContainer", {}), *model.get("Containers", ())])


def _artefacts(containers: Any) -> list[str]:
    return [container["ModelDataUrl"] for container in containers if container.get("ModelDataUrl")]


def _package(sagemaker: Any, group: str, artefacts: list[str]) -> dict[str, Any]:
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending"
    )
    versions = (version for page in pages for version in page["ModelPackageSummaryList"])
    for version in islice(versions, _VERSIONS):
        package: Any = sagemaker.describe_model_package(ModelPackageName=version["ModelPackageArn"])
        if _artefacts(package.get("InferenceSpecification", {}).get("Containers", ())) == artefacts:
            return dict(package)
    raise NotRegisteredError(
        f"none of the newest {_VERSIONS} versions of group {group} has the artefact in service, "
        f"{', '.join(artefacts) or 'a model without one'}: deploy a model that the pipeline has registered"
    )


def _baseline(package: dict[str, Any]) -> str:
    files = package.get("DriftCheckBaselines", {}).get("ModelDataQuality", {})
    folders = {files.get(name, {}).get("S3Uri", "").rpartition("/")[0] for name in ("Statistics", "Constraints")}
    folder = folders.pop()
    if folders or not folder:
        raise BaselineMissingError(
            f"{package['ModelPackageArn']} has no DriftCheckBaselines.ModelDataQuality with Statistics and Constraints "
            "in one folder: register a model that evaluation.py of this release has evaluated"
        )
    return str(folder)
