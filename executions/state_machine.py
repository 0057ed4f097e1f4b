"""Finds, lists and describes the executions of one state machine."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from executions.errors import ExecutionsError
from executions.history import data_so_far

LATEST = "latest"
"""Names the execution that started last."""

_MISSING = {"ExecutionDoesNotExist", "InvalidArn", "ValidationException"}
_PAGE = 1000
"""The most events that one GetExecutionHistory returns
(https://docs.aws.amazon.com/step-functions/latest/apireference/API_GetExecutionHistory.html)."""

_SEARCHED = 1000
"""How many executions to search for a prefix."""

_RECENT = 100
"""How many executions to search for the latest one; one call lists as many."""

_NAMED = 5
"""The maximum number of candidates in an error message."""

_LAST = 8
"""How many events to read at a time; these most likely include the start of the last state."""


@dataclass(frozen=True, kw_only=True)
class Executions:
    """Finds, lists and describes the executions of a state machine."""

    step_functions: Any
    """A client."""
    state_machine: str
    """Its ARN."""

    def arn(self, execution: str) -> str:
        """Returns the ARN of an execution given by its name or its ARN.

        Raises:
            ExecutionsError: it is the ARN of another state machine's execution.
        """
        prefix = self.state_machine.replace(":stateMachine:", ":execution:") + ":"
        if execution.startswith(prefix):
            return execution
        if execution.startswith("arn:"):
            machine = self.state_machine.rpartition(":")[2]
            raise ExecutionsError(
                f"{execution} is not an execution of the state machine {machine}; "
                "name the stack that it belongs to: --stack NAME"
            )
        return prefix + execution

    def describe(self, execution: str) -> dict[str, Any]:
        """Describes an execution given by its name, a unique prefix of it, its ARN, or ``latest``.

        Raises:
            ExecutionsError: there is no such execution, the prefix is ambiguous, or it belongs to another state
                machine.
        """
        if execution == LATEST:
            recent = list(self.all(limit=_RECENT))
            if not recent:
                raise ExecutionsError("there is no execution yet; start one: mlops start")
            return self._described(max(recent, key=lambda found: found["startDate"])["executionArn"])
        return self.find(execution) or self._described(self._only_one(execution))

    def find(self, execution: str) -> dict[str, Any] | None:
        """Describes an execution given by its whole name or its ARN; returns None if there is none.

        Raises:
            ExecutionsError: it is the ARN of another state machine's execution.
        """
        try:
            return self._described(self.arn(execution))
        except ClientError as error:
            if error.response["Error"]["Code"] not in _MISSING:
                raise
            return None

    def _described(self, arn: str) -> dict[str, Any]:
        found: dict[str, Any] = self.step_functions.describe_execution(executionArn=arn)
        return found

    def _only_one(self, prefix: str) -> str:
        """Returns the ARN of the only execution, among the newest, whose name has this prefix."""
        found = {
            str(execution["name"]): str(execution["executionArn"])
            for execution in self.all(limit=_SEARCHED)
            if prefix and execution["name"].startswith(prefix)
        }
        if len(found) == 1:
            return next(iter(found.values()))
        machine = self.state_machine.rpartition(":")[2]
        if not found:
            raise ExecutionsError(
                f"there is no execution {prefix.rpartition(':')[2]} of the state machine {machine}; "
                "list them: mlops runs"
            )
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        raise ExecutionsError(
            f"{len(found)} executions of the state machine {machine} begin with {prefix}: "
            f"{', '.join(list(found)[:_NAMED])}{more}; use a longer prefix"
        )

    def all(self, *, status: str | None = None, limit: int | None = None) -> Iterator[dict[str, Any]]:
        """Yields the executions as ListExecutions returns and sorts them: running ones by start, others by end.

        (https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html)

        Args:
            status: list only those with this status.
            limit: the maximum number.
        """
        pages = self.step_functions.get_paginator("list_executions").paginate(
            stateMachineArn=self.state_machine, **({"statusFilter": status} if status else {})
        )
        return islice((execution for page in pages for execution in page["executions"]), limit)

    def history(self, arn: str) -> list[dict[str, Any]]:
        """Returns the whole history of an execution, oldest first, without its states' data.

        Args:
            arn: the execution's ARN.
        """
        return list(self._events(arn, includeExecutionData=False, PaginationConfig={"PageSize": _PAGE}))

    def data(self, execution: dict[str, Any]) -> dict[str, Any]:
        """Returns the latest data of an execution; see :func:`executions.history.data_so_far`.

        Args:
            execution: as DescribeExecution returns it.
        """
        arn = execution["executionArn"]
        # A state's data may have 256 KB, and only the last state's is needed.
        newest_first = self._events(arn, reverseOrder=True, PaginationConfig={"PageSize": _LAST})
        return data_so_far(execution, newest_first)

    def _events(self, arn: str, **options: Any) -> Iterator[dict[str, Any]]:
        pages = self.step_functions.get_paginator("get_execution_history").paginate(executionArn=arn, **options)
        return (event for page in pages for event in page["events"])
