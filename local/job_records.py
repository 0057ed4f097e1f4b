"""The record that each finished job leaves beside its log: how it ended, its seconds and its memory."""

import json
from dataclasses import asdict
from pathlib import Path

from executions.jobs import Jobs
from sagemaker_local.job import FinishedJob


def write_record(job: FinishedJob) -> None:
    """Leaves the record of a finished job beside its log."""
    partial = job.log_file.with_suffix(".partial")
    partial.write_text(json.dumps(asdict(job) | {"log_file": str(job.log_file)}))
    partial.replace(job.log_file.with_suffix(".json"))


def finished_jobs(logs: Path, jobs: Jobs, *, since: float) -> dict[str, FinishedJob]:
    """The jobs of an execution that have ended, by the key of their stage.

    Args:
        logs: the environment's folder of logs.
        jobs: the execution's.
        since: seconds since the epoch; an older record is that of an earlier job of the same name.
    """
    records = {key: logs / f"{action.removeprefix('create')}s" / f"{name}.json" for key, (action, name) in jobs.items()}
    found = {
        key: json.loads(path.read_text())
        for key, path in records.items()
        if path.is_file() and path.stat().st_mtime >= since
    }
    return {key: FinishedJob(**record | {"log_file": Path(record["log_file"])}) for key, record in found.items()}
