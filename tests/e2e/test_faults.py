"""Faults of the jobs, of SageMaker and of the emulator itself: how the execution ends, and what is left."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from executions.history import failed_stage, reason
from executions.progress import stage_progress
from sagemaker_local.errors import TaskFailed
from tests.e2e.places import Place, place, processes, processing, wait_until

pytestmark = pytest.mark.emulator

THROTTLED = (
    "SageMaker.AmazonSageMakerException",
    "Rate exceeded (Service: AmazonSageMaker; Status Code: 400; Error Code: ThrottlingException; Request ID: 1)",
)
NO_CAPACITY = (
    "SageMaker.ResourceLimitExceededException",
    "The account-level service limit is 0 Instances (Service: AmazonSageMaker; Error Code: ResourceLimitExceeded)",
)
REFUSED = (
    "SageMaker.AmazonSageMakerException",
    "1 validation error detected (Service: AmazonSageMaker; Status Code: 400; Error Code: ValidationException)",
)


class BusySageMaker:
    """Refuses the first requests, then does what it is asked at once.

    Args:
        refusals: error and cause of each.
    """

    def __init__(self, *refusals: tuple[str, str]) -> None:
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self._refusals = list(refusals)

    def run(self, action: str, request: dict[str, Any]) -> dict[str, Any]:
        """Writes the request down."""
        self.requests.append((action, request))
        if self._refusals:
            raise TaskFailed(*self._refusals.pop(0))
        return {"Done": action}

    def stop_job(self, action: str, name: str) -> None:
        """Nothing runs."""

    def stop(self) -> None:
        """Nothing runs."""


@pytest.fixture
def here(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Place]:
    """The state machine, on an emulator of its own."""
    with place(tmp_path, free_port()) as made:
        yield made


@pytest.mark.parametrize("refusal", [THROTTLED, NO_CAPACITY], ids=["throttled", "no capacity"])
def test_what_passes_is_waited_for(refusal: tuple[str, str], here: Place) -> None:
    """Refused three times, by throttling or for want of capacity, then served: one request four times, a success."""
    sagemaker = BusySageMaker(*[refusal] * 3)
    here.serve(sagemaker)
    execution = here.finish(here.start(processing("true")))
    assert execution["status"] == "SUCCEEDED", execution
    (first, *others) = sagemaker.requests
    assert others == [first] * 3
    assert first[1]["ProcessingJobName"] == execution["name"]


def test_a_refusal_fails_at_once(here: Place) -> None:
    """A request that SageMaker refuses is made once; the stage has failed, and SageMaker's own error is told."""
    sagemaker = BusySageMaker(REFUSED)
    here.serve(sagemaker)
    execution = here.finish(here.start(processing("true")))
    assert len(sagemaker.requests) == 1
    assert execution["status"] == "FAILED"
    assert reason(execution) == REFUSED
    events = here.step_functions.get_execution_history(executionArn=execution["executionArn"])["events"]
    assert failed_stage(stage_progress(events, status="FAILED", stopped=execution["stopDate"])) == "preprocessing"


def test_a_job_that_fails_says_why(here: Place) -> None:
    """The reason that a job has written, its exit code and its last lines are in the execution's cause."""
    here.serve_jobs()
    say = "echo 'no beans' > /opt/ml/output/message; echo 'grinding'; exit 3"
    execution = here.finish(here.start(processing("/bin/sh", "-c", say)))
    assert (execution["status"], execution["error"]) == ("FAILED", "States.TaskFailed")
    described = json.loads(execution["cause"])
    assert described["ProcessingJobStatus"] == "Failed"
    assert described["FailureReason"].startswith("AlgorithmError: no beans")
    assert "exit code: 3" in described["FailureReason"]
    assert "grinding" in described["FailureReason"]


def test_a_job_past_its_time_is_ended(here: Place) -> None:
    """A job that runs longer than its stopping condition allows is ended, and nothing of it is left."""
    here.serve_jobs()
    execution = here.finish(here.start(processing("sleep", "612.1", seconds=1)))
    assert (execution["status"], execution["error"]) == ("FAILED", "States.TaskFailed")
    assert "MaxRuntimeExceeded" in json.loads(execution["cause"])["FailureReason"]
    assert not processes("612.1")


def test_a_stopped_execution_stops_its_job(here: Place) -> None:
    """When the user stops an execution, its job goes before its end; it stays stopped, and other jobs run on."""
    here.serve_jobs()
    stopped, other = (here.start(processing("sleep", seconds)) for seconds in ("612.2", "612.3"))
    wait_until(lambda: processes("612.2") and processes("612.3"))
    here.step_functions.stop_execution(executionArn=stopped, error="Changed", cause="my mind")
    wait_until(lambda: not processes("612.2"))
    assert processes("612.3")
    assert here.describe(other)["status"] == "RUNNING"
    # The job's end has been told by now, if it is told at all.
    assert here.describe(stopped)["status"] == "ABORTED"


def test_the_end_of_the_emulator_stops_its_jobs(here: Place) -> None:
    """A job whose emulator has gone, however it went, is stopped: nobody waits for it."""
    here.serve_jobs()
    here.start(processing("sleep", "612.4"))
    wait_until(lambda: processes("612.4"))
    here.emulator.__exit__()
    wait_until(lambda: not processes("612.4"))


def test_without_a_sagemaker_an_execution_fails(here: Place) -> None:
    """Nobody waits for ever for a SageMaker that is not there."""
    execution = here.finish(here.start(processing("true")))
    assert (execution["status"], execution["error"]) == ("FAILED", "Local.InternalError")
    assert "no SageMaker has been attached" in execution["cause"]
