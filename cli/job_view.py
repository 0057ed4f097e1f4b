"""How far one execution is: its stages, their jobs, the last line of each job's log."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from cli.job_logs import JobLogs
from cli.target import Target
from local.display import MARKS
from local.job_files import job_names
from local.progress import RUNNING, StageProgress, stage_progress
from pipeline.refusals import as_refused

PERSON = "approval: person"
"""The state that waits for a person's answer."""

_WIDE = 110
"""Characters of a terminal in which the jobs' names have room too."""

_GAP = 2
"""Characters between two columns."""

Jobs = Mapping[str, tuple[str, str]]
"""The action and the name of the job of each stage that has one."""


@dataclass(frozen=True, kw_only=True)
class View:
    """One look at an execution."""

    execution: dict[str, Any]
    """As DescribeExecution gives it."""
    progress: dict[str, StageProgress]
    jobs: Jobs
    lines: dict[str, str]
    """The last line of a stage's log."""
    waits: bool
    """Whether it waits for a person's answer."""

    @property
    def status(self) -> str:
        """The execution's status."""
        return str(self.execution["status"])

    def table(self, now: datetime, *, width: int) -> Table:
        """The stages, one on a line.

        Args:
            now: the time.
            width: the terminal's, in characters; a narrow one does without the jobs' names.
        """
        jobs = {key: self.jobs[key][1] for key in self.jobs if self.progress[key].started} if width >= _WIDE else {}
        titles = ["", "stage", "state", "seconds", *(["job"] if jobs else [])]
        rows = [[*self._cells(key, now), *([Text(jobs.get(key, ""))] if jobs else [])] for key in self.progress]
        taken = sum(max(map(len, column)) + _GAP for column in zip(titles, *rows, strict=True))
        shown = Table(box=None, pad_edge=False, header_style="dim")
        for title in (*titles, "last log line"):
            shown.add_column(title, no_wrap=True, justify="right" if title == "seconds" else "left")
        for key, row in zip(self.progress, rows, strict=True):
            line = Text(self.lines.get(key, ""), "dim")
            # Rich, where it lacks room, would cut all columns alike.
            line.truncate(max(width - taken, 0), overflow="ellipsis")
            shown.add_row(*row, line)
        return shown

    def _cells(self, key: str, now: datetime) -> list[Text]:
        """A stage's mark, name, state and seconds."""
        stage = self.progress[key]
        mark, style = MARKS[stage.status]
        seconds = stage.seconds(now)
        return [
            Text(mark, style),
            Text(key),
            Text(stage.status, style),
            Text("" if seconds is None else f"{seconds:.1f}"),
        ]

    def as_json(self, now: datetime) -> dict[str, Any]:
        """For programs."""
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
                    "seconds": None if (seconds := stage.seconds(now)) is None else round(seconds, 3),
                    "job": self.jobs[key][1] if key in self.jobs and stage.started else None,
                    "last_log_line": self.lines.get(key),
                }
                for key, stage in self.progress.items()
            },
        }


@dataclass
class Viewer:
    """Looks at one execution again and again."""

    target: Target
    arn: str
    _lines: dict[str, str] = field(default_factory=dict)
    _final: set[str] = field(default_factory=set)
    """The stages that had ended when their log was read."""

    def look(self) -> View:
        """The execution as it is now."""
        executions = self.target.executions
        execution = executions.describe(self.arn)
        events = executions.history(self.arn)
        progress = stage_progress(events, status=execution["status"], stopped=execution.get("stopDate"))
        jobs = jobs_of(execution)
        self._read(self.target.logs, progress, jobs)
        waits = execution["status"] == RUNNING and _last_entered(events) == PERSON
        return View(execution=execution, progress=progress, jobs=jobs, lines=dict(self._lines), waits=waits)

    def _read(self, logs: JobLogs, progress: dict[str, StageProgress], jobs: Jobs) -> None:
        for key, (action, name) in jobs.items():
            stage = progress[key]
            if stage.started is None or key in self._final:
                continue
            lines = logs.tail(action, name, 1)
            if lines:
                self._lines[key] = lines[-1].strip()
            if stage.status != RUNNING:
                self._final.add(key)


def jobs_of(execution: dict[str, Any]) -> Jobs:
    """The jobs that an execution may start.

    Args:
        execution: as DescribeExecution gives it.
    """
    content = json.loads(execution.get("input") or "{}")
    return job_names(content, execution["name"]) if isinstance(content, dict) else {}


def _last_entered(events: list[dict[str, Any]]) -> str | None:
    entered = [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]
    return entered[-1] if entered else None
