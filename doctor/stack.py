"""Checks the status of the stack, and its last drift detection."""

from collections.abc import Iterator
from typing import Any

from doctor.result import Result, failure, ok, warning

_NAMED = 3
"""How many resources to name in a line."""
_MOST = 100
"""How many drifted resources to count; one call returns as many."""


def stack(cloudformation: Any, *, described: dict[str, Any]) -> list[Result]:
    """Checks the stack's status and drift.

    A drift detection is started by DetectStackDrift, which changes what CloudFormation records about the stack; the
    user decides about that, so only the last detection's result is read.

    Args:
        cloudformation: a client.
        described: the stack, as DescribeStacks returns it.

    Raises:
        ClientError: AWS rejects the call.
    """
    return [_status(described), *_drift(cloudformation, described)]


def _status(described: dict[str, Any]) -> Result:
    name, status = described["StackName"], described["StackStatus"]
    line = f"{name} is {status}"
    if status.endswith("_IN_PROGRESS"):
        return warning("stack", line, "wait until the deployment has ended")
    if status in {"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"}:
        return ok("stack", line)
    if status in {"UPDATE_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"}:
        return warning(
            "stack",
            f"{line}: the last deployment failed, and the one before it is in place",
            f"read why: aws cloudformation describe-stack-events --stack-name {name}; then npx cdk deploy",
        )
    reason = described.get("StackStatusReason", "")
    return failure(
        "stack",
        f"{line}{f': {reason}' if reason else ''}",
        f"read why: aws cloudformation describe-stack-events --stack-name {name}; delete the stack if it was never "
        "complete; then npx cdk deploy",
    )


def _drift(cloudformation: Any, described: dict[str, Any]) -> Iterator[Result]:
    name = described["StackName"]
    drift = described.get("DriftInformation", {})
    detect = f"aws cloudformation detect-stack-drift --stack-name {name}"
    status, checked = drift.get("StackDriftStatus", "NOT_CHECKED"), drift.get("LastCheckTimestamp")
    when = f"checked {checked:%Y-%m-%d %H:%M} UTC" if checked else "never checked"
    if status == "IN_SYNC":
        yield ok("drift", f"none ({when})")
    elif status == "DRIFTED":
        drifts = cloudformation.describe_stack_resource_drifts(
            StackName=name, StackResourceDriftStatusFilters=["MODIFIED", "DELETED"], MaxResults=_MOST
        )
        found = [item["LogicalResourceId"] for item in drifts["StackResourceDrifts"]]
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        yield warning(
            "drift",
            f"changed outside of CloudFormation ({when}): {', '.join(found[:_NAMED])}{more}",
            f"npx cdk deploy --revert-drift, or undo the changes; then {detect}",
        )
    else:
        yield ok("drift", f"{when}; to check: {detect}")
