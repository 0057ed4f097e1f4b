"""What each job leaves in the environment's folder for others to read: its log, and a record of what it took."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from executions.jobs import job_names
from local.jobs import FinishedJob


def write_record(job: FinishedJob) -> None:
    """Leaves the record of a finished job beside its log."""
    partial = job.log_file.with_suffix(".partial")
    partial.write_text(json.dumps(asdict(job) | {"log_file": str(job.log_file)}))
    partial.replace(job.log_file.with_suffix(".json"))


@dataclass
class _Tail:
    """How far one log has been read."""

    path: Path
    offset: int = 0

    def lines(self, *, ended: bool) -> list[str]:
        """The lines that have come since; once the job has ended, the last one though it lacks its line break."""
        with self.path.open("rb") as log:
            log.seek(self.offset)
            new = log.read()
        whole = new if ended else new[: new.rfind(b"\n") + 1]
        self.offset += len(whole)
        return whole.decode("utf-8", "replace").splitlines()


class JobFiles:
    """The files of one execution's jobs."""

    def __init__(self, *, logs: Path, content: dict[str, Any], execution: str, since: float) -> None:
        """Names the files.

        Args:
            logs: the environment's folder of logs.
            content: the execution's input.
            execution: its name.
            since: seconds since the epoch; an older file is that of an earlier job of the same name.
        """
        self._since = since
        self._tails = {
            key: _Tail(logs / f"{action.removeprefix('create')}s" / f"{name}.log")
            for key, (action, name) in job_names(content, execution).items()
        }

    def show(self, log: Callable[[str, str], None], *, ended: bool = False) -> None:
        """Calls ``log`` with the stage's key and each line that has come since the last call."""
        for key, tail in self._tails.items():
            if self._is_ours(tail.path):
                for line in tail.lines(ended=ended):
                    log(key, line)

    def finished(self) -> dict[str, FinishedJob]:
        """The jobs that have ended, by the key of their stage."""
        records = {key: tail.path.with_suffix(".json") for key, tail in self._tails.items()}
        found = {key: json.loads(path.read_text()) for key, path in records.items() if self._is_ours(path)}
        return {key: FinishedJob(**record | {"log_file": Path(record["log_file"])}) for key, record in found.items()}

    def _is_ours(self, path: Path) -> bool:
        try:
            return os.stat(path).st_mtime >= self._since  # noqa: PTH116 - four times a second for each stage
        except FileNotFoundError:
            return False
