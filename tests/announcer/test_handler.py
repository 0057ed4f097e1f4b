"""The announcer function, with stubbed Step Functions and SNS."""

import importlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY, Stubber

NAME = "mlops-demo-0123456789abcdef"
ARN = f"arn:aws:states:eu-central-1:123456789012:execution:Machine:{NAME}"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:topic"
EVENT = {"detail-type": "Step Functions Execution Status Change", "detail": {"executionArn": ARN, "status": "FAILED"}}
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
FAILED_JOB = '{"TrainingJobName": "t", "TrainingJobStatus": "Failed", "FailureReason": "AlgorithmError: no coffee"}'

Announce = Callable[..., dict[str, str]]


def entered(state: str, number: int = 5) -> dict[str, Any]:
    """The event of entering a state."""
    details = {"name": state}
    return {"timestamp": NOON, "type": "TaskStateEntered", "id": number, "stateEnteredEventDetails": details}


def other(kind: str, number: int) -> dict[str, Any]:
    return {"timestamp": NOON, "type": kind, "id": number}


@pytest.fixture
def announce(monkeypatch: pytest.MonkeyPatch) -> Announce:
    """Announces an execution and returns what was published."""
    monkeypatch.setenv("TOPIC_ARN", TOPIC)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    module = importlib.reload(importlib.import_module("announcer.handler"))

    def run(*events: dict[str, Any], refused: str = "", **execution: Any) -> dict[str, str]:
        described = {
            "executionArn": ARN,
            "stateMachineArn": "arn:aws:states:eu-central-1:123456789012:stateMachine:Machine",
            "name": NAME,
            "status": "FAILED",
            "startDate": NOON,
            "stopDate": NOON,
        }
        published: dict[str, str] = {}
        module.sns.meta.events.register(
            "provide-client-params.sns.Publish", lambda params, **_: published.update(params)
        )
        with Stubber(module.step_functions) as step_functions, Stubber(module.sns) as sns:
            step_functions.add_response("describe_execution", described | execution, {"executionArn": ARN})
            step_functions.add_response(
                "get_execution_history",
                {"events": list(events)},
                {"executionArn": ARN, "reverseOrder": True, "maxResults": ANY, "includeExecutionData": False},
            )
            if refused:
                sns.add_client_error("publish", refused)
            else:
                sns.add_response("publish", {"MessageId": "1"})
            module.handler(EVENT, None)
        return published

    return run


def test_a_failed_job(announce: Announce) -> None:
    """The message has name, stage, error, the job's own reason, the console link and how to resume."""
    published = announce(
        other("ExecutionFailed", 7), other("TaskFailed", 6), entered("training"), entered("preprocessing", 2),
        error="States.TaskFailed", cause=FAILED_JOB,
    )  # fmt: skip
    assert published["TopicArn"] == TOPIC
    assert published["Subject"] == f"FAILED in training: {NAME}"
    message = published["Message"]
    for part in (
        f"Execution: {NAME}",
        "Stage:     training (state training)",
        "Error:     States.TaskFailed",
        "Cause:     AlgorithmError: no coffee\n",
        f"https://eu-central-1.console.aws.amazon.com/states/home?region=eu-central-1#/v2/executions/details/{ARN}",
        f"redrive-execution --execution-arn {ARN}",
    ):
        assert part in message


def test_a_rejected_request(announce: Announce) -> None:
    """A request that SageMaker rejected is reported with SageMaker's error, not with that of the failed state."""
    said = "You may not (Service: AmazonSageMaker; Status Code: 400; Error Code: AccessDeniedException; Request ID: 1)"
    cause = (
        "An error occurred while executing the state 'training: refused?' (entered at the event id #9). The JSONata"
        " expression '$fault.redrives = 0 ? $error($fault.Error & ': ' & $fault.Cause) : true' specified for the field"
        f" 'Choices[1]/Condition' threw an error during evaluation. D3137: SageMaker.AmazonSageMakerException: {said}"
    )
    published = announce(
        other("ExecutionFailed", 11), entered("training: refused?", 10), entered("training"),
        error="States.QueryEvaluationError", cause=cause,
    )  # fmt: skip
    assert published["Subject"] == f"FAILED in training: {NAME}"
    assert "Stage:     training (state training: refused?)" in published["Message"]
    assert "Error:     SageMaker.AmazonSageMakerException\n" in published["Message"]
    assert f"Cause:     {said}\n" in published["Message"]


def test_a_functions_error(announce: Announce) -> None:
    """What a function raised is reported in its words, without the stack trace."""
    cause = '{"errorMessage": "no endpoint demo", "errorType": "NotServingError", "stackTrace": ["a"]}'
    message = announce(entered("monitoring: window"), error="NotServingError", cause=cause)["Message"]
    assert "Error:     NotServingError\nCause:     no endpoint demo\n" in message


@pytest.mark.parametrize(
    ("state", "stage"),
    [
        ("approval: rejected", "approval (state approval: rejected)"),
        ("After training", "no stage (state After training)"),
    ],
)
def test_the_stage_is_that_of_the_last_state(state: str, stage: str, announce: Announce) -> None:
    """The stage is reported for any of its states."""
    published = announce(
        other("ExecutionFailed", 9), entered(state, 8), entered("training"), error="E", cause="because"
    )
    assert f"Stage:     {stage}" in published["Message"]
    assert "Cause:     because" in published["Message"]


@pytest.mark.parametrize("status", ["ABORTED", "TIMED_OUT"])
def test_end_without_error_and_cause(status: str, announce: Announce) -> None:
    """An execution that was stopped or timed out before entering any state is announced, too."""
    published = announce(other("ExecutionStarted", 1), status=status)
    assert published["Subject"] == f"{status}: {NAME}"
    assert "Stage:     none entered" in published["Message"]
    assert "Cause:     -" in published["Message"]


def test_subject_and_message_fit(announce: Announce) -> None:
    """Long or non-ASCII names and causes give a subject of fewer than 100 ASCII characters and a readable message."""
    name = "é" * 80
    published = announce(entered("deployment: delete endpoint config"), name=name, error="E", cause="x" * 32_768)
    assert published["Subject"].isascii()
    assert len(published["Subject"]) < 100
    assert len(published["Message"]) < 6000
    assert published["Message"].rstrip().splitlines()[-1].startswith("Resume:")


def test_a_rejected_publication_raises(announce: Announce) -> None:
    """An error from SNS is raised, so that Lambda retries and eventually sends the event to the dead-letter queue."""
    with pytest.raises(ClientError, match="AuthorizationError"):
        announce(entered("training"), refused="AuthorizationError")


@pytest.mark.parametrize(
    ("partition", "region", "host"),
    [
        ("aws-cn", "cn-north-1", "cn-north-1.console.amazonaws.cn"),
        ("aws-us-gov", "us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
    ],
)
def test_other_partitions_have_their_own_console(partition: str, region: str, host: str, announce: Announce) -> None:
    """In China and GovCloud, the link leads to the partition's own console."""
    arn = f"arn:{partition}:states:{region}:123456789012:execution:Machine:{NAME}"
    assert f"https://{host}/states/home?region={region}#" in announce(executionArn=arn)["Message"]
