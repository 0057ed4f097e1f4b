"""The model registry: groups, versions and their approval."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.sagemaker_local.place import IMAGE, Place

GROUP_ARN = "arn:aws:sagemaker:eu-west-1:123456789012:model-package-group/demo"
PACKAGE_ARN = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/demo"
Register = Callable[..., str]


@pytest.fixture
def register(place: Place) -> Register:
    """Registers a version in the group ``demo``, which it makes; gives the version's ARN."""
    place.run("createModelPackageGroup", {"ModelPackageGroupName": "demo"})

    def make(**changes: Any) -> str:
        container = {"Image": IMAGE, "ModelDataUrl": "s3://bucket/model.tar.gz"}
        specification = {"Containers": [container], "SupportedContentTypes": ["text/csv"]}
        request = {"ModelPackageGroupName": "demo", "InferenceSpecification": specification}
        return str(place.run("createModelPackage", request | changes)["ModelPackageArn"])

    return make


def versions(place: Place, **request: Any) -> list[int]:
    """The versions of the group ``demo`` that ListModelPackages gives."""
    answer = place.run("listModelPackages", {"ModelPackageGroupName": "demo"} | request)
    return [package["ModelPackageVersion"] for package in answer["ModelPackageSummaryList"]]


def test_versions(place: Place, register: Register) -> None:
    """Each registration is the next version of its group, pending unless the request says otherwise."""
    assert [register(), register(ModelApprovalStatus="Approved")] == [f"{PACKAGE_ARN}/1", f"{PACKAGE_ARN}/2"]
    first = place.run("describeModelPackage", {"ModelPackageName": f"{PACKAGE_ARN}/1"})
    second = place.run("describeModelPackage", {"ModelPackageName": f"{PACKAGE_ARN}/2"})
    assert first["ModelApprovalStatus"] == "PendingManualApproval"
    assert second["ModelApprovalStatus"] == "Approved"
    assert (second["ModelPackageGroupName"], second["ModelPackageVersion"]) == ("demo", 2)
    assert second["InferenceSpecification"]["Containers"][0]["ModelDataUrl"] == "s3://bucket/model.tar.gz"
    assert second["ModelPackageStatus"] == "Completed"
    assert len(second["CreationTime"]) == len("2026-11-23T10:00:00.000Z")


def test_group(place: Place, register: Register) -> None:
    """A group can be described by its name and its ARN, is listed, and takes registrations under both."""
    for name in ("demo", GROUP_ARN):
        group = place.run("describeModelPackageGroup", {"ModelPackageGroupName": name})
        assert (group["ModelPackageGroupArn"], group["ModelPackageGroupStatus"]) == (GROUP_ARN, "Completed")
    assert register(ModelPackageGroupName=GROUP_ARN) == f"{PACKAGE_ARN}/1"
    place.run("createModelPackageGroup", {"ModelPackageGroupName": "other", "ModelPackageGroupDescription": "x"})
    listed = place.run("listModelPackageGroups", {"NameContains": "oth"})["ModelPackageGroupSummaryList"]
    assert [(group["ModelPackageGroupName"], group["ModelPackageGroupDescription"]) for group in listed] == [
        ("other", "x")
    ]


def test_list(place: Place, register: Register) -> None:
    """The newest comes first unless asked otherwise, and the approval status narrows the list."""
    for status in ("Approved", "Rejected", "Approved"):
        register(ModelApprovalStatus=status)
    assert versions(place) == [3, 2, 1]
    assert versions(place, SortOrder="Ascending") == [1, 2, 3]
    assert versions(place, ModelApprovalStatus="Approved", MaxResults=1) == [3]
    assert versions(place, ModelApprovalStatus="PendingManualApproval") == []
    assert versions(place, CreationTimeAfter="2999-01-01T00:00:00Z") == []
    assert versions(place, CreationTimeBefore="2999-01-01T00:00:00Z") == [3, 2, 1]


def test_pages(place: Place, register: Register) -> None:
    """A long list comes in pages, ten to a page unless asked otherwise."""
    for _ in range(12):
        register()
    request = {"ModelPackageGroupName": "demo"}
    first = place.run("listModelPackages", request)
    second = place.run("listModelPackages", request | {"NextToken": first["NextToken"]})
    assert [package["ModelPackageVersion"] for package in first["ModelPackageSummaryList"]] == list(range(12, 2, -1))
    assert [package["ModelPackageVersion"] for package in second["ModelPackageSummaryList"]] == [2, 1]
    assert "NextToken" not in second
    assert "Invalid NextToken" in place.fail("listModelPackages", {"NextToken": "of another list"}).cause


