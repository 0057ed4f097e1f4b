"""The table of windows: for each endpoint where the last one ended, and what was decided. Each window counts once.

Records and labels have moments of their own: those that were too few for a judgement wait for the next window.
"""

import json
from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from monitor.decision import Decision, Past
from monitor.errors import ServiceError

_UNCHANGED = "#execution = :counted"
_FIRST = "attribute_not_exists(#execution)"

RECORDS, LABELS = "records", "labels"
"""What can wait for the next window."""


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
    def ends(self) -> datetime | None:
        """Where the last window ended; None before the first one."""
        return datetime.fromisoformat(self._entry["ends"]) if "ends" in self._entry else None

    @property
    def labels(self) -> datetime | None:
        """When the last of the labels that were judged was written; None before the first ones."""
        return datetime.fromisoformat(self._entry["labels"]) if "labels" in self._entry else None

    @property
    def jobs(self) -> dict[str, datetime]:
        """When the batch transforms that were counted of late ended, by their names."""
        found: dict[str, str] = json.loads(self._entry.get("jobs", "{}"))
        return {name: datetime.fromisoformat(ended) for name, ended in found.items()}

    @property
    def version(self) -> str:
        """ARN of the version of the last window; empty before the first one."""
        return self._entry.get("version", "")

    @property
    def execution(self) -> str:
        """The name of the execution that counted the last window; empty before the first one."""
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

    def count(
        self, window: dict[str, Any], execution: str, decision: Decision, *, waiting: Collection[str], now: datetime
    ) -> None:
        """Counts a window, unless another execution has counted one since this one was opened.

        Args:
            window: as it was opened.
            execution: the name of the execution.
            decision: what was decided.
            waiting: ``records`` or ``labels``, if there were too few of them: the next window has them, too.
            now: aware.

        Raises:
            ServiceError: another execution has; a retry finds its entry.
        """
        entry: dict[str, Any] = {
            "ends": {"S": window["begins" if RECORDS in waiting else "ends"]},
            **({} if RECORDS in waiting else {"jobs": {"S": json.dumps(window["jobs"])}}),
            "labels": {"S": window["labels_begin" if LABELS in waiting else "labels_end"]},
            "version": {"S": window["version"]},
            "execution": {"S": execution},
            "drifted": {"N": str(decision.drifted)},
            "decision": {"S": json.dumps(asdict(decision))},
            **({"retrained": {"S": now.isoformat()}} if decision.retrain else {}),
        }
        counted: dict[str, Any] = {":counted": {"S": window["counted"]}} if window["counted"] else {}
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=self._key,
                UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in entry),
                ConditionExpression=_UNCHANGED if counted else _FIRST,
                ExpressionAttributeNames={f"#{name}": name for name in entry},
                ExpressionAttributeValues={f":{name}": value for name, value in entry.items()} | counted,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            raise ServiceError("another execution has just counted a window of this endpoint") from error
