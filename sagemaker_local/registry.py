"""SageMaker's model registry: groups of model packages, stored as files so that a later run finds them.

A group is a folder with ``group.json`` and its versions ``1.json``, ``2.json`` and so on. Each file holds Describe's
response. https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry.html
"""

import json
import re
import threading
from pathlib import Path
from typing import Any

from sagemaker_local.errors import AwsError, aws_error, not_supported
from sagemaker_local.job import JobContext
from sagemaker_local.listings import Document, only, select_page, timestamp, without

_GROUP = "group.json"
_VERSIONED = re.compile(r".*:model-package/(?P<group>[A-Za-z0-9-]+)/(?P<version>[0-9]+)")
_SUMMARY = (
    "ModelPackageGroupName",
    "ModelPackageVersion",
    "ModelPackageArn",
    "ModelPackageDescription",
    "CreationTime",
    "ModelPackageStatus",
    "ModelApprovalStatus",
    "ModelLifeCycle",
    "ModelPackageRegistrationType",
)
_REPLACED = (
    "ModelApprovalStatus",
    "ApprovalDescription",
    "ModelPackageRegistrationType",
    "InferenceSpecification",
    "SourceUri",
    "ModelCard",
    "ModelLifeCycle",
)
"""The members that UpdateModelPackage replaces."""


