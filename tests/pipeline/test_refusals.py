"""Errors under a catch-all name: transient ones are retried, rejected requests fail immediately."""

import json
from collections import Counter
from typing import Any

import pytest

from pipeline.asl.retry_classification import CATCH_ALL, TRIES
from pipeline.refusals import as_refused
from tests.pipeline.endpoints import Deploy, Endpoints
from tests.pipeline.machine import EXECUTION, MACHINE, Ended, Handler, TaskError, redrive, run
from tests.pipeline.sagemaker import THROTTLED, SageMaker, requests_of

OPTIMIZED, SDK = "SageMaker.AmazonSageMakerException", "SageMaker.SageMakerException"
REFUSED = TaskError(
    OPTIMIZED,
    "1 validation error detected: Value 'ml.m5.tiny' at 'resourceConfig.instanceType' failed to satisfy constraint"
    " (Service: AmazonSageMaker; Status Code: 400; Error Code: ValidationException; Request ID: 503; Proxy: null)",
)
DENIED = (
    "User: arn:aws:sts::1:assumed-role/Throttling/500 is not authorized to perform: sagemaker:CreateTrainingJob"
    " on resource: arn:aws:sagemaker:eu-central-1:1:training-job/rate-exceeded-Status-Code-500"
    " (Service: AmazonSageMaker; Status Code: 400; Error Code: AccessDeniedException; Request ID: 1)"
)
SDK_THROTTLED = TaskError(SDK, "Rate exceeded (Service: SageMaker, Status Code: 400, Request ID: 1)")
SDK_REFUSED = TaskError(SDK, "Cannot create already existing endpoint (Service: SageMaker, Status Code: 400)")


def fails(*errors: TaskError, then: Handler) -> Handler:
    """Fails with these errors, one per call, then succeeds."""
    left = list(errors)

    def answer(request: dict[str, Any]) -> Any:
        if left:
            raise left.pop(0)
        return then(request)

    return answer


def told(ended: Ended) -> tuple[str, str, str]:
    """Returns the status, and error and cause as people see them."""
    return (ended.status, *as_refused(ended.error, ended.cause))


@pytest.mark.parametrize(
    "cause",
    [
        "Rate exceeded (Service: AmazonSageMaker; Status Code: 400; Error Code: ThrottlingException; Request ID: 1)",
        "null (Service: AmazonSageMaker; Status Code: 400; Error Code: ThrottlingException; Request ID: 1)",
        "Rate exceeded (Service: SageMaker, Status Code: 400, Request ID: 1)",
        "We encountered an internal error (Service: SageMaker, Status Code: 500, Request ID: 1)",
        "The service is unavailable (Service: AmazonSageMaker; Status Code: 503; Error Code: ServiceUnavailable)",
    ],
)
def test_transient_errors_are_retried(cause: str, five_stages: dict[str, Any]) -> None:
    """Throttling and service errors are retried, in the words of both kinds of integration."""
    ended = run(five_stages, SageMaker(createTrainingJob=[TaskError(OPTIMIZED, cause)]).handlers(), retries=True)
    assert ended.status == "SUCCEEDED", ended
    assert len(requests_of(ended, "createTrainingJob.sync")) == 2


@pytest.mark.parametrize(
    "cause",
    [
        REFUSED.cause,
        DENIED,
        "Could not access model data (Service: SageMaker, Status Code: 400, Request ID: 5031)",
        "it is not known what\nhas happened",
        "",
    ],
)
def test_a_rejection_fails_immediately(cause: str, five_stages: dict[str, Any]) -> None:
    """Any other error is not retried, and is reported in SageMaker's words, whatever names they contain."""
    ended = run(five_stages, SageMaker(createTrainingJob=[TaskError(OPTIMIZED, cause)]).handlers(), retries=True)
    assert told(ended) == ("FAILED", OPTIMIZED, cause)
    assert len(requests_of(ended, "createTrainingJob.sync")) == 1
    assert ended.waited == []


def test_a_redrive_after_a_rejection_resumes_at_the_task(five_stages: dict[str, Any]) -> None:
    """A redrive requests the job under an unused name; a second rejection fails immediately and can be redriven."""
    sagemaker = SageMaker(createTrainingJob=[REFUSED, REFUSED])
    first = run(five_stages, sagemaker.handlers(), retries=True)
    second = redrive(first, sagemaker.handlers(), retries=True)
    assert told(second) == ("FAILED", OPTIMIZED, REFUSED.cause)
    assert [made["TrainingJobName"] for made in requests_of(second, "createTrainingJob.sync")] == [f"{EXECUTION}-r1"]
    third = redrive(second, sagemaker.handlers(), redrives=2, retries=True)
    assert third.status == "SUCCEEDED", third
    assert [made["TrainingJobName"] for made in requests_of(third, "createTrainingJob.sync")] == [f"{EXECUTION}-r2"]
    # Stages that succeeded do not run again.
    assert len(requests_of(third, "createProcessingJob.sync")) == 1


