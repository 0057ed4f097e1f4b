"""The state that records a stage for reuse."""

import json
from typing import Any

import pytest

from pipeline.asl.resources import PLACEHOLDERS
from pipeline.definition import definition
from pipeline.stages import STAGES
from tests.pipeline.machine import Handler, TaskError, run

KEY = "0123456789abcdef"
TRAINED = {"ModelArtifacts": {"S3ModelArtifacts": "s3://mlops-bucket/model.tar.gz"}, "SecondaryStatus": "Completed"}


def trained(shipped: dict[str, Any], put: Handler, record: dict[str, str] | None) -> Any:
    """Runs an execution of which only training runs."""
    for stage in STAGES:
        shipped[stage.key]["run"] = stage.key == "training"
    if record:
        shipped["training"]["record"] = record
    return run(shipped, {"createTrainingJob.sync": lambda _: TRAINED, "putItem": put})


def refuse(error: str) -> Handler:
    """A table that answers with an error."""

    def put(_request: dict[str, Any]) -> Any:
        raise TaskError(error, "the reason")

    return put


def test_a_stage_is_recorded_once_it_has_succeeded(shipped: dict[str, Any]) -> None:
    """The item has the key, the execution and the part of the result that later executions read."""
    ended = trained(shipped, lambda _: {}, {"key": KEY, "replaces": "mlops-demo-0"})
    assert ended.status == "SUCCEEDED"
    (request,) = [request for action, request in ended.requests if action == "putItem"]
    assert request["TableName"] == "RECORDS"
    assert request["Item"]["id"] == {"S": KEY}
    assert request["Item"]["stage"] == {"S": "training"}
    assert json.loads(request["Item"]["result"]["S"]) == {"ModelArtifacts": TRAINED["ModelArtifacts"]}
    assert request["ExpressionAttributeValues"][":replaced"] == {"S": "mlops-demo-0"}
    assert int(request["Item"]["expires"]["N"]) > int(request["ExpressionAttributeValues"][":now"]["N"])


def test_without_a_key_nothing_is_recorded(shipped: dict[str, Any]) -> None:
    """An execution without reuse enters no state more."""
    ended = trained(shipped, lambda _: pytest.fail("recorded"), None)
    assert ended.status == "SUCCEEDED"
    assert [action for action, _ in ended.requests] == ["createTrainingJob.sync"]


@pytest.mark.parametrize(
    ("error", "noted"),
    [
        ("DynamoDB.ConditionalCheckFailedException", None),
        ("DynamoDB.ResourceNotFoundException", "DynamoDB.ResourceNotFoundException: the reason"),
    ],
)
def test_what_cannot_be_recorded_fails_no_execution(shipped: dict[str, Any], error: str, noted: str | None) -> None:
    """Of two executions with one key, the second is not recorded; any other error is noted in the data."""
    ended = trained(shipped, refuse(error), {"key": KEY, "replaces": ""})
    assert ended.status == "SUCCEEDED"
    assert ended.output["training"].get("not_recorded") == noted
    assert ended.output["training"]["result"] == TRAINED


def test_every_stage_that_can_be_reused_has_the_state() -> None:
    """Its exit to the end of a rejected execution comes first."""
    states = definition(PLACEHOLDERS)["States"]
    recorded = [stage.key for stage in STAGES if f"{stage.key}: remember" in states]
    assert recorded == [stage.key for stage in STAGES if stage.key != "monitoring"]
    following = [rule["Next"] for rule in states["After approval"]["Choices"]]
    assert following[:2] == ["approval: rejected", "approval: remember"]
