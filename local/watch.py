"""Watches one execution to its end, showing its stages and what its jobs print."""

import json
import shlex
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from executions.progress import RUNNING, SUCCEEDED, StageProgress, stage_progress
from local.display import Display
from local.job_files import JobFiles
from local.jobs import FinishedJob
from local.state import DEFAULT_FOLDER, State
from pipeline.refusals import as_refused

_INTERVAL = 0.25
_REQUEST_INTERVAL = 1.0
_PAGE = 1000
"""Events of a history that one call gives at most."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How an execution ended."""

    status: str
    name: str
    stages: dict[str, StageProgress]
    jobs: dict[str, FinishedJob]
    """The jobs that ran, by the key of their stage."""
    seconds: float
    stopped: datetime
    output: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    cause: str = ""


class Watch:
    """The eye on one execution.

    Args:
        state: the environment.
        arn: the execution's.
        display: shows it.
    """

    def __init__(self, state: State, arn: str, display: Display) -> None:
        self._state = state
        self._arn = arn
        self._display = display
        self._step_functions = state.connection.client("stepfunctions")
        self._requests = _OpenRequest(state, arn.rpartition(":")[2])
        self._files: JobFiles | None = None

    def to_the_end(self) -> Outcome:
        """Waits for the execution's end. Interrupted, it stops the execution, and the environment ends its job."""
        with self._display.stages():
            try:
                while True:
                    execution, progress, files = self._look()
                    if execution["status"] != RUNNING:
                        break
                    self._show_request()
                    time.sleep(_INTERVAL)
            except BaseException:
                self._stop()
                raise
        error, cause = as_refused(execution.get("error", ""), execution.get("cause", ""))
        return Outcome(
            status=execution["status"],
            name=execution["name"],
            stages=progress,
            jobs=files.finished(),
            seconds=(execution["stopDate"] - execution["startDate"]).total_seconds(),
            stopped=execution["stopDate"],
            output=self._last_data(execution),
            error=error,
            cause=cause,
        )

    def _last_data(self, execution: dict[str, Any]) -> dict[str, Any]:
        """The execution's output; of one that failed, what its last state was given: the results so far."""
        text = execution.get("output", "{}")
        if execution["status"] != SUCCEEDED:
            history = self._step_functions.get_execution_history(executionArn=self._arn, reverseOrder=True)
            entered = (event.get("stateEnteredEventDetails") for event in history["events"])
            text = next((details["input"] for details in entered if details and "input" in details), "{}")
        data: dict[str, Any] = json.loads(text)
        return data

    def _stop(self) -> None:
        """Stops the execution; the environment, if it lasts, ends its job."""
        with suppress(BotoCoreError, ClientError):  # an emulator that has gone has no execution either
            self._step_functions.stop_execution(
                executionArn=self._arn, error="Interrupted", cause="the user ended the run"
            )
            self._look()

    def _look(self) -> tuple[dict[str, Any], dict[str, StageProgress], JobFiles]:
        execution = self._step_functions.describe_execution(executionArn=self._arn)
        if self._files is None:
            self._files = JobFiles(
                logs=Path(self._state.folder) / "logs",
                content=json.loads(execution["input"]),
                execution=execution["name"],
                since=execution["startDate"].timestamp(),
            )
        self._files.show(self._display.log, ended=execution["status"] != RUNNING)
        pages = self._step_functions.get_paginator("get_execution_history").paginate(
            executionArn=self._arn, includeExecutionData=False, PaginationConfig={"PageSize": _PAGE}
        )
        events = (event for page in pages for event in page["events"])
        progress = stage_progress(events, status=execution["status"], stopped=execution.get("stopDate"))
        self._display.update(progress)
        return execution, progress, self._files

    def _show_request(self) -> None:
        name = self._requests.newly_open()
        if name is not None:
            folder = Path(self._state.folder)
            place = "" if folder == DEFAULT_FOLDER else f" --folder {shlex.quote(str(folder))}"
            self._display.waits_for_answer(name, options=f"--local{place}")


class _OpenRequest:
    """Looks whether the execution waits for a person's answer."""

    def __init__(self, state: State, execution: str) -> None:
        self._table = state.metadata.approval_table
        self._dynamodb = state.connection.client("dynamodb")
        self._execution = execution
        self._next = 0.0

    def newly_open(self) -> str | None:
        """The execution's name, once, when it begins to wait."""
        if self._table is None or time.monotonic() < self._next:
            return None
        self._next = time.monotonic() + _REQUEST_INTERVAL
        found = self._dynamodb.get_item(
            TableName=self._table, Key={"execution": {"S": self._execution}}, ConsistentRead=True
        )
        if "token" not in found.get("Item", {}) or "decision" in found["Item"]:
            return None
        self._table = None  # it is said once
        return self._execution
