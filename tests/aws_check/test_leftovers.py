"""What is removed after a check, and in which order."""

from typing import Any

import pytest

from aws_check import leftovers
from aws_check.leftovers import KINDS, find_leftovers, remove_leftovers
from executions.aws import Aws
from tests.aws_check.service import BUCKET, OWN, PAGES, Service


def account(calls: list[str], *, refused: frozenset[str] = frozenset()) -> Aws:
    service = Service(calls, PAGES, {*refused})
    return Aws(client=lambda _service: service, default_stack="mlops-demo", where="in eu-west-1")


def test_only_the_checks_own_is_found() -> None:
    """Everything of the check is found with its kind, and nothing of a pipeline with a similar name."""
    found = find_leftovers(account([]))
    assert f"training job {OWN}" in found
    assert "model package group aws-check" in found
    assert f"bucket {BUCKET}" in found
    assert not [each for each in found if "aws-check-2" in each]


def test_what_runs_ends_first_and_the_bucket_outlives_its_stack() -> None:
    """Jobs and endpoint are removed before the stack, the bucket after it, and models before their group."""
    calls: list[str] = []
    assert remove_leftovers(account(calls), lambda _line: None) == []
    order = [call.partition(" ")[0] for call in calls]
    for earlier, later in (
        ("stop_training_job", "delete_stack"),
        ("delete_endpoint", "delete_endpoint_config"),
        ("delete_endpoint", "delete_stack"),
        ("delete_model_package", "delete_model_package_group"),
        ("delete_stack", "delete_bucket"),
        ("stop_training_job", "delete_log_stream"),
    ):
        assert order.index(earlier) < order.index(later), calls
    assert not [call for call in calls if "aws-check-2" in call]


def test_what_cannot_be_removed_does_not_keep_the_rest() -> None:
    """It is returned with the reason, and everything else is removed."""
    calls: list[str] = []
    said: list[str] = []
    left = remove_leftovers(account(calls, refused=frozenset({"delete_endpoint", "describe_stacks"})), said.append)
    assert [line.partition(": access denied")[0] for line in left] == [
        "executions could not be listed",
        "endpoint aws-check",
        "stacks could not be listed",
    ]
    assert f"delete_bucket {BUCKET}" in calls
    assert f"removed: bucket {BUCKET}" in said


def test_an_endpoint_that_changes_is_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    """SageMaker refuses to delete it meanwhile."""
    status = iter(["Updating", "RollingBack", "InService"])
    calls: list[str] = []

    class Endpoints(Service):
        def describe_endpoint(self, **_request: Any) -> dict[str, Any]:
            return {"EndpointStatus": next(status)}

    monkeypatch.setattr(leftovers, "_INTERVAL", 0)
    changing = Aws(client=lambda _service: Endpoints(calls, PAGES, set()), default_stack="", where="")
    (endpoints,) = [kind for kind in KINDS if kind.noun == "endpoint"]
    endpoints.remove(changing, "aws-check")
    assert next(status, None) is None
    assert calls == ["delete_endpoint aws-check"]
