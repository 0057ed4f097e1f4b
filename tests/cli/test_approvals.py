"""Answers that come too late, which the emulator does not tell apart as AWS does."""

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


class Deployment:
    """A table of requests, and a Step Functions that answers as it is told."""

    def __init__(self, dynamodb: Any) -> None:
        self.dynamodb = dynamodb
        self.step_functions = boto3.client("stepfunctions")
        self.stub = Stubber(self.step_functions)
        self.stub.activate()
        self.approvals = Approvals(
            step_functions=self.step_functions, dynamodb=dynamodb, table="requests", state_machine=MACHINE
        )

    def put(self, **fields: str) -> None:
        """Keeps a request of the execution ``one`` that may be answered for ten minutes, with these changes."""
        item: dict[str, Any] = {
            "execution": {"S": "one"},
            "token": {"S": "token"},
            "request": {"S": '{"report": "s3://r"}'},
        }
        item["answer_by"] = {"N": fields.pop("answer_by", str(int(time.time()) + 600))}
        self.dynamodb.put_item(TableName="requests", Item=item | {key: {"S": value} for key, value in fields.items()})

    def execution(self, status: str = "RUNNING", **fields: Any) -> None:
        """Has the execution described so, once."""
        described = {
            "executionArn": "arn:aws:states:us-east-1:123456789012:execution:machine:one",
            "stateMachineArn": MACHINE,
            "startDate": STARTED,
            "status": status,
        }
        self.stub.add_response("describe_execution", described | fields)

    def closed(self, code: str = "TaskTimedOut") -> None:
        """Has the answer refused."""
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


def test_answer_is_sent_and_noted(deployment: Deployment) -> None:
    """The execution gets the decision with who, when and why, and the table keeps the same."""
    deployment.put()
    deployment.execution()
    expected = {
        "decision": "Approved",
        "by": "arn:aws:iam::123456789012:user/ann",
        "at": "2026-11-23T10:00:00+00:00",
        "reason": "good",
    }
    deployment.stub.add_response("send_task_success", {}, {"taskToken": "token", "output": json.dumps(expected)})
    assert deployment.approvals.answer("one", ANSWER) == {"report": "s3://r"}
    deployment.stub.assert_no_pending_responses()
    assert expected.items() <= deployment.item().items()


def test_somebody_was_quicker(deployment: Deployment) -> None:
    """Where another answer came a moment earlier, that one is shown, it stays, and ours is not sent."""
    deployment.put()
    deployment.execution()
    # Between our look at the table and our answer, the other person's answer arrives.
    deployment.dynamodb.meta.events.register(
        "provide-client-params.dynamodb.UpdateItem", lambda **_: deployment.put(**OTHER)
    )
    with pytest.raises(CommandError, match=r"already Rejected by .*user/bob at 2026-11-23T09:59:59\+00:00 \(no reason"):
        deployment.approvals.answer("one", ANSWER)
    deployment.stub.assert_no_pending_responses()
    assert deployment.item()["decision"] == "Rejected"


def test_an_answer_that_was_cut_off_is_sent_by_the_next(deployment: Deployment) -> None:
    """Where the answer in the table has not reached the execution, the same decision sends it; another does not."""
    deployment.put()
    deployment.execution()
    deployment.closed("ThrottlingException")
    with pytest.raises(ClientError):
        deployment.approvals.answer("one", ANSWER)
    deployment.execution()
    with pytest.raises(CommandError, match=r"was already Approved by .*user/ann"):
        deployment.approvals.answer("one", Decision(**OTHER))
    deployment.execution()
    deployment.stub.add_response("send_task_success", {}, {"taskToken": "token", "output": json.dumps(asdict(ANSWER))})
    deployment.approvals.answer("one", Decision(**OTHER | {"decision": "Approved"}))
    deployment.stub.assert_no_pending_responses()
    assert deployment.item()["by"] == ANSWER.by


class OneAnswer:
    """A Step Functions that takes one answer for the token, and has the execution run on."""

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
    """DynamoDB's promise, which moto does not keep among threads: a conditional write sees no other halfway."""

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
    """Of two approvals and two rejections at once, one kind holds: in the table, the execution, and the exit codes."""
    deployment.put()
    step_functions, dynamodb = OneAnswer(), OneAtATime(deployment.dynamodb)
    start = threading.Barrier(4)
    succeeded: list[str] = []

    def give(number: int) -> None:
        decision = ("Approved", "Rejected")[number % 2]
        approvals = Approvals(step_functions=step_functions, dynamodb=dynamodb, table="requests", state_machine=MACHINE)
        start.wait()
        with suppress(CommandError):
            approvals.answer("one", Decision(decision=decision, by=f"user/{number}", at="now", reason=""))
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
    """After its time is up, while the execution still goes on, the request is said to have timed out."""
    deployment.put(answer_by="1795428000")
    deployment.execution()
    deployment.closed("TaskDoesNotExist")
    deployment.execution()
    with pytest.raises(CommandError) as refused:
        deployment.approvals.answer("one", ANSWER)
    moment = datetime.fromtimestamp(1795428000, UTC).isoformat()
    assert str(refused.value) == f"the request of one ended at {moment}: TIMED_OUT; nobody had answered by then"
    assert "decision" not in deployment.item()


@pytest.mark.parametrize("status", ["TIMED_OUT", "FAILED", "ABORTED"])
def test_execution_has_ended(deployment: Deployment, status: str) -> None:
    """The request of an execution that has ended says when and how, and is not answered."""
    deployment.put()
    deployment.execution(status, stopDate=STARTED, error="ModelRejected")
    expected = rf"^the request of one ended at 2026-11-23T09:00:00\+00:00: {status} ModelRejected$"
    with pytest.raises(CommandError, match=expected):
        deployment.approvals.answer("one", ANSWER)


def test_running_execution_that_does_not_ask(deployment: Deployment) -> None:
    """An execution that runs without a request is said to be running."""
    deployment.execution()
    with pytest.raises(
        CommandError, match="the execution one is RUNNING and does not wait for an approval, or not yet"
    ):
        deployment.approvals.answer("one", ANSWER)


def test_request_has_expired_from_the_table(deployment: Deployment) -> None:
    """An answer that is taken counts, though its request has gone from the table; no fragment is left there."""
    deployment.put()
    deployment.execution()
    deployment.stub.add_response("send_task_success", {}, {"taskToken": "token", "output": ANY})

    def expire(**_: Any) -> None:
        deployment.dynamodb.delete_item(TableName="requests", Key={"execution": {"S": "one"}})

    deployment.step_functions.meta.events.register("provide-client-params.sfn.SendTaskSuccess", expire)
    assert deployment.approvals.answer("one", ANSWER) == {"report": "s3://r"}
    assert deployment.dynamodb.scan(TableName="requests")["Items"] == []


def test_other_refusals_are_aws(deployment: Deployment) -> None:
    """What is no matter of the request stays AWS's error."""
    deployment.put()
    deployment.execution()
    deployment.closed("AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDenied"):
        deployment.approvals.answer("one", ANSWER)
