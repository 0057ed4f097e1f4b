"""Answers requests for a person's approval, which a DynamoDB table keeps with the execution's task token.

An item of the table: ``execution`` (the execution's name), ``token``, ``requested`` (ISO 8601), ``answer_by`` (epoch
seconds) and ``request`` (JSON: what the decision is based on). A conditional write of ``decision``, ``by``, ``at`` and
``reason`` lets exactly one answer win, and only what the item has is sent to the execution. So the table and the
execution agree, however many people answer at the same time.
"""

import json
import time
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from cli.errors import CommandError
from executions.state_machine import Executions
from executions.text import iso

APPROVED, REJECTED = "Approved", "Rejected"

_RUNNING = "RUNNING"
_CLOSED = {"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"}
"""The errors of SendTaskSuccess for a token that was used or has expired
(https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html)."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A person's decision, as sent to the execution."""

    decision: str
    """``Approved`` or ``Rejected``."""
    by: str
    """The caller's ARN."""
    at: str
    """The time, in ISO 8601, UTC."""
    reason: str


_ANSWER = tuple(field.name for field in fields(Decision))


class Approvals:
    """The approval requests of one deployment.

    Args:
        step_functions: a client.
        dynamodb: a client.
        table: the name of the table of requests.
        state_machine: the ARN of the state machine.
    """

    def __init__(self, *, step_functions: Any, dynamodb: Any, table: str, state_machine: str) -> None:
        self._step_functions = step_functions
        self._dynamodb = dynamodb
        self._table = table
        self._executions = Executions(step_functions=step_functions, state_machine=state_machine)

    def answer(self, execution: dict[str, Any], answer: Decision) -> dict[str, Any]:
        """Records the decision, and sends it to the execution.

        If the table has an answer with the same decision that never reached the execution, that one is sent.

        Args:
            execution: as DescribeExecution returns it.
            answer: the decision.

        Returns:
            The execution's request: metrics, champion, report, model package.

        Raises:
            CommandError: there is no request, or it was answered or has ended.
            ClientError: AWS rejects a call.
        """
        name = str(execution["name"])
        item = self._item(name)
        if item is None:
            raise CommandError(_no_request(name, execution))
        if execution["status"] != _RUNNING:
            raise CommandError(_answered(name, item) if "decision" in item else _ended(name, execution))
        if "decision" not in item:
            item = self._claim(name, answer) or item
        if (item.get("by"), item.get("at"), item.get("decision")) == (answer.by, answer.at, answer.decision):
            self._send(name, item)
        elif not (item.get("decision") == answer.decision and self._sent(item)):
            raise CommandError(_answered(name, item))
        content = json.loads(item.get("request", "{}"))
        return content if isinstance(content, dict) else {}

    def _claim(self, name: str, answer: Decision) -> dict[str, str]:
        """Writes the answer to the request unless it has one. Returns the request as it is now.

        Raises:
            CommandError: the request has expired from the table.
        """
        given = asdict(answer)
        try:
            written = self._dynamodb.update_item(
                TableName=self._table,
                Key={"execution": {"S": name}},
                # Without the first condition, an item that has just expired would be recreated as a fragment.
                ConditionExpression="attribute_exists(#execution) AND attribute_not_exists(#decision)",
                UpdateExpression="SET " + ", ".join(f"#{field} = :{field}" for field in given),
                ExpressionAttributeNames={"#execution": "execution"} | {f"#{field}": field for field in given},
                ExpressionAttributeValues={f":{field}": {"S": value} for field, value in given.items()},
                ReturnValues="ALL_NEW",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
        else:
            return _plain(written["Attributes"])
        item = self._item(name)
        if item is None:
            raise CommandError(f"the request of {name} has just expired from the table {self._table}")
        return item

    def _send(self, name: str, item: dict[str, str]) -> None:
        """Sends our own answer; withdraws it if the execution ended, or stopped waiting, without any.

        Raises:
            CommandError: the answer came too late.
        """
        if self._sent(item):
            return
        execution = self._executions.find(name)
        if execution is not None and execution["status"] == "ABORTED":
            why = _ended(name, execution)
        elif time.time() > float(item.get("answer_by", "inf")):
            until = datetime.fromtimestamp(float(item["answer_by"]), UTC)
            why = f"the request of {name} ended at {iso(until)}: TIMED_OUT; nobody had answered by then"
        else:
            return  # somebody with the same decision found our answer in the table and sent it
        self._withdraw(name, item)
        raise CommandError(why)

    def _sent(self, item: dict[str, str]) -> bool:
        """Sends the answer in the table. Returns False if the execution no longer waits for one."""
        output = json.dumps({field: item[field] for field in _ANSWER})
        try:
            self._step_functions.send_task_success(taskToken=item["token"], output=output)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _CLOSED:
                raise
            return False
        return True

    def _withdraw(self, name: str, item: dict[str, str]) -> None:
        """Removes our answer, which never reached the execution, from the table."""
        names = {f"#{field}": field for field in _ANSWER}
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key={"execution": {"S": name}},
                ConditionExpression="#by = :by AND #at = :at",
                UpdateExpression="REMOVE " + ", ".join(names),
                ExpressionAttributeNames=names,
                ExpressionAttributeValues={f":{field}": {"S": item[field]} for field in ("by", "at")},
            )
        except ClientError as error:
            # Otherwise the request itself has expired.
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise

    def _item(self, name: str) -> dict[str, str] | None:
        found = self._dynamodb.get_item(TableName=self._table, Key={"execution": {"S": name}}, ConsistentRead=True)
        if "Item" not in found:
            return None
        return _plain(found["Item"])


def _plain(item: dict[str, Any]) -> dict[str, str]:
    """Strips the types from a DynamoDB item."""
    return {key: str(value) for key, typed in item.items() for value in typed.values()}


def _no_request(name: str, execution: dict[str, Any]) -> str:
    if execution["status"] == _RUNNING:
        return f"the execution {name} is RUNNING and does not wait for an approval, or not yet"
    return f"the execution {name} asks for no approval; it ended at {iso(execution['stopDate'])}: {_how(execution)}"


def _answered(name: str, item: dict[str, str]) -> str:
    reason = item.get("reason") or "no reason given"
    return f"execution {name} was already {item['decision']} by {item.get('by')} at {item.get('at')} ({reason})"


def _ended(name: str, execution: dict[str, Any]) -> str:
    return f"the request of {name} ended at {iso(execution['stopDate'])}: {_how(execution)}"


def _how(execution: dict[str, Any]) -> str:
    return f"{execution['status']} {execution.get('error', '')}".rstrip()
