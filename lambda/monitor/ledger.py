"""The table of windows: for each endpoint where the last one ended, and what was decided. Each window counts once."""

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from monitor.decision import Decision, Past
from monitor.errors import ServiceError

_UNCHANGED = "#ends = :after"
_FIRST = "attribute_not_exists(#ends)"


class Ledger:
    """One endpoint's entry.

    Args:
        dynamodb: the client.
        table: the table's name.
        endpoint: the endpoint's name.
    """

    def __init__(self, dynamodb: Any, *, table: str, endpoint: str) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._key: Any = {"endpoint": {"S": endpoint}}
        found: Any = dynamodb.get_item(TableName=table, Key=self._key, ConsistentRead=True).get("Item", {})
        self._entry: dict[str, str] = {name: next(iter(value.values())) for name, value in found.items()}

    @property
    def ends(self) -> str:
        """Where the last window ended, in ISO 8601; empty before the first one."""
        return self._entry.get("ends", "")

    @property
    def execution(self) -> str:
        """The name of the execution that counted the last window."""
        return self._entry.get("execution", "")

    @property
    def decision(self) -> Decision:
        """What was decided after the last window."""
        return Decision(**json.loads(self._entry["decision"]))

    def past(self, version: str) -> Past:
        """What is known of the version's earlier windows."""
        retrained = self._entry.get("retrained")
        return Past(
            drifted=int(self._entry["drifted"]) if self._entry.get("version") == version else 0,
            retrained=datetime.fromisoformat(retrained) if retrained else None,
        )

    def count(self, window: dict[str, Any], execution: str, decision: Decision, *, now: datetime) -> None:
        """Counts a window, unless another execution has counted one since this one was opened.

        Raises:
            ServiceError: another execution has; a retry finds its entry.
        """
        entry: dict[str, Any] = {
            "ends": {"S": window["ends"]},
            "version": {"S": window["version"]},
            "execution": {"S": execution},
            "drifted": {"N": str(decision.drifted)},
            "decision": {"S": json.dumps(asdict(decision))},
            **({"retrained": {"S": now.isoformat()}} if decision.retrain else {}),
        }
        after: dict[str, Any] = {":after": {"S": window["after"]}} if window["after"] else {}
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=self._key,
                UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in entry),
                ConditionExpression=_UNCHANGED if after else _FIRST,
                ExpressionAttributeNames={f"#{name}": name for name in entry},
                ExpressionAttributeValues={f":{name}": value for name, value in entry.items()} | after,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            raise ServiceError("another execution has just counted a window of this endpoint") from error
