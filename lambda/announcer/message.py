"""What people are told of an execution that did not succeed. Pure: no AWS."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.refusals import as_refused
from pipeline.stages import stage_of_state

_SUBJECT_LENGTH = 100
"""Characters that SNS takes: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html"""

_CAUSE_LENGTH = 4000
"""Of the at most 32,768 characters of a cause, so that a reader sees the link below it."""

_CONSOLES = {"aws-cn": "console.amazonaws.cn", "aws-us-gov": "console.amazonaws-us-gov.com"}
"""Hosts of the console in the partitions that have another one than ``console.aws.amazon.com``."""


def failed_state(newest_first: Iterable[Mapping[str, Any]]) -> str | None:
    """The name of the state that an execution has entered last; None where it has entered none.

    Args:
        newest_first: events of its history.
    """
    entered = (event.get("stateEnteredEventDetails") for event in newest_first)
    return next((details["name"] for details in entered if details), None)


def subject(execution: Mapping[str, Any], state: str | None) -> str:
    """One line of ASCII, as SNS wants it.

    Args:
        execution: as DescribeExecution has it.
        state: where it has ended.
    """
    place = f" in {_stage(state)}" if state else ""
    line = f"{execution['status']}{place}: {execution['name']}"
    return "".join(character if " " <= character <= "~" else "?" for character in line)[:_SUBJECT_LENGTH]


def message(execution: Mapping[str, Any], state: str | None) -> str:
    """Name, status, stage, error, cause, link and what to do next.

    Args:
        execution: as DescribeExecution has it.
        state: where it has ended.
    """
    arn = execution["executionArn"]
    error, cause = as_refused(execution.get("error") or "-", execution.get("cause") or "-")
    lines = {
        "Execution": execution["name"],
        "Status": execution["status"],
        "Stage": f"{_stage(state)} (state {state})" if state else "none was entered",
        "Error": error,
        "Cause": _cause(cause),
        "Started": execution["startDate"].isoformat(timespec="seconds"),
        "Ended": execution["stopDate"].isoformat(timespec="seconds") if execution.get("stopDate") else "-",
        "Console": _console(arn),
        "Go on": f"aws stepfunctions redrive-execution --execution-arn {arn}",
    }
    return "\n".join(f"{key + ':':<11}{value}" for key, value in lines.items()) + "\n"


def _stage(state: str | None) -> str:
    return (stage_of_state(state) if state else None) or "no stage"


def _cause(cause: str) -> str:
    """The reason alone where the cause is a job's whole description, as that of a ``.sync`` task is."""
    try:
        reason = json.loads(cause)["FailureReason"]
    except (ValueError, KeyError, TypeError):
        reason = cause
    return str(reason)[:_CAUSE_LENGTH]


def _console(arn: str) -> str:
    _, partition, _, region, *_ = arn.split(":")
    host = _CONSOLES.get(partition, "console.aws.amazon.com")
    return f"https://{region}.{host}/states/home?region={region}#/v2/executions/details/{arn}"