def test_list_without_group(place: Place, register: Register) -> None:
    """Without a group SageMaker lists unversioned packages, unless asked for versioned ones."""
    register()
    assert place.run("listModelPackages", {})["ModelPackageSummaryList"] == []
    assert len(place.run("listModelPackages", {"ModelPackageType": "Versioned"})["ModelPackageSummaryList"]) == 1


def test_update(place: Place, register: Register) -> None:
    """An approval and its reason are kept with the version; other members stay."""
    arn = register(CustomerMetadataProperties={"a": "1", "b": "2"})
    request = {"ModelPackageArn": arn, "ModelApprovalStatus": "Approved", "ApprovalDescription": "good"}
    changes = {"CustomerMetadataProperties": {"c": "3"}, "CustomerMetadataPropertiesToRemove": ["a"]}
    assert place.run("updateModelPackage", request | changes) == {"ModelPackageArn": arn}
    package = place.run("describeModelPackage", {"ModelPackageName": arn})
    assert (package["ModelApprovalStatus"], package["ApprovalDescription"]) == ("Approved", "good")
    assert package["CustomerMetadataProperties"] == {"b": "2", "c": "3"}
    assert package["LastModifiedTime"] >= package["CreationTime"]
    assert package["InferenceSpecification"]["SupportedContentTypes"] == ["text/csv"]
    assert versions(place, ModelApprovalStatus="Approved") == [1]


def test_later_run(place: Place, register: Register, s3: Any, tmp_path: Path) -> None:
    """What one run registered and approved, a later one reads and goes on from."""
    arn = register()
    place.run("updateModelPackage", {"ModelPackageArn": arn, "ModelApprovalStatus": "Approved"})
    later = Place(s3, tmp_path)
    assert versions(later, ModelApprovalStatus="Approved") == [1]
    assert later.run("createModelPackage", {"ModelPackageGroupName": "demo"})["ModelPackageArn"] == f"{PACKAGE_ARN}/2"
    failure = later.fail("createModelPackageGroup", {"ModelPackageGroupName": "demo"})
    assert failure.cause.startswith(f"Model Package Group already exists: {GROUP_ARN} (Service: SageMaker, Status Code")


def test_client_token(place: Place, register: Register) -> None:
    """A registration that is sent twice with one token is one version, and nobody sees the token."""
    assert register(ClientToken="a") == register(ClientToken="a")
    assert register(ClientToken="b").endswith("/2")
    assert "ClientToken" not in place.run("describeModelPackage", {"ModelPackageName": f"{PACKAGE_ARN}/1"})


@pytest.mark.parametrize(
    ("action", "request_", "message"),
    [
        (
            "createModelPackageGroup",
            {"ModelPackageGroupName": "demo"},
            f"Model Package Group already exists: {GROUP_ARN}",
        ),
        (
            "describeModelPackageGroup",
            {"ModelPackageGroupName": "none"},
            f"ModelPackageGroup {GROUP_ARN.replace('demo', 'none')} does not exist.",
        ),
        ("createModelPackage", {"ModelPackageGroupName": "none"}, "does not exist."),
        (
            "createModelPackage",
            {"ModelPackageGroupName": "demo", "ModelPackageName": "x"},
            "Both ModelPackageName and ModelPackageGroupName are provided",
        ),
        ("listModelPackages", {"ModelPackageGroupName": "none"}, "does not exist."),
        (
            "describeModelPackage",
            {"ModelPackageName": f"{PACKAGE_ARN}/9"},
            f"ModelPackage {PACKAGE_ARN}/9 does not exist.",
        ),
        ("describeModelPackage", {"ModelPackageName": "loose"}, "model-package/loose does not exist."),
        ("updateModelPackage", {"ModelPackageArn": f"{PACKAGE_ARN}/9"}, "does not exist."),
        (
            "updateModelPackage",
            {"ModelPackageArn": f"{PACKAGE_ARN}/1", "ModelApprovalStatus": "Maybe"},
            "Value 'Maybe' at 'modelApprovalStatus' failed to satisfy constraint",
        ),
        ("createModelPackageGroup", {}, 'Missing required parameter in input: "ModelPackageGroupName"'),
    ],
)
@pytest.mark.usefixtures("register")
def test_refused(place: Place, action: str, request_: dict[str, Any], message: str) -> None:
    """What SageMaker refuses is refused with its words, under the name that the AWS SDK integrations give."""
    failure = place.fail(action, request_)
    assert failure.error == "SageMaker.SageMakerException"
    assert message in failure.cause
    assert "(Service: SageMaker, Status Code: 400, Request ID: " in failure.cause


@pytest.mark.usefixtures("register")
def test_unversioned(place: Place) -> None:
    """A package without a group is refused by name."""
    failure = place.fail("createModelPackage", {"ModelPackageName": "loose"})
    assert failure.error == "Local.NotSupported"
    assert "ModelPackageGroupName" in failure.cause
