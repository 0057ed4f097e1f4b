"""What the emulator lacks, served on this machine as Step Functions activities.

SageMaker and its runtime, Application Auto Scaling, S3 as the state machine reads it, and the task that waits for a
person's answer for as long as the input says (the emulator takes no expression for a task's time). The deployed
definition is changed in this one place only, and only in the ``Resource`` of those tasks.
"""

import copy
import json
import re
import threading
import time
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from local.answers import Requests
from local.jobs import JobFailed

WAITING = "aws-sdk:dynamodb:putItem.waitForTaskToken"

_INTEGRATION = re.compile(
    r"arn:[\w-]+:states:::"
    rf"((?:aws-sdk:)?sagemaker:.+|aws-sdk:(?:sagemakerruntime|applicationautoscaling|s3):.+|{re.escape(WAITING)})"
)
_CAUSE_LENGTH = 32_768
_POLLERS = 10
_POLL_INTERVAL = 0.5
"""Seconds between two looks of the emulator into an activity's queue; the pollers look in turn."""


def integrations(definition: dict[str, Any]) -> list[str]:
    """The integrations of the definition that are served here, such as ``sagemaker:createTrainingJob.sync``."""
    found = (_INTEGRATION.fullmatch(state.get("Resource", "")) for state in definition["States"].values())
    return sorted({match[1] for match in found if match})


def with_activities(definition: dict[str, Any], arns: dict[str, str]) -> dict[str, Any]:
    """The definition with the ARN of an activity in place of each integration that is served here.

    Args:
        definition: the deployed definition, left as it is.
        arns: the ARN of the activity for each of :func:`integrations`.
    """
    changed = copy.deepcopy(definition)
    for state in changed["States"].values():
        match = _INTEGRATION.fullmatch(state.get("Resource", ""))
        if match:
            state["Resource"] = arns[match[1]]
    return changed


class JobService(Protocol):
    """What the worker asks of :class:`local.jobs.SageMaker`."""

    def run(self, action: str, request: dict[str, Any]) -> dict[str, Any]:
        """Does what one request asks for."""

    def stop(self) -> None:
        """Stops every job that runs."""


class Worker:
    """Takes the tasks of the activities and has them done.

    Args:
        step_functions: a client of the emulator.
        dynamodb: another one; the requests for a person's answer are kept there.
        sagemaker: SageMaker's stand-in.
    """

    def __init__(self, *, step_functions: Any, dynamodb: Any, sagemaker: JobService) -> None:
        self._step_functions = step_functions
        self._requests = Requests(step_functions=step_functions, dynamodb=dynamodb)
        self._sagemaker = sagemaker
        self._stopped = threading.Event()
        self._activities: dict[str, str] = {}

    def serve(self, state_machine_arn: str) -> None:
        """Changes the state machine to use activities, and serves them until :meth:`stop`.

        Call it again when the state machine has been deployed anew: what is served already goes on.
        """
        described = self._step_functions.describe_state_machine(stateMachineArn=state_machine_arn)
        deployed = json.loads(described["definition"])
        arns = {
            integration: self._step_functions.create_activity(name=re.sub(r"\W", "-", integration))["activityArn"]
            for integration in integrations(deployed)
            if integration not in self._activities
        }
        self._activities |= arns
        self._step_functions.update_state_machine(
            stateMachineArn=state_machine_arn, definition=json.dumps(with_activities(deployed, self._activities))
        )
        for integration, arn in arns.items():
            for poller in range(_POLLERS):
                delay = poller * _POLL_INTERVAL / _POLLERS
                threading.Thread(target=self._poll, args=(integration, arn, delay), daemon=True).start()

    def stop(self) -> None:
        """Ends the jobs that run, and takes no more."""
        self._stopped.set()
        self._sagemaker.stop()

    def _poll(self, integration: str, arn: str, delay: float) -> None:
        time.sleep(delay)
        while not self._stopped.is_set():
            try:
                task = self._step_functions.get_activity_task(activityArn=arn)
                if task.get("taskToken"):
                    self._do(integration, task)
            except (BotoCoreError, ClientError):
                self._stopped.wait(_POLL_INTERVAL)

    def _do(self, integration: str, task: dict[str, Any]) -> None:
        token, request = task["taskToken"], json.loads(task["input"])
        try:
            if integration == WAITING:
                self._requests.keep(request, token=token)
                return
            result = self._sagemaker.run(integration.rpartition(":")[2].removesuffix(".sync"), request)
        except JobFailed as failure:
            self._step_functions.send_task_failure(
                taskToken=token, error=failure.error, cause=failure.cause[:_CAUSE_LENGTH]
            )
        except Exception as error:  # noqa: BLE001 - the execution must hear of a fault of ours, or it would wait
            self._step_functions.send_task_failure(
                taskToken=token, error="Local.InternalError", cause=repr(error)[:_CAUSE_LENGTH]
            )
        else:
            self._step_functions.send_task_success(taskToken=token, output=json.dumps(result))
