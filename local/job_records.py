"""The record that each finished job leaves beside its log: how it ended, its seconds and its memory."""

import json
from dataclasses import asdict
from pathlib import Path

from executions.job_logs import LocalLogs
from executions.jobs import Jobs
from sagemaker_local.job import FinishedJob


def write_record(job: FinishedJob) -> None:
    """Leaves the record of a finished job beside its log."""
    partial = job.log_file.with_suffix(".partial")
    partial.write_text(json.dumps(asdict(job) | {"log_file": str(job.log_file)}))
    partial.replace(job.log_file.with_suffix(".json"))


def finished_jobs(logs: LocalLogs, jobs: Jobs) -> dict[str, FinishedJob]:
    """The jobs of an execution that have ended, by the key of their stage.

    Args:
        logs: the logs beside which the records are.
        jobs: the execution's.
    """
    records = {key: logs.file(*job).with_suffix(".json") for key, job in jobs.items()}
    found = {key: json.loads(path.read_text()) for key, path in records.items() if logs.is_current(path)}
    return {key: FinishedJob(**record | {"log_file": Path(record["log_file"])}) for key, record in found.items()}
