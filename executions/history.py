"""What an execution's history says beyond the progress of its stages. Pure; the same for AWS's and the emulator's."""

import json
from collections.abc import Iterable
from typing import Any

from executions.progress import FAILED, MODEL_REJECTED, REJECTED, StageProgress
from pipeline.refusals import as_refused

_NOT_FAILED = {"RUNNING", "SUCCEEDED"}


def data_so_far(execution: dict[str, Any], newest_first: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The execution's data as far as it came: its output, or what its last state was given, or its input.

    Args:
        execution: as DescribeExecution gives it.
        newest_first: its history in reverse order, with the execution's data; read no further than need be.
    """
    # The emulator gives an execution that failed an output too, which is not its data.
    if execution["status"] == "SUCCEEDED" and execution.get("output"):
        text = execution["output"]
    else:
        given = (_data(event) for event in newest_first)
        text = next((text for text in given if text), execution.get("input") or "{}")
    content = json.loads(text)
    return content if isinstance(content, dict) else {}


def _data(event: dict[str, Any]) -> str | None:
    return (event.get("stateEnteredEventDetails") or {}).get("input")


def outcome_word(execution: dict[str, Any]) -> str:
    """How people call the state of an execution: its status, or ``rejected`` if its model was.

    Args:
        execution: as DescribeExecution gives it.
    """
    return "rejected" if execution.get("error") == MODEL_REJECTED else str(execution["status"])


def failed_stage(progress: dict[str, StageProgress]) -> str | None:
    """The key of the stage that failed, or that rejected the model; None if there is none."""
    return next((key for key, stage in progress.items() if stage.status in {FAILED, REJECTED}), None)


def reason(execution: dict[str, Any]) -> tuple[str, str] | None:
    """The error and the reason with which an execution ended; None while it runs, or if it succeeded.

    Args:
        execution: as DescribeExecution gives it.
    """
    if execution["status"] in _NOT_FAILED:
        return None
    error, cause = as_refused(execution.get("error") or execution["status"], execution.get("cause") or "")
    return error, readable_cause(cause)


def readable_cause(cause: str) -> str:
    """The reason in an execution's cause.

    The cause of a failed job is SageMaker's description of it, as JSON; its ``FailureReason`` is the reason then, or
    its status, if it was stopped.
    """
    try:
        described = json.loads(cause)
    except ValueError:
        return cause
    if not isinstance(described, dict):
        return cause
    status = next((value for key, value in described.items() if key.endswith("JobStatus")), None)
    return str(described.get("FailureReason") or (f"the job's status is {status}" if status else cause))