class Registry:
    """The model registry. Safe to use from several threads, but not from several processes.

    Args:
        context: the environment; the registry is in its folder's subfolder ``registry``.
    """

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self._folder = context.folder / "registry"
        self._lock = threading.RLock()

    def create_group(self, request: Document) -> Document:
        """CreateModelPackageGroup. Raises AwsError if it exists."""
        name = request["ModelPackageGroupName"]
        arn = self._group_arn(name)
        with self._lock:
            file = self._group_folder(name) / _GROUP
            if file.exists():
                raise aws_error(f"Model Package Group already exists: {arn}")
            group = without(request, "Tags") | {
                "ModelPackageGroupArn": arn,
                "CreationTime": timestamp(),
                "CreatedBy": {},
                "ModelPackageGroupStatus": "Completed",
            }
            _write(file, group)
        return {"ModelPackageGroupArn": arn}

    def describe_group(self, request: Document) -> Document:
        """DescribeModelPackageGroup, by name or ARN. Raises AwsError if it does not exist."""
        return self._group(request["ModelPackageGroupName"])

    def list_groups(self, request: Document) -> Document:
        """ListModelPackageGroups."""
        groups = sorted((_read(file) for file in self._folder.glob(f"*/{_GROUP}")), key=_created)
        page, more = select_page(groups, request, name="ModelPackageGroupName")
        return {"ModelPackageGroupSummaryList": [without(group, "CreatedBy") for group in page]} | more

    def delete_group(self, request: Document) -> Document:
        """DeleteModelPackageGroup. Raises AwsError if it does not exist, or has versions."""
        with self._lock:
            group = self._group(request["ModelPackageGroupName"])
            name = group["ModelPackageGroupName"]
            if self._versions(name):
                raise aws_error(
                    f"Model Package Group {group['ModelPackageGroupArn']} has model packages; delete them first.",
                    code="ConflictException",
                )
            (self._group_folder(name) / _GROUP).unlink()
            self._group_folder(name).rmdir()
        return {}

    def create_package(self, request: Document) -> Document:
        """CreateModelPackage: adds the next version to a group.

        Raises:
            TaskFailed: the group does not exist, or the request names none.
        """
        self._require_group(request)
        with self._lock:
            group = self._group(request["ModelPackageGroupName"])["ModelPackageGroupName"]
            versions = self._versions(group)
            token = request.get("ClientToken")
            for package in versions:
                if token is not None and package.get("ClientToken") == token:
                    return only(package, "ModelPackageArn")
            version = versions[-1]["ModelPackageVersion"] + 1 if versions else 1
            package = {
                "ModelApprovalStatus": "PendingManualApproval",
                "CertifyForMarketplace": False,
                **without(request, "Tags"),
                "ModelPackageGroupName": group,
                "ModelPackageVersion": version,
                "ModelPackageArn": self._context.arn(f"model-package/{group}/{version}"),
                "ModelPackageStatus": "Completed",
                "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
                "CreationTime": timestamp(),
                "CreatedBy": {},
            }
            _write(self._group_folder(group) / f"{version}.json", package)
        return only(package, "ModelPackageArn")

    def describe_package(self, request: Document) -> Document:
        """DescribeModelPackage. Raises AwsError if it does not exist."""
        return without(self._package(request["ModelPackageName"]), "ClientToken")

    def list_packages(self, request: Document) -> Document:
        """ListModelPackages. Raises AwsError if the group does not exist.

        Without a group and a type, SageMaker lists only unversioned packages, which do not exist here. The default
        order is newest first. (API_ListModelPackages)
        """
        name = request.get("ModelPackageGroupName")
        if name is not None:
            groups = [self._group(name)]
        elif request.get("ModelPackageType", "Unversioned") == "Unversioned":
            groups = []
        else:
            groups = [_read(file) for file in self._folder.glob(f"*/{_GROUP}")]
        packages = [package for group in groups for package in self._versions(group["ModelPackageGroupName"])]
        status = request.get("ModelApprovalStatus")
        packages = [package for package in packages if status in (None, package["ModelApprovalStatus"])]
        page, more = select_page(sorted(packages, key=_created), request, name="ModelPackageGroupName")
        return {"ModelPackageSummaryList": [only(package, *_SUMMARY) for package in page]} | more

    def update_package(self, request: Document) -> Document:
        """UpdateModelPackage. Raises AwsError if it does not exist."""
        with self._lock:
            package = self._package(request["ModelPackageArn"])
            properties = package.get("CustomerMetadataProperties", {}) | request.get("CustomerMetadataProperties", {})
            for key in request.get("CustomerMetadataPropertiesToRemove", []):
                properties.pop(key, None)
            specifications = [
                *package.get("AdditionalInferenceSpecifications", []),
                *request.get("AdditionalInferenceSpecificationsToAdd", []),
            ]
            package |= only(request, *_REPLACED) | {
                "CustomerMetadataProperties": properties or None,
                "AdditionalInferenceSpecifications": specifications or None,
                "LastModifiedTime": timestamp(),
                "LastModifiedBy": {},
            }
            file = self._group_folder(package["ModelPackageGroupName"]) / f"{package['ModelPackageVersion']}.json"
            _write(file, without(package))
        return only(package, "ModelPackageArn")

    def delete_package(self, request: Document) -> Document:
        """DeleteModelPackage. Raises AwsError if it does not exist."""
        with self._lock:
            package = self._package(request["ModelPackageName"])
            (self._group_folder(package["ModelPackageGroupName"]) / f"{package['ModelPackageVersion']}.json").unlink()
        return {}

    def _require_group(self, request: Document) -> None:
        name, group = request.get("ModelPackageName"), request.get("ModelPackageGroupName")
        if name and group:
            raise aws_error(
                "Both ModelPackageName and ModelPackageGroupName are provided in the input. Cannot determine which one "
                "to use."
            )
        if not group:
            raise not_supported(
                "ModelPackageGroupName", group, "name a group, because unversioned packages are not supported"
            )

    def _group(self, name: str) -> Document:
        name = name.rpartition("/")[2]
        try:
            return _read(self._group_folder(name) / _GROUP)
        except FileNotFoundError:
            raise aws_error(f"ModelPackageGroup {self._group_arn(name)} does not exist.") from None

    def _package(self, arn: str) -> Document:
        match = _VERSIONED.fullmatch(arn)
        if match is None:
            raise self._no_package(arn)
        try:
            return _read(self._group_folder(match["group"]) / f"{int(match['version'])}.json")
        except FileNotFoundError:
            raise self._no_package(arn) from None

    def _no_package(self, name: str) -> AwsError:
        arn = name if name.startswith("arn:") else self._context.arn(f"model-package/{name}")
        return aws_error(f"ModelPackage {arn} does not exist.")

    def _versions(self, group: str) -> list[Document]:
        packages = [_read(file) for file in self._group_folder(group).glob("[0-9]*.json")]
        return sorted(packages, key=lambda package: int(package["ModelPackageVersion"]))

    def _group_folder(self, name: str) -> Path:
        """Returns a group's folder. Names that differ only in case share an ARN, and so a folder."""
        return self._folder / name.lower()

    def _group_arn(self, name: str) -> str:
        return self._context.arn(f"model-package-group/{name}")


def _created(document: Document) -> Any:
    return document["CreationTime"], document.get("ModelPackageVersion", 0)


def _read(file: Path) -> Document:
    document: Document = json.loads(file.read_text())
    return document


def _write(file: Path, document: Document) -> None:
    """Writes a document atomically, because another thread may read it or the machine may crash."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(document, indent=2) + "\n")
    partial.replace(file)
