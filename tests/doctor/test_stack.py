"""The stack's status and its drift."""

from datetime import UTC, datetime
from typing import Any

import pytest

from doctor.result import FAILURE, OK, WARNING
from doctor.stack import stack
from tests.doctor.conftest import Stubbed

CHECKED = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)


def described(status: str = "UPDATE_COMPLETE", **drift: Any) -> dict[str, Any]:
    """A stack as DescribeStacks returns it."""
    return {
        "StackName": "mlops-demo",
        "StackStatus": status,
        "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"} | drift,
    }


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("CREATE_COMPLETE", OK),
        ("UPDATE_COMPLETE", OK),
        ("UPDATE_IN_PROGRESS", WARNING),
        ("UPDATE_ROLLBACK_COMPLETE", WARNING),
        ("ROLLBACK_COMPLETE", FAILURE),
        ("CREATE_FAILED", FAILURE),
        ("UPDATE_ROLLBACK_FAILED", FAILURE),
    ],
)
def test_status(status: str, expected: str, stubbed: Stubbed) -> None:
    """A stack that is complete is fine, one that was rolled back works as before, any other fails."""
    result = stack(stubbed("cloudformation"), described=described(status))[0]
    assert result.status == expected
    assert bool(result.remedy) == (expected != OK)


def test_drift_that_was_never_detected(stubbed: Stubbed) -> None:
    """Without a detection, no call is made; the line has the command that starts one."""
    result = stack(stubbed("cloudformation"), described=described())[1]
    assert result.status == OK
    assert result.detail == "never checked; to check: aws cloudformation detect-stack-drift --stack-name mlops-demo"


def test_stack_in_sync(stubbed: Stubbed) -> None:
    """The line has the time of the last detection."""
    found = described(StackDriftStatus="IN_SYNC", LastCheckTimestamp=CHECKED)
    result = stack(stubbed("cloudformation"), described=found)[1]
    assert (result.status, result.detail) == (OK, "none (checked 2026-11-23 10:30 UTC)")


def test_drifted_stack(stubbed: Stubbed) -> None:
    """The changed resources are named, the first three of them."""
    drifts = [
        {
            "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/mlops-demo/1",
            "LogicalResourceId": name,
            "ResourceType": "AWS::IAM::Role",
            "StackResourceDriftStatus": "MODIFIED",
            "Timestamp": CHECKED,
        }
        for name in ("A", "B", "C", "D")
    ]
    answer = (
        "describe_stack_resource_drifts",
        {"StackResourceDrifts": drifts},
        {"StackName": "mlops-demo", "StackResourceDriftStatusFilters": ["MODIFIED", "DELETED"], "MaxResults": 100},
    )
    found = described(StackDriftStatus="DRIFTED", LastCheckTimestamp=CHECKED)
    result = stack(stubbed("cloudformation", answer), described=found)[1]
    assert result.status == WARNING
    assert result.detail.endswith("(checked 2026-11-23 10:30 UTC): A, B, C and 1 more")
    assert "--revert-drift" in result.remedy
