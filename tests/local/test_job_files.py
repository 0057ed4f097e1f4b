"""What jobs leave for others to read, and whose jobs are ended."""

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
from local.job_files import JobFiles, write_record
from local.jobs import FinishedJob
from local.recorded import Orphans, RecordedSageMaker

CONTENT = {"training": {"run": True, "input": {"TrainingJobName": "mine"}}, "evaluation": None, "batchTransform": {}}
MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:machine"
EXECUTION = "arn:aws:states:us-east-1:000000000000:execution:machine:one"


def test_names_of_jobs() -> None:
    """A job has the name that the input gives it, else one made from the execution's."""
    assert job_names(CONTENT, "one") == {
        "preprocessing": ("createProcessingJob", "one"),
        "training": ("createTrainingJob", "mine"),
        "evaluation": ("createProcessingJob", "evaluation-one"),
        "batchTransform": ("createTransformJob", "batch-one"),
    }


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The log of the training job."""
    path = tmp_path / "TrainingJobs" / "mine.log"
    path.parent.mkdir()
    return path


@pytest.fixture
def files(tmp_path: Path) -> JobFiles:
    """The files of an execution that has just begun."""
    return JobFiles(logs=tmp_path, content=CONTENT, execution="one", since=time.time() - 1)


def shown(files: JobFiles, *, ended: bool = False) -> list[tuple[str, str]]:
    """The lines that have come."""
    lines: list[tuple[str, str]] = []
    files.show(lambda key, line: lines.append((key, line)), ended=ended)
    return lines


def test_lines_are_shown_once_and_whole(files: JobFiles, log: Path) -> None:
    """Each line is shown once, when it is complete; at the end the last one, though it has no line break."""
    assert shown(files) == []
    log.write_text("one\ntw")
    assert shown(files) == [("training", "one")]
    with log.open("a") as more:
        more.write("o\nthree")
    assert shown(files) == [("training", "two")]
    assert shown(files, ended=True) == [("training", "three")]
    assert shown(files, ended=True) == []


def test_older_files_are_not_ours(files: JobFiles, log: Path) -> None:
    """The files of an earlier job of the same name are left alone."""
    record = FinishedJob(
        name="mine", action="createTrainingJob", status="Completed", seconds=1.5, memory_bytes=1, log_file=log
    )
    log.write_text("old\n")
    write_record(record)
    assert files.finished() == {"training": record}
    for path in (log, log.with_suffix(".json")):
        os.utime(path, (0, time.time() - 60))
    assert shown(files) == []
    assert files.finished() == {}


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
