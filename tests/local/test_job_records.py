"""The records of finished jobs."""

import os
import time
from pathlib import Path

from executions.job_logs import LocalLogs
from executions.jobs import job_names
from local.job_records import finished_jobs, write_record
from sagemaker_local.job import FinishedJob

CONTENT = {"training": {"run": True, "input": {"TrainingJobName": "mine"}}, "evaluation": None, "batchTransform": {}}


def test_older_records_are_ignored(tmp_path: Path) -> None:
    """The record of an earlier job of the same name is ignored."""
    log = tmp_path / "TrainingJobs" / "mine.log"
    log.parent.mkdir()
    record = FinishedJob(
        name="mine", action="createTrainingJob", status="Completed", seconds=1.5, memory_bytes=1, log_file=log
    )
    write_record(record)
    jobs = job_names(CONTENT, "one")
    logs = LocalLogs(tmp_path, since=time.time() - 1)
    assert finished_jobs(logs, jobs) == {"training": record}
    os.utime(log.with_suffix(".json"), (0, time.time() - 60))
    assert finished_jobs(logs, jobs) == {}
