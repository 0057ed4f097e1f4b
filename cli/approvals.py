"""Requests for a person's approval: an execution that waits with a task token, kept in a DynamoDB table.

An item of the table: ``execution`` (the execution's name), ``token``, ``requested`` (ISO 8601), ``answer_by`` (epoch
seconds) and ``request`` (JSON: what the person is to judge by). Once answered it has ``decision``, ``by``, ``at`` and
``reason`` too.
"""

import json
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from cli.errors import CommandError

APPROVED, REJECTED = "Approved", "Rejected"

_RUNNING = "RUNNING"
_CLOSED = {"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"}
"""What SendTaskSuccess says of a token that has been used or whose time is up
(https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html)."""
_MISSING = {"ExecutionDoesNotExist", "InvalidArn", "ValidationException"}
_OTHER_ANSWER_SECONDS = 3.0
"""How long another person's answer may take from Step Functions to the table."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A person's decision, as it reaches the execution."""

    decision: str
    """``Approved`` or ``Rejected``."""
    by: str
    """The ARN of who decided."""
    at: str
    """When, in ISO 8601, UTC."""
    reason: str


class Approvals:
    """The requests of one deployment.

    Args:
        step_functions: a client.
        dynamodb: a client.
        table: the name of the table of requests.
        state_machine: the ARN of the state machine whose executions ask.
    """

    def __init__(self, *, step_functions: Any, dynamodb: Any, table: str, state_machine: str) -> None:
        self._step_functions = step_functions
        self._dynamodb = dynamodb
        self._table = table
        self._executions = state_machine.replace(":stateMachine:", ":execution:") + ":"
        self._machine_name = state_machine.rpartition(":")[2]

    def name_of(self, execution: str) -> str:
        """The name of an execution given by its name or its ARN.

        Raises:
            CommandError: the ARN is that of another state machine's execution.
        """
        if not execution.startswith("arn:"):
            return execution
        if not execution.startswith(self._executions):
            raise CommandError(
                f"{execution} is not an execution of the state machine {self._machine_name}; "
                "name the stack that it belongs to: --stack NAME"
            )
        return execution.removeprefix(self._executions)

    def answer(self, name: str, answer: Answer) -> dict[str, Any]:
        """Gives the execution the answer that it waits for, and notes it in the table.

        Args:
            name: the execution's.
            answer: the decision.

        Returns:
            What the execution asked with: metrics, champion, report, model package.

        Raises:
            CommandError: there is no such request, or it has been answered or has ended.
            ClientError: AWS refuses.
        """
        item = self._item(name)
        execution = self._execution(name)
        if item is None:
            raise CommandError(_no_request(name, execution, self._machine_name))
        if "decision" in item:
            raise CommandError(_answered(name, item))
        if execution is not None and execution["status"] != _RUNNING:
            raise CommandError(_ended(name, execution))
        try:
            self._step_functions.send_task_success(taskToken=item["token"], output=json.dumps(asdict(answer)))
        except ClientError as error:
            if error.response["Error"]["Code"] not in _CLOSED:
                raise
            raise CommandError(self._why_closed(name, item)) from error
        self._note(name, answer)
        content = json.loads(item.get("request", "{}"))
        return content if isinstance(content, dict) else {}

    def _item(self, name: str) -> dict[str, str] | None:
        found = self._dynamodb.get_item(TableName=self._table, Key={"execution": {"S": name}}, ConsistentRead=True)
        if "Item" not in found:
            return None
        return {key: str(value) for key, typed in found["Item"].items() for value in typed.values()}

    def _execution(self, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._step_functions.describe_execution(executionArn=self._executions + name)
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                return None
            raise
        return found

    def _why_closed(self, name: str, item: dict[str, str]) -> str:
        """Why the token is not taken: somebody else was quicker, or nobody was quick enough."""
        deadline = time.monotonic() + _OTHER_ANSWER_SECONDS
        while time.monotonic() < deadline:
            execution, now = self._execution(name), self._item(name) or {}
            if "decision" in now:
                return _answered(name, now)
            if execution is not None and execution["status"] != _RUNNING:
                return _ended(name, execution)
            if time.time() > float(item.get("answer_by", "inf")):
                until = datetime.fromtimestamp(float(item["answer_by"]), UTC)
                return f"the request of {name} ended at {_text(until)}: TIMED_OUT; nobody had answered by then"
            time.sleep(_OTHER_ANSWER_SECONDS / 10)
        return f"the request of {name} is closed; the execution goes on, and its history says why"

    def _note(self, name: str, answer: Answer) -> None:
        fields = asdict(answer)
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key={"execution": {"S": name}},
                # Without it an item that has just expired would come back as a fragment.
                ConditionExpression="attribute_exists(#execution)",
                UpdateExpression="SET " + ", ".join(f"#{field} = :{field}" for field in fields),
                ExpressionAttributeNames={"#execution": "execution"} | {f"#{field}": field for field in fields},
                ExpressionAttributeValues={f":{field}": {"S": value} for field, value in fields.items()},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return  # the request is gone from the table; the answer is in the execution's output all the same
            raise CommandError(
                f"{name} has got the answer {answer.decision}, but the table {self._table} took no note: {error}"
            ) from error


def _no_request(name: str, execution: dict[str, Any] | None, machine: str) -> str:
    if execution is None:
        return f"there is no execution {name} of the state machine {machine}; is the name right, and the --stack?"
    if execution["status"] == _RUNNING:
        return f"the execution {name} is RUNNING and does not wait for an approval, or not yet"
    return f"the execution {name} asks for no approval; it ended at {_text(execution['stopDate'])}: {_how(execution)}"


def _answered(name: str, item: dict[str, str]) -> str:
    reason = item.get("reason") or "no reason given"
    return f"execution {name} was already {item['decision']} by {item.get('by')} at {item.get('at')} ({reason})"


def _ended(name: str, execution: dict[str, Any]) -> str:
    return f"the request of {name} ended at {_text(execution['stopDate'])}: {_how(execution)}"


def _how(execution: dict[str, Any]) -> str:
    return f"{execution['status']} {execution.get('error', '')}".rstrip()


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
