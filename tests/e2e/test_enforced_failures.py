"""Failures on an emulator that enforces every policy: announcements and dead letters."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.conftest import DeployedStack
from tests.e2e.secure import ANNOUNCER, GATE, JOBS, PUBLISHER, REPORTER, STARTER, WORKFLOW, denied
from tests.waiting import wait_until

pytestmark = pytest.mark.emulator


def own_topic(stack: DeployedStack) -> str:
    """The ARN of the pipeline's topic."""
    listed = stack.emulator.client("sns").list_topics()["Topics"]
    (topic,) = (found["TopicArn"] for found in listed if ":mlops-demo-Notifications" in found["TopicArn"])
    return str(topic)


@pytest.fixture
def inbox(secure_stack: DeployedStack) -> Callable[[], list[dict[str, Any]]]:
    """Subscribes a queue to the pipeline's topic; returns messages published since."""
    sqs, sns = (secure_stack.emulator.client(service) for service in ("sqs", "sns"))
    url = sqs.create_queue(QueueName="inbox")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = own_topic(secure_stack)
    let_in = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = {"Version": "2012-10-17", "Statement": [let_in]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def received() -> list[dict[str, Any]]:
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in messages]

    return received


def test_a_failed_execution_is_announced_with_every_policy_enforced(
    secure_stack: DeployedStack, inbox: Callable[[], list[dict[str, Any]]]
) -> None:
    """The gate's error reaches the topic's subscribers through the announcer, both under their own roles."""
    secure_stack.emulator.client("stepfunctions").start_execution(
        stateMachineArn=secure_stack.metadata.state_machine,
        name="mlops-demo-unreported",
        input=json.dumps({"approval": {"run": True, "metrics": [{"name": "auc", "minimum": 1}]}}),
    )
    (announced,) = wait_until(inbox, timeout=30)
    assert announced["Subject"] == "FAILED in approval: mlops-demo-unreported"
    assert "ReportMissing" in announced["Message"]


def test_a_failed_execution_is_reported_with_every_policy_enforced(secure_stack: DeployedStack) -> None:
    """Its report and the index are published, under the reporter's own role."""
    secure_stack.emulator.client("stepfunctions").start_execution(
        stateMachineArn=secure_stack.metadata.state_machine,
        name="mlops-demo-reported",
        input=json.dumps(
            {"publish_report": True, "approval": {"run": True, "metrics": [{"name": "auc", "minimum": 1}]}}
        ),
    )
    report = wait_until(lambda: secure_stack.page("report-mlops-demo-reported.html"), timeout=60)
    assert "Approval failed" in report
    link = '<a href="report-mlops-demo-reported.html">'
    wait_until(lambda: link in (secure_stack.page("index.html") or ""), timeout=30)


def test_the_announcer_uses_its_own_resources_only(
    secure_stack: DeployedStack, acting_as: Callable[[str, str], Any]
) -> None:
    """It may publish only to the pipeline's topic, and read only the pipeline's executions."""
    client = secure_stack.emulator.client
    publish = acting_as(ANNOUNCER, "sns").publish
    assert not denied(publish, TopicArn=own_topic(secure_stack), Message="x")
    assert denied(publish, TopicArn=client("sns").create_topic(Name="theirs-too")["TopicArn"], Message="x")
    machine = secure_stack.metadata.state_machine
    theirs = f"{machine.rpartition(':')[0].replace(':stateMachine', ':execution')}:theirs:1"
    assert denied(acting_as(ANNOUNCER, "stepfunctions").describe_execution, executionArn=theirs)


@pytest.mark.parametrize(
    ("construct", "may"),
    [
        *((construct, True) for construct in (STARTER, ANNOUNCER, REPORTER)),
        *((construct, False) for construct in (GATE, PUBLISHER, WORKFLOW, JOBS)),
    ],
)
def test_who_may_leave_dead_letters(
    secure_stack: DeployedStack, acting_as: Callable[[str, str], Any], construct: str, *, may: bool
) -> None:
    """Only asynchronously invoked functions may send to the dead-letter queue, and none may read it."""
    client = secure_stack.emulator.client("sqs")
    own = next(url for url in client.list_queues()["QueueUrls"] if "DeadLetters" in url)
    theirs = client.create_queue(QueueName="theirs")["QueueUrl"]
    sqs = acting_as(construct, "sqs")
    assert denied(sqs.send_message, QueueUrl=own, MessageBody="x") is not may
    assert denied(sqs.send_message, QueueUrl=theirs, MessageBody="x")
    assert denied(sqs.receive_message, QueueUrl=own)
