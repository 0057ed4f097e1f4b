"""Answers to approval requests, including late and concurrent ones, which the emulator does not handle as AWS does."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY, Stubber
from moto import mock_aws

from cli.approvals import Approvals, Decision
from cli.errors import CommandError

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:machine"
ANSWER = Decision(
    decision="Approved", by="arn:aws:iam::123456789012:user/ann", at="2026-11-23T10:00:00+00:00", reason="good"
)
OTHER = {
    "decision": "Rejected",
    "by": "arn:aws:iam::123456789012:user/bob",
    "at": "2026-11-23T09:59:59+00:00",
    "reason": "",
}
STARTED = datetime(2026, 11, 23, 9, tzinfo=UTC)
ONE = {"name": "one", "status": "RUNNING"}
"""A running execution."""


class Deployment:
    """A table of requests, and a stub of Step Functions."""

    def __init__(self, dynamodb: Any) -> None:
        self.dynamodb = dynamodb
        self.step_functions = boto3.client("stepfunctions")
        self.stub = Stubber(self.step_functions)
        self.stub.activate()
        self.approvals = Approvals(
            step_functions=self.step_functions, dynamodb=dynamodb, table="requests", state_machine=MACHINE
        )

    def put(self, **fields: str) -> None:
        """Stores a request of the execution ``one`` that expires in ten minutes, with these changes."""
        item: dict[str, Any] = {
            "execution": {"S": "one"},
            "token": {"S": "token"},
            "request": {"S": '{"report": "s3://r"}'},
        }
        item["answer_by"] = {"N": fields.pop("answer_by", str(int(time.time()) + 600))}
        self.dynamodb.put_item(TableName="requests", Item=item | {key: {"S": value} for key, value in fields.items()})

    def execution(self, status: str = "RUNNING", **fields: Any) -> None:
        """Queues a response to DescribeExecution."""
        described = {
            "executionArn": "arn:aws:states:us-east-1:123456789012:execution:machine:one",
            "stateMachineArn": MACHINE,
            "startDate": STARTED,
            "status": status,
        }
        self.stub.add_response("describe_execution", described | fields)

    def closed(self, code: str = "TaskTimedOut") -> None:
        """Queues an error in response to SendTaskSuccess."""
        self.stub.add_client_error("send_task_success", code, "Task Timed Out: 'Provided task does not exist anymore'")

    def item(self) -> dict[str, str]:
        """The request in the table."""
        found = self.dynamodb.get_item(TableName="requests", Key={"execution": {"S": "one"}})["Item"]
        return {key: next(iter(value.values())) for key, value in found.items()}


@pytest.fixture
def deployment(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    """A deployment with an empty table."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        dynamodb = boto3.client("dynamodb")
        dynamodb.create_table(
            TableName="requests",
            KeySchema=[{"AttributeName": "execution", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "execution", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield Deployment(dynamodb)


def test_answer_is_sent_and_recorded(deployment: Deployment) -> None:
    """The execution and the table get the same decision, with caller, time and reason."""
    deployment.put()
    expected = {
        "decision": "Approved",
        "by": "arn:aws:iam::123456789012:user/ann",
        "at": "2026-11-23T10:00:00+00:00",
        "reason": "good",
    }
    deployment.stub.add_response("send_task_success", {}, {"taskToken": "token", "output": json.dumps(expected)})
    assert deployment.approvals.answer(ONE, ANSWER) == {"report": "s3://r"}
    deployment.stub.assert_no_pending_responses()
    assert expected.items() <= deployment.item().items()


def test_an_earlier_answer_wins(deployment: Deployment) -> None:
    """If another answer arrived a moment earlier, it is shown and kept, and ours is not sent."""
    deployment.put()
    # The other person's answer arrives after we have read the request, and before we answer it.
    deployment.dynamodb.meta.events.register(
        "provide-client-params.dynamodb.UpdateItem", lambda **_: deployment.put(**OTHER)
    )
    with pytest.raises(CommandError, match=r"already Rejected by .*user/bob at 2026-11-23T09:59:59\+00:00 \(no reason"):
        deployment.approvals.answer(ONE, ANSWER)
    deployment.stub.assert_no_pending_responses()
    assert deployment.item()["decision"] == "Rejected"


def test_an_interrupted_answer_is_sent_by_the_next(deployment: Deployment) -> None:
    """An answer in the table that never reached the execution is sent with the next answer of the same decision."""
    deployment.put()
    deployment.closed("ThrottlingException")
    with pytest.raises(ClientError):
        deployment.approvals.answer(ONE, ANSWER)
    with pytest.raises(CommandError, match=r"was already Approved by .*user/ann"):
        deployment.approvals.answer(ONE, Decision(**OTHER))
    deployment.stub.add_response("send_task_success", {}, {"taskToken": "token", "output": json.dumps(asdict(ANSWER))})
    deployment.approvals.answer(ONE, Decision(**OTHER | {"decision": "Approved"}))
    deployment.stub.assert_no_pending_responses()
    assert deployment.item()["by"] == ANSWER.by


class OneAnswer:
    """A Step Functions that accepts one answer for the token; the execution keeps running."""

    def __init__(self) -> None:
        self.answers: list[dict[str, str]] = []
        self.lock = threading.Lock()

    def describe_execution(self, **_: Any) -> dict[str, Any]:
        """DescribeExecution."""
        return {"status": "RUNNING"}

    def send_task_success(self, *, taskToken: str, output: str) -> None:  # noqa: N803 - as the client has it
        """SendTaskSuccess."""
        assert taskToken == "token"
        with self.lock:
            if self.answers:
                raise ClientError({"Error": {"Code": "TaskTimedOut"}}, "SendTaskSuccess")
            self.answers.append(json.loads(output))


class OneAtATime:
    """Makes conditional writes atomic across threads, as in DynamoDB; moto's are not."""

    def __init__(self, dynamodb: Any) -> None:
        self.dynamodb = dynamodb
        self.lock = threading.Lock()

    def get_item(self, **request: Any) -> Any:
        """GetItem."""
        with self.lock:
            return self.dynamodb.get_item(**request)

    def update_item(self, **request: Any) -> Any:
        """UpdateItem."""
        with self.lock:
            return self.dynamodb.update_item(**request)


@pytest.mark.parametrize("_attempt", range(10))
def test_answers_at_the_same_time_agree(deployment: Deployment, _attempt: int) -> None:
    """Of concurrent approvals and rejections, one decision wins: in the table, the execution and the exit codes."""
    deployment.put()
    step_functions, dynamodb = OneAnswer(), OneAtATime(deployment.dynamodb)
    start = threading.Barrier(4)
    succeeded: list[str] = []

    def give(number: int) -> None:
        decision = ("Approved", "Rejected")[number % 2]
        approvals = Approvals(step_functions=step_functions, dynamodb=dynamodb, table="requests", state_machine=MACHINE)
        start.wait()
        with suppress(CommandError):
            approvals.answer(ONE, Decision(decision=decision, by=f"user/{number}", at="now", reason=""))
            succeeded.append(decision)

    threads = [threading.Thread(target=give, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (answer,) = step_functions.answers
    assert answer.items() <= deployment.item().items()
    assert succeeded
    assert set(succeeded) == {answer["decision"]}


def test_after_the_timeout(deployment: Deployment) -> None:
    """An answer after the deadline fails: the request has timed out, even if the execution is still running."""
    deployment.put(answer_by="1795428000")
    deployment.closed("TaskDoesNotExist")
    deployment.execution()
    with pytest.raises(CommandError) as error:
        deployment.approvals.answer(ONE, ANSWER)
    moment = datetime.fromtimestamp(1795428000, UTC).isoformat()
    assert str(error.value) == f"the request of one ended at {moment}: TIMED_OUT; nobody had answered by then"
    assert "decision" not in deployment.item()


@pytest.mark.parametrize("status", ["TIMED_OUT", "FAILED", "ABORTED"])
def test_execution_has_ended(deployment: Deployment, status: str) -> None:
    """An answer to an execution that has ended fails; the message says when and how the execution ended."""
    deployment.put()
    ended = {"name": "one", "status": status, "stopDate": STARTED, "error": "ModelRejected"}
    expected = rf"^the request of one ended at 2026-11-23T09:00:00\+00:00: {status} ModelRejected$"
    with pytest.raises(CommandError, match=expected):
        deployment.approvals.answer(ended, ANSWER)


def test_running_execution_without_a_request(deployment: Deployment) -> None:
    """An answer to a running execution without a request fails."""
    with pytest.raises(
        CommandError, match="the execution one is RUNNING and does not wait for an approval, or not yet"
    ):
        deployment.approvals.answer(ONE, ANSWER)


def test_request_has_expired_from_the_table(deployment: Deployment) -> None:
    """An answer that was sent counts even if its request has just expired; no fragment of the request is left."""
    deployment.put()
    deployment.stub.add_response("send_task_success", {}, {"taskToken": "token", "output": ANY})

    def expire(**_: Any) -> None:
        deployment.dynamodb.delete_item(TableName="requests", Key={"execution": {"S": "one"}})

    deployment.step_functions.meta.events.register("provide-client-params.sfn.SendTaskSuccess", expire)
    assert deployment.approvals.answer(ONE, ANSWER) == {"report": "s3://r"}
    assert deployment.dynamodb.scan(TableName="requests")["Items"] == []


def test_other_errors_are_raised(deployment: Deployment) -> None:
    """Errors unrelated to the request are raised unchanged."""
    deployment.put()
    deployment.closed("AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDenied"):
        deployment.approvals.answer(ONE, ANSWER)
