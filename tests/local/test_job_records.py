"""The records that jobs leave, and whose jobs are stopped."""

import json
import os
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.stub import Stubber

from executions.jobs import job_names
from local.connection import Connection
from local.job_records import finished_jobs, write_record
from local.recorded import Orphans, RecordedSageMaker
from sagemaker_local.job import FinishedJob

CONTENT = {"training": {"run": True, "input": {"TrainingJobName": "mine"}}, "evaluation": None, "batchTransform": {}}
MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:machine"
EXECUTION = "arn:aws:states:us-east-1:000000000000:execution:machine:one"


def test_older_records_are_not_ours(tmp_path: Path) -> None:
    """The record of an earlier job of the same name is left alone."""
    log = tmp_path / "TrainingJobs" / "mine.log"
    log.parent.mkdir()
    record = FinishedJob(
        name="mine", action="createTrainingJob", status="Completed", seconds=1.5, memory_bytes=1, log_file=log
    )
    write_record(record)
    jobs = job_names(CONTENT, "one")
    since = time.time() - 1
    assert finished_jobs(tmp_path, jobs, since=since) == {"training": record}
    os.utime(log.with_suffix(".json"), (0, time.time() - 60))
    assert finished_jobs(tmp_path, jobs, since=since) == {}


class SlowSageMaker:
    """Runs one job until it is stopped."""

    def __init__(self) -> None:
        self.finished_jobs: list[FinishedJob] = []
        self._stopped = threading.Event()

    def run(self, _action: str, _request: dict[str, Any]) -> dict[str, Any]:
        """Runs until stopped."""
        assert self._stopped.wait(10)
        return {}

    def stop_job(self, action: str, name: str) -> None:
        """Stops the job."""
        assert (action, name) == ("createTrainingJob", "mine")
        self._stopped.set()

    @property
    def stopped(self) -> bool:
        """Whether the job was stopped."""
        return self._stopped.is_set()


@pytest.mark.parametrize("execution_lives", [True, False])
def test_jobs_end_with_their_execution(*, execution_lives: bool) -> None:
    """A job whose execution runs goes on; one whose execution has been stopped is stopped."""
    slow = SlowSageMaker()
    recorded = RecordedSageMaker(slow)  # type: ignore[arg-type] # of the service only what is used here
    thread = threading.Thread(target=recorded.run, args=("createTrainingJob", {"TrainingJobName": "mine"}))
    thread.start()
    client = Connection(endpoint="http://127.0.0.1:1", key="key").client("stepfunctions")
    now = datetime.now(UTC)
    item: Any = {
        "executionArn": EXECUTION,
        "stateMachineArn": MACHINE,
        "name": "one",
        "status": "RUNNING",
        "startDate": now,
    }
    while not recorded.running_jobs():
        time.sleep(0.01)
    with Stubber(client) as stub:
        stub.add_response("list_executions", {"executions": [item] if execution_lives else []})
        if execution_lives:
            stub.add_response("describe_execution", item | {"input": json.dumps(CONTENT)})
        Orphans(step_functions=client, sagemaker=recorded).sweep(MACHINE)
        stub.assert_no_pending_responses()
    assert slow.stopped is not execution_lives
    slow.stop_job("createTrainingJob", "mine")
    thread.join()
    assert recorded.running_jobs() == set()
