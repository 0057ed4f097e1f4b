"""The progress of stages, from an execution's history."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from executions.progress import stage_progress

START = datetime(2026, 11, 23, tzinfo=UTC)


def event(kind: str, seconds: float, name: str) -> dict[str, Any]:
    details = "stateEnteredEventDetails" if kind.endswith("Entered") else "stateExitedEventDetails"
    return {"type": kind, "timestamp": START + timedelta(seconds=seconds), details: {"name": name}}


HISTORY = [
    event("ChoiceStateEntered", 0, "Begin"),
    event("ChoiceStateExited", 0, "Begin"),
    event("TaskStateEntered", 1, "training"),
    event("TaskStateExited", 4, "training"),
    event("ChoiceStateEntered", 4, "After training"),
    event("ChoiceStateExited", 4, "After training"),
    event("TaskStateEntered", 5, "evaluation"),
]


@pytest.mark.parametrize(
    ("status", "evaluation", "after"),
    [
        ("RUNNING", "RUNNING", "PENDING"),
        ("FAILED", "FAILED", "PENDING"),
        ("TIMED_OUT", "FAILED", "PENDING"),
        ("ABORTED", "ABORTED", "PENDING"),
    ],
)
def test_states_of_stages(status: str, evaluation: str, after: str) -> None:
    """A stage that was passed over is skipped, a finished one succeeded, the last one has the execution's state."""
    stopped = None if status == "RUNNING" else START + timedelta(seconds=7)
    progress = stage_progress(HISTORY, status=status, stopped=stopped)
    assert {key: state.status for key, state in progress.items()} == {
        "preprocessing": "SKIPPED",
        "training": "SUCCEEDED",
        "evaluation": evaluation,
        "registration": after,
        "approval": after,
        "CreateModel": after,
        "batchTransform": after,
        "deployment": after,
        "monitoring": after,
    }
    now = START + timedelta(seconds=7)
    assert progress["training"].seconds(now) == 3
    assert progress["evaluation"].seconds(now) == 2
    assert progress["CreateModel"].seconds(now) is None


def test_stages_after_the_last_are_skipped_when_the_execution_succeeded() -> None:
    """If the execution succeeded, a stage that never ran was skipped."""
    history = [*HISTORY, event("TaskStateExited", 6, "evaluation")]
    progress = stage_progress(history, status="SUCCEEDED", stopped=START + timedelta(seconds=7))
    assert progress["batchTransform"].status == "SKIPPED"


def test_a_stage_of_several_states() -> None:
    """It starts with its first state, and ends when a state outside the stage is entered."""
    history = [
        *HISTORY,
        event("TaskStateExited", 6, "evaluation"),
        event("TaskStateEntered", 7, "registration: group"),
        event("TaskStateExited", 8, "registration: group"),
        event("TaskStateEntered", 8, "registration"),
        event("TaskStateExited", 9, "registration"),
    ]
    assert stage_progress(history, status="RUNNING")["registration"].status == "RUNNING"
    history.append(event("ChoiceStateEntered", 9, "After registration"))
    registration = stage_progress(history, status="RUNNING")["registration"]
    assert registration.status == "SUCCEEDED"
    assert registration.seconds(START) == 2


def test_a_stage_that_ends_the_execution_has_failed() -> None:
    """A Fail state belongs to its stage."""
    history = [
        *HISTORY,
        event("TaskStateExited", 6, "evaluation"),
        event("TaskStateEntered", 7, "approval"),
        event("TaskStateExited", 8, "approval"),
        event("FailStateEntered", 8, "approval: rejected"),
    ]
    progress = stage_progress(history, status="FAILED", stopped=START + timedelta(seconds=8))
    assert progress["approval"].status == "FAILED"
    assert progress["evaluation"].status == "SUCCEEDED"
    assert progress["deployment"].status == "PENDING"
    rejected = stage_progress(history, status="FAILED", error="ModelRejected")
    assert [rejected[key].status for key in ("evaluation", "approval")] == ["SUCCEEDED", "REJECTED"]
