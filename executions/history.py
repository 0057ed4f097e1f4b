"""Reads an execution's data and the reason for its end. Pure; works on AWS's history and the emulator's."""

import json
from collections.abc import Iterable
from typing import Any

from executions.progress import FAILED, MODEL_REJECTED, REJECTED, StageProgress
from executions.text import printable, printable_lines
from pipeline.refusals import as_refused

_NOT_FAILED = {"RUNNING", "SUCCEEDED"}


def data_so_far(execution: dict[str, Any], newest_first: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Returns the latest data of an execution: its output, else its last state's input, else its own input.

    Args:
        execution: as DescribeExecution returns it.
        newest_first: its history in reverse order, with the execution's data; consumed only as far as necessary.
    """
    # The emulator gives failed executions an output too, which is not their data.
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
    """Returns the execution's status for people: ``rejected`` if its model was rejected.

    Args:
        execution: as DescribeExecution returns it.
    """
    return "rejected" if execution.get("error") == MODEL_REJECTED else str(execution["status"])


def failed_stage(progress: dict[str, StageProgress]) -> str | None:
    """Returns the key of the stage that failed or rejected the model; None if no stage did."""
    return next((key for key, stage in progress.items() if stage.status in {FAILED, REJECTED}), None)


def reason(execution: dict[str, Any]) -> tuple[str, str] | None:
    """Returns why an execution failed: the error and the reason, both printable; None if it has not failed.

    Args:
        execution: as DescribeExecution returns it.
    """
    if execution["status"] in _NOT_FAILED:
        return None
    error, cause = as_refused(execution.get("error") or execution["status"], execution.get("cause") or "")
    return printable(error), readable_cause(cause)


def readable_cause(cause: str) -> str:
    """Returns the reason in an execution's cause, printable.

    A failed job's cause is SageMaker's description of it, as JSON. The reason is its ``FailureReason`` or, if the job
    was stopped, its status.
    """
    return printable_lines(_reason_of(cause))


def _reason_of(cause: str) -> str:
    try:
        described = json.loads(cause)
    except ValueError:
        return cause
    if not isinstance(described, dict):
        return cause
    status = next((value for key, value in described.items() if key.endswith("JobStatus")), None)
    return str(described.get("FailureReason") or (f"the job's status is {status}" if status else cause))
