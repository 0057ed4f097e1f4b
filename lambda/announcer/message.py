"""Formats the announcement of a failed execution. Needs no AWS."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.consoles import CONSOLES
from pipeline.limits import SNS_SUBJECT_LENGTH
from pipeline.refusals import as_refused
from pipeline.stages import stage_of_state

_CAUSE_LENGTH = 4000
"""Characters, of up to 32,768, so that readers still see the link below the cause."""


def failed_state(newest_first: Iterable[Mapping[str, Any]]) -> str | None:
    """Returns the name of the last state that an execution entered, or None.

    Args:
        newest_first: events of its history.
    """
    entered = (event.get("stateEnteredEventDetails") for event in newest_first)
    return next((details["name"] for details in entered if details), None)


def subject(execution: Mapping[str, Any], state: str | None) -> str:
    """Returns one line of ASCII, as SNS requires.

    Args:
        execution: DescribeExecution's response.
        state: the state in which it ended.
    """
    place = f" in {_stage(state)}" if state else ""
    line = f"{execution['status']}{place}: {execution['name']}"
    return "".join(character if " " <= character <= "~" else "?" for character in line)[:SNS_SUBJECT_LENGTH]


def message(execution: Mapping[str, Any], state: str | None) -> str:
    """Returns the text: name, status, stage, error, cause, link and what to do next.

    Args:
        execution: DescribeExecution's response.
        state: the state in which it ended.
    """
    arn = execution["executionArn"]
    error, cause = as_refused(execution.get("error") or "-", execution.get("cause") or "-")
    lines = {
        "Execution": execution["name"],
        "Status": execution["status"],
        "Stage": f"{_stage(state)} (state {state})" if state else "none entered",
        "Error": error,
        "Cause": _cause(cause),
        "Started": execution["startDate"].isoformat(timespec="seconds"),
        "Ended": execution["stopDate"].isoformat(timespec="seconds") if execution.get("stopDate") else "-",
        "Console": _console(arn),
        "Resume": f"aws stepfunctions redrive-execution --execution-arn {arn}",
    }
    return "\n".join(f"{key + ':':<11}{value}" for key, value in lines.items()) + "\n"


def _stage(state: str | None) -> str:
    return (stage_of_state(state) if state else None) or "no stage"


def _cause(cause: str) -> str:
    """Returns just the failure reason if the cause is a job's whole description, as for ``.sync`` tasks."""
    try:
        reason = json.loads(cause)["FailureReason"]
    except (ValueError, KeyError, TypeError):
        reason = cause
    return str(reason)[:_CAUSE_LENGTH]


def _console(arn: str) -> str:
    _, partition, _, region, *_ = arn.split(":")
    host = CONSOLES.get(partition, CONSOLES["aws"])
    return f"https://{region}.{host}/states/home?region={region}#/v2/executions/details/{arn}"
