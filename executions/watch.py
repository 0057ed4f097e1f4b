"""Polls one execution until it ends: its stages, their jobs and logs."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from executions.jobs import Jobs, jobs_of
from executions.progress import RUNNING, StageProgress, progress_of
from executions.target import Target
from pipeline.refusals import as_refused

PERSON = "approval: person"
"""The state that waits for a person's answer."""

_INTERVAL = 2.0
"""Seconds between two polls of AWS, which throttles them; this machine does not."""
_LOCAL_INTERVAL = 0.25
_LOCAL_MOMENT = 0.05
"""The same between stages and in stages without a job, which are short on this machine."""


@dataclass(frozen=True, kw_only=True)
class View:
    """An execution at one point in time."""

    execution: dict[str, Any]
    """As DescribeExecution returns it."""
    progress: dict[str, StageProgress]
    jobs: Jobs
    lines: dict[str, str]
    """The last line of each stage's log; empty if whole logs are read."""
    waits: bool
    """Whether it waits for a person's answer."""

    @property
    def status(self) -> str:
        """The execution's status."""
        return str(self.execution["status"])

    @property
    def end(self) -> datetime:
        """When it ended; now, if it is still running."""
        stopped: datetime = self.execution.get("stopDate") or datetime.now(UTC)
        return stopped

    @property
    def seconds(self) -> float:
        """Seconds from its start to its end, or to now."""
        return float((self.end - self.execution["startDate"]).total_seconds())

    def as_json(self, now: datetime) -> dict[str, Any]:
        """Returns the view for programs."""
        error = self.execution.get("error")
        return {
            "name": self.execution["name"],
            "arn": self.execution["executionArn"],
            "status": self.status,
            "error": as_refused(error, self.execution.get("cause") or "")[0] if error else None,
            "waits_for_answer": self.waits,
            "stages": {
                key: {
                    "status": stage.status,
                    **({"reused": stage.source} if stage.source else {}),
                    "seconds": None if (seconds := stage.seconds(now)) is None else round(seconds, 3),
                    "job": self.jobs[key][1] if key in self.jobs and stage.started else None,
                    "last_log_line": self.lines.get(key),
                }
                for key, stage in self.progress.items()
            },
        }


@dataclass
class Viewer:
    """Polls one execution."""

    target: Target
    arn: str
    whole_logs: bool = False
    """Whether :meth:`new_lines` reads the logs, so that :meth:`look` need not read their last lines."""
    _lines: dict[str, str] = field(default_factory=dict)
    _read: set[str] = field(default_factory=set)
    """The stages whose logs have been read to their end."""
    _printed: set[str] = field(default_factory=set)
    """The stages whose lines have all been returned by :meth:`new_lines`."""

    def look(self) -> View:
        """Returns the current view."""
        executions = self.target.executions
        execution = executions.describe(self.arn)
        events = executions.history(self.arn)
        progress = progress_of(execution, events)
        jobs = jobs_of(execution)
        for key, stage, job in () if self.whole_logs else _unread(progress, jobs, self._read):
            lines = self.target.logs.tail(*job, 1)
            if lines:
                self._lines[key] = lines[-1].strip()
            if stage.status != RUNNING:
                self._read.add(key)
        waits = execution["status"] == RUNNING and _last_entered(events) == PERSON
        return View(execution=execution, progress=progress, jobs=jobs, lines=dict(self._lines), waits=waits)

    def until_end(self) -> Iterator[View]:
        """Yields views until the execution has ended."""
        while True:
            view = self.look()
            yield view
            if view.status != RUNNING:
                return
            time.sleep(self._interval(view))

    def _interval(self, view: View) -> float:
        """The seconds until the next look."""
        if not self.target.is_local:
            return _INTERVAL
        works = any(view.progress[key].status == RUNNING for key in view.jobs)
        return _LOCAL_INTERVAL if works or view.waits else _LOCAL_MOMENT

    def new_lines(self, view: View) -> dict[str, list[str]]:
        """Returns the lines that jobs have logged since the last call, by the keys of their stages."""
        found = {}
        for key, stage, job in _unread(view.progress, view.jobs, self._printed):
            ended = stage.status != RUNNING
            found[key] = list(self.target.logs.new_lines(*job, ended=ended))
            if ended:
                self._printed.add(key)
        return found


def _unread(
    progress: dict[str, StageProgress], jobs: Jobs, done: set[str]
) -> Iterator[tuple[str, StageProgress, tuple[str, str]]]:
    """Yields the stages that have a job and have started, except those in ``done``."""
    for key, job in jobs.items():
        if progress[key].started is not None and key not in done:
            yield key, progress[key], job


def _last_entered(events: list[dict[str, Any]]) -> str | None:
    entered = [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]
    return entered[-1] if entered else None
