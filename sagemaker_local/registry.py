"""SageMaker's model registry: groups of model packages, kept as files so that a later run finds them.

A group is a folder with ``group.json``, and ``1.json``, ``2.json`` and so on for its versions; each file holds what
Describe answers. https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry.html
"""

import json
import re
import threading
from pathlib import Path
from typing import Any

from sagemaker_local.errors import Refused, not_supported, refused
from sagemaker_local.job import Site
from sagemaker_local.listings import Document, listed, only, timestamp, without

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
"""What UpdateModelPackage sets as it is given."""


class Registry:
    """The model registry of this machine. Safe to use from several threads, of one process at a time.

    Args:
        site: where it is kept: ``registry`` in its folder.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._folder = site.folder / "registry"
        self._lock = threading.RLock()

    def create_group(self, request: Document) -> Document:
        """CreateModelPackageGroup. Raises Refused if there is one of the name."""
        name = request["ModelPackageGroupName"]
        arn = self._group_arn(name)
        with self._lock:
            file = self._of_group(name) / _GROUP
            if file.exists():
                raise refused(f"Model Package Group already exists: {arn}")
            group = without(request, "Tags") | {
                "ModelPackageGroupArn": arn,
                "CreationTime": timestamp(),
                "CreatedBy": {},
                "ModelPackageGroupStatus": "Completed",
            }
            _write(file, group)
        return {"ModelPackageGroupArn": arn}

    def describe_group(self, request: Document) -> Document:
        """DescribeModelPackageGroup. Raises Refused if there is none of the name or ARN."""
        return self._group(request["ModelPackageGroupName"])

    def list_groups(self, request: Document) -> Document:
        """ListModelPackageGroups."""
        groups = sorted((_read(file) for file in self._folder.glob(f"*/{_GROUP}")), key=_created)
        page, more = listed(groups, request, name="ModelPackageGroupName")
        return {"ModelPackageGroupSummaryList": [without(group, "CreatedBy") for group in page]} | more

    def create_package(self, request: Document) -> Document:
        """CreateModelPackage: the next version of its group.

        Raises:
            JobFailed: there is no such group, or none is named.
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
                "ModelPackageArn": self._site.arn(f"model-package/{group}/{version}"),
                "ModelPackageStatus": "Completed",
                "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
                "CreationTime": timestamp(),
                "CreatedBy": {},
            }
            _write(self._of_group(group) / f"{version}.json", package)
        return only(package, "ModelPackageArn")

    def describe_package(self, request: Document) -> Document:
        """DescribeModelPackage. Raises Refused if there is none of the ARN."""
        return without(self._package(request["ModelPackageName"]), "ClientToken")

    def list_packages(self, request: Document) -> Document:
        """ListModelPackages. Raises Refused if there is no such group.

        Without a group and a type SageMaker lists the unversioned packages only, of which there are none here. The
        newest comes first unless asked otherwise. (API_ListModelPackages)
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
        page, more = listed(sorted(packages, key=_created), request, name="ModelPackageGroupName")
        return {"ModelPackageSummaryList": [only(package, *_SUMMARY) for package in page]} | more

    def update_package(self, request: Document) -> Document:
        """UpdateModelPackage: its approval, and what else may change. Raises Refused if there is none of the ARN."""
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
            file = self._of_group(package["ModelPackageGroupName"]) / f"{package['ModelPackageVersion']}.json"
            _write(file, without(package))
        return only(package, "ModelPackageArn")

    def _require_group(self, request: Document) -> None:
        name, group = request.get("ModelPackageName"), request.get("ModelPackageGroupName")
        if name and group:
            raise refused(
                "Both ModelPackageName and ModelPackageGroupName are provided in the input. Cannot determine which one "
                "to use."
            )
        if not group:
            raise not_supported("ModelPackageGroupName", group, "name a group; packages without versions are not kept")

    def _group(self, name: str) -> Document:
        name = name.rpartition("/")[2]
        try:
            return _read(self._of_group(name) / _GROUP)
        except FileNotFoundError:
            raise refused(f"ModelPackageGroup {self._group_arn(name)} does not exist.") from None

    def _package(self, arn: str) -> Document:
        match = _VERSIONED.fullmatch(arn)
        if match is None:
            raise self._no_package(arn)
        try:
            return _read(self._of_group(match["group"]) / f"{int(match['version'])}.json")
        except FileNotFoundError:
            raise self._no_package(arn) from None

    def _no_package(self, name: str) -> Refused:
        arn = name if name.startswith("arn:") else self._site.arn(f"model-package/{name}")
        return refused(f"ModelPackage {arn} does not exist.")

    def _versions(self, group: str) -> list[Document]:
        packages = [_read(file) for file in self._of_group(group).glob("[0-9]*.json")]
        return sorted(packages, key=lambda package: int(package["ModelPackageVersion"]))

    def _of_group(self, name: str) -> Path:
        """A group's folder: names that differ in case only have one ARN, so they have one folder."""
        return self._folder / name.lower()

    def _group_arn(self, name: str) -> str:
        return self._site.arn(f"model-package-group/{name}")


def _created(document: Document) -> Any:
    return document["CreationTime"], document.get("ModelPackageVersion", 0)


def _read(file: Path) -> Document:
    document: Document = json.loads(file.read_text())
    return document


def _write(file: Path, document: Document) -> None:
    """Writes a document whole or not at all: another thread may read it, or the machine may go out."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(document, indent=2) + "\n")
    partial.replace(file)
