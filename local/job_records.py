"""Keeps a record of each finished job next to its log: its status, seconds and memory."""

import json
from dataclasses import asdict
from pathlib import Path

from executions.job_logs import LocalLogs
from executions.jobs import Jobs
from sagemaker_local.job import FinishedJob


def write_record(job: FinishedJob) -> None:
    """Writes the record of a finished job next to its log."""
    partial = job.log_file.with_suffix(".partial")
    partial.write_text(json.dumps(asdict(job) | {"log_file": str(job.log_file)}))
    partial.replace(job.log_file.with_suffix(".json"))


def finished_jobs(logs: LocalLogs, jobs: Jobs) -> dict[str, FinishedJob]:
    """Returns the finished jobs of an execution, by the key of their stage.

    Args:
        logs: the jobs' logs, next to the records.
        jobs: the execution's jobs.
    """
    records = {key: logs.file(*job).with_suffix(".json") for key, job in jobs.items()}
    found = {key: json.loads(path.read_text()) for key, path in records.items() if logs.is_current(path)}
    return {key: FinishedJob(**record | {"log_file": Path(record["log_file"])}) for key, record in found.items()}
