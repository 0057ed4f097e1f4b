"""What an execution's history says of its stages. Pure; the same for the emulator's history and for AWS's."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.stages import STAGES

PENDING, RUNNING, SUCCEEDED, FAILED, SKIPPED, ABORTED = (
    "PENDING",
    "RUNNING",
    "SUCCEEDED",
    "FAILED",
    "SKIPPED",
    "ABORTED",
)


@dataclass(frozen=True, kw_only=True)
class StageProgress:
    """How far one stage is."""

    status: str
    """PENDING, RUNNING, SUCCEEDED, FAILED, SKIPPED or ABORTED."""
    started: datetime | None = None
    ended: datetime | None = None

    def seconds(self, now: datetime) -> float | None:
        """Seconds since its start, or of its whole run where it has ended; None where it has not started."""
        return ((self.ended or now) - self.started).total_seconds() if self.started else None


def stage_progress(
    events: Iterable[dict[str, Any]], *, status: str, stopped: datetime | None = None
) -> dict[str, StageProgress]:
    """The progress of every stage, by its key.

    Args:
        events: the execution's history, as GetExecutionHistory gives it, oldest first.
        status: the execution's status, as DescribeExecution gives it.
        stopped: when it ended; None while it runs.
    """
    entered: dict[str, datetime] = {}
    exited: dict[str, datetime] = {}
    for event in events:
        if event["type"] == "TaskStateEntered":
            entered[event["stateEnteredEventDetails"]["name"]] = event["timestamp"]
        elif event["type"] == "TaskStateExited":
            exited[event["stateExitedEventDetails"]["name"]] = event["timestamp"]
    reached = max((index for index, stage in enumerate(STAGES) if stage.key in entered), default=-1)
    progress = {}
    for index, stage in enumerate(STAGES):
        if stage.key in exited:
            state = StageProgress(status=SUCCEEDED, started=entered[stage.key], ended=exited[stage.key])
        elif stage.key in entered:
            ended_as = {RUNNING: RUNNING, ABORTED: ABORTED}.get(status, FAILED)
            state = StageProgress(status=ended_as, started=entered[stage.key], ended=stopped)
        else:
            passed = index < reached or status == SUCCEEDED
            state = StageProgress(status=SKIPPED if passed else PENDING)
        progress[stage.key] = state
    return progress
