"""Reads the state of each stage from an execution's history. Pure; works on AWS's history and the emulator's."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.reuse import REUSED
from pipeline.stages import STAGES, stage_of_state

PENDING, RUNNING, SUCCEEDED, FAILED, SKIPPED, ABORTED = (
    "PENDING",
    "RUNNING",
    "SUCCEEDED",
    "FAILED",
    "SKIPPED",
    "ABORTED",
)
REJECTED = "REJECTED"
"""The state of the approval if the gate or a person rejected the model; the execution's status is then FAILED."""

REUSED_STAGE = "REUSED"
"""The state of a stage that did not run since an earlier execution's results take its place."""

MODEL_REJECTED = "ModelRejected"
"""The error of an execution whose model was rejected."""


@dataclass(frozen=True, kw_only=True)
class StageProgress:
    """The state of one stage."""

    status: str
    """PENDING, RUNNING, SUCCEEDED, FAILED, REJECTED, SKIPPED, REUSED or ABORTED."""
    started: datetime | None = None
    ended: datetime | None = None
    source: str | None = None
    """The execution whose results are reused."""

    @property
    def text(self) -> str:
        """The state for people: ``reused <execution>``, or the status."""
        return f"reused {self.source}" if self.source else self.status

    def seconds(self, now: datetime) -> float | None:
        """Seconds from its start to its end, or to now; None if it has not started."""
        return ((self.ended or now) - self.started).total_seconds() if self.started else None


def progress_of(execution: dict[str, Any], events: Iterable[dict[str, Any]]) -> dict[str, StageProgress]:
    """Returns the progress of every stage, by its key.

    Args:
        execution: as DescribeExecution returns it.
        events: its history, as GetExecutionHistory returns it, oldest first.
    """
    progress = stage_progress(
        events, status=execution["status"], stopped=execution.get("stopDate"), error=execution.get("error")
    )
    reused = reused_stages(json.loads(execution.get("input") or "{}"))
    return progress | {key: StageProgress(status=REUSED_STAGE, source=source) for key, source in reused.items()}


def reused_stages(content: Any) -> dict[str, str]:
    """Returns the executions whose results take the place of stages, by the stages' keys.

    Args:
        content: the execution's input.
    """
    sections = content.items() if isinstance(content, dict) else ()
    return {key: section[REUSED] for key, section in sections if isinstance(section, dict) and REUSED in section}


def stage_progress(
    events: Iterable[dict[str, Any]], *, status: str, stopped: datetime | None = None, error: str | None = None
) -> dict[str, StageProgress]:
    """Returns the progress of every stage, by its key.

    Args:
        events: the execution's history, as GetExecutionHistory returns it, oldest first.
        status: the execution's status, as DescribeExecution returns it.
        stopped: when it ended; None while it runs.
        error: the execution's error, as DescribeExecution returns it.
    """
    started: dict[str, datetime] = {}
    ended: dict[str, datetime] = {}
    latest: str | None = None
    for event in events:
        if event["type"].endswith("StateEntered"):
            latest = stage_of_state(event["stateEnteredEventDetails"]["name"])
            if latest:
                started.setdefault(latest, event["timestamp"])
        elif event["type"].endswith("StateExited"):
            key = stage_of_state(event["stateExitedEventDetails"]["name"])
            if key:
                ended[key] = event["timestamp"]
    ended_as = {RUNNING: RUNNING, ABORTED: ABORTED, SUCCEEDED: SUCCEEDED}.get(status, FAILED)
    if ended_as == FAILED and error == MODEL_REJECTED:
        ended_as = REJECTED
    reached = max((index for index, stage in enumerate(STAGES) if stage.key in started), default=-1)
    progress = {}
    for index, stage in enumerate(STAGES):
        key = stage.key
        if key not in started:
            passed = index < reached or status == SUCCEEDED
            progress[key] = StageProgress(status=SKIPPED if passed else PENDING)
        elif key == latest and ended_as != SUCCEEDED:
            progress[key] = StageProgress(status=ended_as, started=started[key], ended=stopped)
        else:
            progress[key] = StageProgress(status=SUCCEEDED, started=started[key], ended=ended[key])
    return progress
