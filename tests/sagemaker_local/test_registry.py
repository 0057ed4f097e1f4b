"""The model registry: groups, versions and their approval."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.sagemaker_local.sandbox import IMAGE, Sandbox

GROUP_ARN = "arn:aws:sagemaker:eu-west-1:123456789012:model-package-group/demo"
PACKAGE_ARN = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/demo"
Register = Callable[..., str]


@pytest.fixture
def register(sandbox: Sandbox) -> Register:
    """Creates the group ``demo``; registers a version in it and returns the version's ARN."""
    sandbox.run("createModelPackageGroup", {"ModelPackageGroupName": "demo"})

    def make(**changes: Any) -> str:
        container = {"Image": IMAGE, "ModelDataUrl": "s3://bucket/model.tar.gz"}
        specification = {"Containers": [container], "SupportedContentTypes": ["text/csv"]}
        request = {"ModelPackageGroupName": "demo", "InferenceSpecification": specification}
        return str(sandbox.run("createModelPackage", request | changes)["ModelPackageArn"])

    return make


def versions(sandbox: Sandbox, **request: Any) -> list[int]:
    """Returns the versions of the group ``demo`` in ListModelPackages's response."""
    answer = sandbox.run("listModelPackages", {"ModelPackageGroupName": "demo"} | request)
    return [package["ModelPackageVersion"] for package in answer["ModelPackageSummaryList"]]


def test_versions(sandbox: Sandbox, register: Register) -> None:
    """Each registration is the next version of its group, pending unless the request says otherwise."""
    assert [register(), register(ModelApprovalStatus="Approved")] == [f"{PACKAGE_ARN}/1", f"{PACKAGE_ARN}/2"]
    first = sandbox.run("describeModelPackage", {"ModelPackageName": f"{PACKAGE_ARN}/1"})
    second = sandbox.run("describeModelPackage", {"ModelPackageName": f"{PACKAGE_ARN}/2"})
    assert first["ModelApprovalStatus"] == "PendingManualApproval"
    assert second["ModelApprovalStatus"] == "Approved"
    assert (second["ModelPackageGroupName"], second["ModelPackageVersion"]) == ("demo", 2)
    assert second["InferenceSpecification"]["Containers"][0]["ModelDataUrl"] == "s3://bucket/model.tar.gz"
    assert second["ModelPackageStatus"] == "Completed"
    assert len(second["CreationTime"]) == len("2026-11-23T10:00:00.000Z")


def test_group(sandbox: Sandbox, register: Register) -> None:
    """A group is listed, and can be described and registered to by name and by ARN."""
    for name in ("demo", GROUP_ARN):
        group = sandbox.run("describeModelPackageGroup", {"ModelPackageGroupName": name})
        assert (group["ModelPackageGroupArn"], group["ModelPackageGroupStatus"]) == (GROUP_ARN, "Completed")
    assert register(ModelPackageGroupName=GROUP_ARN) == f"{PACKAGE_ARN}/1"
    sandbox.run("createModelPackageGroup", {"ModelPackageGroupName": "other", "ModelPackageGroupDescription": "x"})
    listed = sandbox.run("listModelPackageGroups", {"NameContains": "oth"})["ModelPackageGroupSummaryList"]
    assert [(group["ModelPackageGroupName"], group["ModelPackageGroupDescription"]) for group in listed] == [
        ("other", "x")
    ]


def test_list(sandbox: Sandbox, register: Register) -> None:
    """The newest version comes first by default, and the list can be filtered by approval status and time."""
    for status in ("Approved", "Rejected", "Approved"):
        register(ModelApprovalStatus=status)
    assert versions(sandbox) == [3, 2, 1]
    assert versions(sandbox, SortOrder="Ascending") == [1, 2, 3]
    assert versions(sandbox, ModelApprovalStatus="Approved", MaxResults=1) == [3]
    assert versions(sandbox, ModelApprovalStatus="PendingManualApproval") == []
    assert versions(sandbox, CreationTimeAfter="2999-01-01T00:00:00Z") == []
    assert versions(sandbox, CreationTimeBefore="2999-01-01T00:00:00Z") == [3, 2, 1]


def test_pages(sandbox: Sandbox, register: Register) -> None:
    """A long list comes in pages, by default of ten."""
    for _ in range(12):
        register()
    request = {"ModelPackageGroupName": "demo"}
    first = sandbox.run("listModelPackages", request)
    second = sandbox.run("listModelPackages", request | {"NextToken": first["NextToken"]})
    assert [package["ModelPackageVersion"] for package in first["ModelPackageSummaryList"]] == list(range(12, 2, -1))
    assert [package["ModelPackageVersion"] for package in second["ModelPackageSummaryList"]] == [2, 1]
    assert "NextToken" not in second
    assert "Invalid NextToken" in sandbox.fail("listModelPackages", {"NextToken": "of another list"}).cause