def test_retries_are_limited(five_stages: dict[str, Any]) -> None:
    """A task that stays throttled is retried five times, with increasing waits; a redrive allows as many again."""
    sagemaker = SageMaker(createTrainingJob=[THROTTLED] * 10)
    ended = run(five_stages, sagemaker.handlers(), retries=True)
    assert told(ended) == ("FAILED", OPTIMIZED, THROTTLED.cause)
    assert len(requests_of(ended, "createTrainingJob.sync")) == 1 + TRIES
    assert all(1 <= seconds <= 2**tried for tried, seconds in enumerate(ended.waited, start=1))
    assert len(ended.waited) == TRIES
    again = redrive(ended, sagemaker.handlers(), retries=True)
    assert again.status == "SUCCEEDED", again
    assert len(requests_of(again, "createTrainingJob.sync")) == 5


def test_a_lost_fault_does_not_stop_a_redrive(five_stages: dict[str, Any]) -> None:
    """AWS does not document that variables survive a redrive; without them, it still continues at the task."""
    sagemaker = SageMaker(createTrainingJob=[REFUSED])
    ended = run(five_stages, sagemaker.handlers())
    ended.variables.clear()
    assert redrive(ended, sagemaker.handlers()).status == "SUCCEEDED"


def test_the_fault_is_assigned_before_any_task(five_stages: dict[str, Any]) -> None:
    """The variable that a task's Catch reads exists from the start, whichever stage comes first."""
    for stage in ("preprocessing", "training"):
        failing = fails(TaskError("States.TaskFailed"), then=dict)
        ended = run(five_stages, {"createProcessingJob.sync": failing, "createTrainingJob.sync": failing})
        assert (ended.entered, ended.variables) == (["Begin", stage], {"fault": {}})
        five_stages[stage]["run"] = False


def test_a_success_resets_the_count(deploy: Deploy) -> None:
    """Only errors in a row count: polling an endpoint for hours may be throttled more often than that."""
    endpoints = Endpoints(progress=("Creating",) * 5 + ("InService",))
    describe = endpoints.handlers()["describeEndpoint"]
    looks = Counter[str]()

    def throttled_at_first(request: dict[str, Any]) -> Any:
        looks["all"] += 1
        if looks["all"] > 1 and looks["all"] % 3:
            raise SDK_THROTTLED
        return describe(request)

    ended = deploy(endpoints, describeEndpoint=throttled_at_first)
    assert ended.status == "SUCCEEDED", ended
    assert ended.entered.count("deployment: look: again") > TRIES


@pytest.mark.parametrize("action", ["createEndpoint", "registerScalableTarget"])
def test_the_rollback_after_a_rejection(action: str, deploy: Deploy) -> None:
    """A task with its own Catch goes there after one request, with the reason, and what was created is deleted."""
    endpoints = Endpoints()
    error = "ApplicationAutoScaling.ApplicationAutoScalingException" if action == "registerScalableTarget" else SDK
    section = {"autoscaling": {"min_capacity": 1, "max_capacity": 2, "invocations_per_instance": 9}}
    ended = deploy(endpoints, section, **{action: fails(TaskError(error, SDK_REFUSED.cause), then=lambda _: {})})
    assert (ended.status, ended.error) == ("FAILED", "DeploymentFailed")
    assert ended.cause.endswith(f": {error}: {SDK_REFUSED.cause}")
    assert len(requests_of(ended, action)) == 1
    assert (endpoints.serving, endpoints.configs) == (None, set())


def test_a_throttled_creation_is_retried(deploy: Deploy) -> None:
    """A throttled creation causes no rollback."""
    endpoints = Endpoints()
    create = endpoints.handlers()["createEndpoint"]
    ended = deploy(endpoints, createEndpoint=fails(*[SDK_THROTTLED] * TRIES, then=create))
    assert ended.status == "SUCCEEDED", ended


def test_every_catch_all_error_is_classified() -> None:
    """No task has a catch-all name in its Retry, except the two that wait for a busy endpoint."""
    patient = {"deployment: delete endpoint", "deployment: put back"}
    for name, state in MACHINE["States"].items():
        retried = {error for rule in state.get("Retry", []) for error in rule["ErrorEquals"]}
        assert not retried & CATCH_ALL or name in patient


def test_a_functions_error_is_its_message() -> None:
    """Without the stack trace, and under the name of the exception; a job's description is no function's error."""
    raised = {"errorMessage": "no endpoint demo; deploy a model", "errorType": "NotServingError", "stackTrace": ["a"]}
    message = ("NotServingError", "no endpoint demo; deploy a model")
    assert as_refused("NotServingError", json.dumps(raised)) == message
    for other in ('{"FailureReason": "AlgorithmError: no coffee"}', '["errorType", "errorMessage"]', "{"):
        assert as_refused("States.TaskFailed", other) == ("States.TaskFailed", other)


def test_other_errors_are_reported_unchanged() -> None:
    """Errors in our own expressions, and failed jobs, are reported unchanged."""
    broken = "The JSONata expression '$x' specified for the field 'Output' returned nothing (undefined)."
    assert as_refused("States.QueryEvaluationError", broken) == ("States.QueryEvaluationError", broken)
    failed = "SageMaker.SageMakerException: says the job's log"
    assert as_refused("States.TaskFailed", failed) == ("States.TaskFailed", failed)
