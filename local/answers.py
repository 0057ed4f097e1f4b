"""The task that waits for a person's answer, as Step Functions does it on AWS.

On AWS, the task puts the request with its token into a DynamoDB table and waits for as long as the input says. Here
the token is the activity's, and the time is kept by a timer.
"""

import threading
import time
from typing import Any

from botocore.exceptions import ClientError

_GONE = ("TaskDoesNotExist", "TaskTimedOut", "InvalidToken")
"""The error codes with which an answer is refused that comes too late."""


class Requests:
    """The open requests for an answer.

    Args:
        step_functions: a client of the emulator.
        dynamodb: another one.
    """

    def __init__(self, *, step_functions: Any, dynamodb: Any) -> None:
        self._step_functions = step_functions
        self._dynamodb = dynamodb

    def keep(self, request: dict[str, Any], *, token: str) -> None:
        """Puts a request into its table, and ends its task when nobody has answered in time.

        Args:
            request: PutItem's; its item has ``answer_by``, seconds since the epoch.
            token: the task's.
        """
        item = request["Item"] | {"token": {"S": token}}
        self._dynamodb.put_item(**request | {"Item": item})
        timer = threading.Timer(float(item["answer_by"]["N"]) - time.time(), self._give_up, (token,))
        timer.daemon = True
        timer.start()

    def _give_up(self, token: str) -> None:
        try:
            self._step_functions.send_task_failure(taskToken=token, error="States.Timeout", cause="nobody answered")
        except ClientError as error:
            if error.response["Error"]["Code"] not in _GONE:
                raise