def test_list_without_group(sandbox: Sandbox, register: Register) -> None:
    """Without a group, SageMaker lists versioned packages only if requested."""
    register()
    assert sandbox.run("listModelPackages", {})["ModelPackageSummaryList"] == []
    assert len(sandbox.run("listModelPackages", {"ModelPackageType": "Versioned"})["ModelPackageSummaryList"]) == 1


def test_update(sandbox: Sandbox, register: Register) -> None:
    """An approval and its reason are stored; other members are unchanged."""
    arn = register(CustomerMetadataProperties={"a": "1", "b": "2"})
    request = {"ModelPackageArn": arn, "ModelApprovalStatus": "Approved", "ApprovalDescription": "good"}
    changes = {"CustomerMetadataProperties": {"c": "3"}, "CustomerMetadataPropertiesToRemove": ["a"]}
    assert sandbox.run("updateModelPackage", request | changes) == {"ModelPackageArn": arn}
    package = sandbox.run("describeModelPackage", {"ModelPackageName": arn})
    assert (package["ModelApprovalStatus"], package["ApprovalDescription"]) == ("Approved", "good")
    assert package["CustomerMetadataProperties"] == {"b": "2", "c": "3"}
    assert package["LastModifiedTime"] >= package["CreationTime"]
    assert package["InferenceSpecification"]["SupportedContentTypes"] == ["text/csv"]
    assert versions(sandbox, ModelApprovalStatus="Approved") == [1]


def test_later_run(sandbox: Sandbox, register: Register, s3: Any, tmp_path: Path) -> None:
    """A later run finds the versions and approvals of an earlier one."""
    arn = register()
    sandbox.run("updateModelPackage", {"ModelPackageArn": arn, "ModelApprovalStatus": "Approved"})
    later = Sandbox(s3, tmp_path)
    assert versions(later, ModelApprovalStatus="Approved") == [1]
    assert later.run("createModelPackage", {"ModelPackageGroupName": "demo"})["ModelPackageArn"] == f"{PACKAGE_ARN}/2"
    failure = later.fail("createModelPackageGroup", {"ModelPackageGroupName": "demo"})
    assert failure.cause.startswith(f"Model Package Group already exists: {GROUP_ARN} (Service: SageMaker, Status Code")


def test_client_token(sandbox: Sandbox, register: Register) -> None:
    """A request that is sent twice with the same token registers one version; the token is not returned."""
    assert register(ClientToken="a") == register(ClientToken="a")
    assert register(ClientToken="b").endswith("/2")
    assert "ClientToken" not in sandbox.run("describeModelPackage", {"ModelPackageName": f"{PACKAGE_ARN}/1"})


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
def test_rejected(sandbox: Sandbox, action: str, request_: dict[str, Any], message: str) -> None:
    """Requests that SageMaker rejects are rejected with its message and the AWS SDK integrations' error name."""
    failure = sandbox.fail(action, request_)
    assert failure.error == "SageMaker.SageMakerException"
    assert message in failure.cause
    assert "(Service: SageMaker, Status Code: 400, Request ID: " in failure.cause


@pytest.mark.usefixtures("register")
def test_unversioned(sandbox: Sandbox) -> None:
    """A package without a group is not supported."""
    failure = sandbox.fail("createModelPackage", {"ModelPackageName": "loose"})
    assert failure.error == "Local.NotSupported"
    assert "ModelPackageGroupName" in failure.cause


def test_deletion(sandbox: Sandbox, register: Register) -> None:
    """A version can be deleted, then its group; a group with versions cannot."""
    arn = register()
    group = {"ModelPackageGroupName": "demo"}
    assert "delete them first" in sandbox.fail("deleteModelPackageGroup", group).cause
    assert sandbox.run("deleteModelPackage", {"ModelPackageName": arn}) == {}
    assert versions(sandbox) == []
    assert "does not exist" in sandbox.fail("deleteModelPackage", {"ModelPackageName": arn}).cause
    assert sandbox.run("deleteModelPackageGroup", group) == {}
    assert sandbox.run("listModelPackageGroups", {})["ModelPackageGroupSummaryList"] == []
    assert "does not exist" in sandbox.fail("deleteModelPackageGroup", group).cause
