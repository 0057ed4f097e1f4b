"""Faults of jobs, SageMaker and the emulator: how executions end, and what is left."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from executions.history import failed_stage, reason
from executions.progress import stage_progress
from sagemaker_local.errors import TaskFailed
from tests.e2e.pipeline_emulator import PipelineEmulator, pipeline_emulator, processes, processing
from tests.waiting import wait_until

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
    """Rejects the first requests, then completes requests immediately.

    Args:
        refusals: error and cause of each rejection.
    """

    def __init__(self, *refusals: tuple[str, str]) -> None:
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self._refusals = list(refusals)

    def run(self, action: str, request: dict[str, Any]) -> dict[str, Any]:
        """Records the request."""
        self.requests.append((action, request))
        if self._refusals:
            raise TaskFailed(*self._refusals.pop(0))
        return {"Done": action}

    def stop_job(self, action: str, name: str) -> None:
        """Nothing runs."""

    def stop(self) -> None:
        """Nothing runs."""


@pytest.fixture
def pipeline(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[PipelineEmulator]:
    """The pipeline's state machine on its own emulator."""
    with pipeline_emulator(tmp_path, free_port()) as made:
        yield made


@pytest.mark.parametrize("refusal", [THROTTLED, NO_CAPACITY], ids=["throttled", "no capacity"])
def test_transient_errors_are_retried(refusal: tuple[str, str], pipeline: PipelineEmulator) -> None:
    """A request rejected three times, by throttling or for lack of capacity, is retried until it succeeds."""
    sagemaker = BusySageMaker(*[refusal] * 3)
    pipeline.serve(sagemaker)
    execution = pipeline.finish(pipeline.start(processing("true")))
    assert execution["status"] == "SUCCEEDED", execution
    (first, *others) = sagemaker.requests
    assert others == [first] * 3
    assert first[1]["ProcessingJobName"] == execution["name"]


def test_a_rejected_request_is_not_retried(pipeline: PipelineEmulator) -> None:
    """A request that SageMaker rejects is made once; the stage fails with SageMaker's error."""
    sagemaker = BusySageMaker(REFUSED)
    pipeline.serve(sagemaker)
    execution = pipeline.finish(pipeline.start(processing("true")))
    assert len(sagemaker.requests) == 1
    assert execution["status"] == "FAILED"
    assert reason(execution) == REFUSED
    events = pipeline.step_functions.get_execution_history(executionArn=execution["executionArn"])["events"]
    assert failed_stage(stage_progress(events, status="FAILED", stopped=execution["stopDate"])) == "preprocessing"


def test_a_job_that_fails_says_why(pipeline: PipelineEmulator) -> None:
    """A job's failure reason, its exit code and its last lines are in the execution's cause."""
    pipeline.serve_jobs()
    say = "echo 'no beans' > /opt/ml/output/message; echo 'grinding'; exit 3"
    execution = pipeline.finish(pipeline.start(processing("/bin/sh", "-c", say)))
    assert (execution["status"], execution["error"]) == ("FAILED", "States.TaskFailed")
    described = json.loads(execution["cause"])
    assert described["ProcessingJobStatus"] == "Failed"
    assert described["FailureReason"].startswith("AlgorithmError: no beans")
    assert "exit code: 3" in described["FailureReason"]
    assert "grinding" in described["FailureReason"]


def test_a_job_past_its_timeout_is_ended(pipeline: PipelineEmulator) -> None:
    """A job that exceeds its stopping condition is ended, and no process of it is left."""
    pipeline.serve_jobs()
    execution = pipeline.finish(pipeline.start(processing("sleep", "612.1", seconds=1)))
    assert (execution["status"], execution["error"]) == ("FAILED", "States.TaskFailed")
    assert "MaxRuntimeExceeded" in json.loads(execution["cause"])["FailureReason"]
    assert not processes("612.1")


def test_a_stopped_execution_stops_its_job(pipeline: PipelineEmulator) -> None:
    """Stopping an execution stops its job; the execution stays stopped, and other jobs keep running."""
    pipeline.serve_jobs()
    stopped, other = (pipeline.start(processing("sleep", seconds)) for seconds in ("612.2", "612.3"))
    wait_until(lambda: processes("612.2") and processes("612.3"))
    pipeline.step_functions.stop_execution(executionArn=stopped, error="Changed", cause="my mind")
    wait_until(lambda: not processes("612.2"))
    assert processes("612.3")
    assert pipeline.describe(other)["status"] == "RUNNING"
    # By now the job's end would have been reported, if it ever were.
    assert pipeline.describe(stopped)["status"] == "ABORTED"


def test_the_end_of_the_emulator_stops_its_jobs(pipeline: PipelineEmulator) -> None:
    """A job whose emulator has ended, or died, is stopped."""
    pipeline.serve_jobs()
    pipeline.start(processing("sleep", "612.4"))
    wait_until(lambda: processes("612.4"))
    pipeline.emulator.__exit__()
    wait_until(lambda: not processes("612.4"))


def test_without_sagemaker_an_execution_fails(pipeline: PipelineEmulator) -> None:
    """Without an attached SageMaker, an execution fails instead of waiting for ever."""
    execution = pipeline.finish(pipeline.start(processing("true")))
    assert (execution["status"], execution["error"]) == ("FAILED", "Local.InternalError")
    assert "no SageMaker has been attached" in execution["cause"]
