"""Errors that a service's model does not name: what passes is tried again, a refusal is told at once."""

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
    """What fails with these errors, one a call, then does."""
    left = list(errors)

    def answer(request: dict[str, Any]) -> Any:
        if left:
            raise left.pop(0)
        return then(request)

    return answer


def told(ended: Ended) -> tuple[str, str, str]:
    """The status, and error and cause as people are told them."""
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
def test_what_passes_is_tried_again(cause: str, five_stages: dict[str, Any]) -> None:
    """Throttling and faults of the service are, as both kinds of integration word them."""
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
def test_a_refusal_is_told_at_once(cause: str, five_stages: dict[str, Any]) -> None:
    """What does not say that it passes is asked for once, and told as SageMaker said it, whatever names are in it."""
    ended = run(five_stages, SageMaker(createTrainingJob=[TaskError(OPTIMIZED, cause)]).handlers(), retries=True)
    assert told(ended) == ("FAILED", OPTIMIZED, cause)
    assert len(requests_of(ended, "createTrainingJob.sync")) == 1
    assert ended.waited == []


def test_a_redrive_after_a_refusal_goes_on_at_the_task(five_stages: dict[str, Any]) -> None:
    """The refused job is asked for again under a free name; refused again, it is told at once, and may be redriven."""
    sagemaker = SageMaker(createTrainingJob=[REFUSED, REFUSED])
    first = run(five_stages, sagemaker.handlers(), retries=True)
    second = redrive(first, sagemaker.handlers(), retries=True)
    assert told(second) == ("FAILED", OPTIMIZED, REFUSED.cause)
    assert [made["TrainingJobName"] for made in requests_of(second, "createTrainingJob.sync")] == [f"{EXECUTION}-r1"]
    third = redrive(second, sagemaker.handlers(), redrives=2, retries=True)
    assert third.status == "SUCCEEDED", third
    assert [made["TrainingJobName"] for made in requests_of(third, "createTrainingJob.sync")] == [f"{EXECUTION}-r2"]
    # What had succeeded is not done again.
    assert len(requests_of(third, "createProcessingJob.sync")) == 1


def test_tries_come_to_an_end(five_stages: dict[str, Any]) -> None:
    """Throttled throughout, a task is tried five times more, with ever longer waits; a redrive gives it as many."""
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
    """AWS does not say that variables outlast a redrive; without them, it goes on at the task all the same."""
    sagemaker = SageMaker(createTrainingJob=[REFUSED])
    ended = run(five_stages, sagemaker.handlers())
    ended.variables.clear()
    assert redrive(ended, sagemaker.handlers()).status == "SUCCEEDED"


def test_the_fault_is_assigned_before_any_task(five_stages: dict[str, Any]) -> None:
    """What a task's Catch reads is there from the beginning, whichever stage comes first."""
    for stage in ("preprocessing", "training"):
        failing = fails(TaskError("States.TaskFailed"), then=dict)
        ended = run(five_stages, {"createProcessingJob.sync": failing, "createTrainingJob.sync": failing})
        assert (ended.entered, ended.variables) == (["Begin", stage], {"fault": {}})
        five_stages[stage]["run"] = False


def test_a_success_makes_good(deploy: Deploy) -> None:
    """Faults are counted in a row: an endpoint that is looked at for hours may be throttled more often than that."""
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
def test_the_way_back_after_a_refusal(action: str, deploy: Deploy) -> None:
    """A task with a Catch of its own goes there after one request, with the reason, and what was made is deleted."""
    endpoints = Endpoints()
    error = "ApplicationAutoScaling.ApplicationAutoScalingException" if action == "registerScalableTarget" else SDK
    section = {"autoscaling": {"min_capacity": 1, "max_capacity": 2, "invocations_per_instance": 9}}
    ended = deploy(endpoints, section, **{action: fails(TaskError(error, SDK_REFUSED.cause), then=lambda _: {})})
    assert (ended.status, ended.error) == ("FAILED", "DeploymentFailed")
    assert ended.cause.endswith(f": {error}: {SDK_REFUSED.cause}")
    assert len(requests_of(ended, action)) == 1
    assert (endpoints.serving, endpoints.configs) == (None, set())


def test_a_throttled_creation_is_tried_again(deploy: Deploy) -> None:
    """It need not go the way back."""
    endpoints = Endpoints()
    create = endpoints.handlers()["createEndpoint"]
    ended = deploy(endpoints, createEndpoint=fails(*[SDK_THROTTLED] * TRIES, then=create))
    assert ended.status == "SUCCEEDED", ended


def test_every_unnamed_error_is_judged() -> None:
    """No task tries an unnamed error again by its name, but for the two that wait for an endpoint."""
    patient = {"deployment: delete endpoint", "deployment: put back"}
    for name, state in MACHINE["States"].items():
        retried = {error for rule in state.get("Retry", []) for error in rule["ErrorEquals"]}
        assert not retried & CATCH_ALL or name in patient


def test_other_errors_are_told_as_they_are() -> None:
    """An expression of ours that fails, and a job, are no refusals."""
    broken = "The JSONata expression '$x' specified for the field 'Output' returned nothing (undefined)."
    assert as_refused("States.QueryEvaluationError", broken) == ("States.QueryEvaluationError", broken)
    failed = "SageMaker.SageMakerException: says the job's log"
    assert as_refused("States.TaskFailed", failed) == ("States.TaskFailed", failed)
