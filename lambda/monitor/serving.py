"""Finds the model version that an endpoint serves, with its baseline."""

from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from monitor.errors import BaselineMissingError, NotCapturedError, NotRegisteredError, NotServingError

_VERSIONS = 100
"""How many of the newest versions to compare with the model in service."""


@dataclass(frozen=True, kw_only=True)
class Serving:
    """What an endpoint serves."""

    version: str
    """ARN of the model package."""
    baseline: str
    """S3 URI of the folder with the version's statistics.json and constraints.json."""
    captures: str
    """S3 URI below which the endpoint's captured requests are."""
    variants: tuple[str, ...]
    since: datetime
    """When the endpoint's configuration was created."""


def serving(sagemaker: Any, *, endpoint: str, group: str) -> Serving:
    """Returns what the endpoint serves.

    Args:
        sagemaker: the client.
        endpoint: the endpoint's name.
        group: the name of the model package group.

    Raises:
        NotServingError: there is no such endpoint.
        NotCapturedError: it captures no requests.
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
    capture = config.get("DataCaptureConfig")
    if not capture or not capture.get("EnableCapture", True):
        raise NotCapturedError(
            f"endpoint {endpoint} captures no requests: give its variants instances, and its EndpointConfig a "
            "DataCaptureConfig; serverless variants cannot capture"
        )
    variants = config["ProductionVariants"]
    model = sagemaker.describe_model(ModelName=variants[0]["ModelName"])
    package = _package(sagemaker, group, _artefacts([model.get("PrimaryContainer", {}), *model.get("Containers", ())]))
    return Serving(
        version=package["ModelPackageArn"],
        baseline=_baseline(package),
        captures=f"{capture['DestinationS3Uri'].rstrip('/')}/{endpoint}",
        variants=tuple(variant["VariantName"] for variant in variants),
        since=config["CreationTime"],
    )


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
