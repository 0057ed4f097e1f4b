"""What the emulator lacks, served on this machine as Step Functions activities.

SageMaker and its runtime, Application Auto Scaling, S3 as the state machine reads it, and the task that waits for a
person's answer for as long as the input says (the emulator takes no expression for a task's time). The deployed
definition is changed in this one place only, and only in the ``Resource`` of those tasks.
"""

import copy
import json
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from local.answers import Requests
from local.jobs import JobFailed, JobStopped
from local.tasks import Tasks

WAITING = "aws-sdk:dynamodb:putItem.waitForTaskToken"

_INTEGRATION = re.compile(
    r"arn:[\w-]+:states:::"
    rf"((?:aws-sdk:)?sagemaker:.+|aws-sdk:(?:sagemakerruntime|applicationautoscaling|s3):.+|{re.escape(WAITING)})"
)
_ACTIVITY = re.compile(r"arn:[\w-]+:states:[\w-]+:\d+:activity:(.+)")
_SPELT = {":": "--", ".": "__"}
"""How an integration is spelt in an activity's name: a colon may not be there, and by what comes after a point the
emulator would take the activity for the integration itself."""
_CAUSE_LENGTH = 32_768
_PAUSE = 0.5
"""Seconds before the emulator is asked again after it did not answer."""


def integrations(definition: dict[str, Any]) -> list[str]:
    """The integrations of the definition that are served here, such as ``sagemaker:createTrainingJob.sync``."""
    found = (_integration(state.get("Resource", "")) for state in definition["States"].values())
    return sorted({name for name in found if name})


def with_activities(definition: dict[str, Any], arns: dict[str, str]) -> dict[str, Any]:
    """The definition with the ARN of an activity in place of each integration that is served here.

    Args:
        definition: the deployed definition, left as it is.
        arns: the ARN of the activity for each of :func:`integrations`.
    """
    changed = copy.deepcopy(definition)
    for state in changed["States"].values():
        name = _integration(state.get("Resource", ""))
        if name:
            state["Resource"] = arns[name]
    return changed


def _integration(resource: str) -> str | None:
    """The integration that a task's resource is, or that the activity in its place stands for."""
    if match := _ACTIVITY.fullmatch(resource):
        return _respelt(match[1], {spelt: sign for sign, spelt in _SPELT.items()})
    match = _INTEGRATION.fullmatch(resource)
    return match[1] if match else None


def _respelt(name: str, signs: dict[str, str]) -> str:
    for sign, other in signs.items():
        name = name.replace(sign, other)
    return name


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
        tasks: where the open tasks are kept, so that the worker after this one takes them up; None: nowhere.
    """

    def __init__(
        self, *, step_functions: Any, dynamodb: Any, sagemaker: JobService, tasks: Tasks | None = None
    ) -> None:
        self._step_functions = step_functions
        self._requests = Requests(step_functions=step_functions, dynamodb=dynamodb)
        self._sagemaker = sagemaker
        self._tasks = tasks
        self._stopped = threading.Event()
        self._activities: dict[str, str] = {}

    def serve(self, state_machine_arn: str) -> None:
        """Changes the state machine to use activities, and serves them until :meth:`stop`.

        Call it again when the state machine has been deployed anew: what is served already goes on.
        """
        described = self._step_functions.describe_state_machine(stateMachineArn=state_machine_arn)
        deployed = json.loads(described["definition"])
        arns = {
            integration: self._activity(_respelt(integration, _SPELT))
            for integration in integrations(deployed)
            if integration not in self._activities
        }
        self._activities |= arns
        self._step_functions.update_state_machine(
            stateMachineArn=state_machine_arn, definition=json.dumps(with_activities(deployed, self._activities))
        )
        for integration, arn in arns.items():
            threading.Thread(target=self._poll, args=(integration, arn), daemon=True).start()
        for integration, task in self._tasks.of_the_dead() if self._tasks else ():
            self._begin(self._take_up, integration, task)

    def stop(self) -> None:
        """Ends the jobs that run, and takes no more."""
        self._stopped.set()
        self._sagemaker.stop()
        if self._tasks:
            self._tasks.close()

    def _activity(self, name: str) -> str:
        """The ARN of the activity with this name, made if there is none: the emulator makes it once only."""
        try:
            return str(self._step_functions.create_activity(name=name)["activityArn"])
        except self._step_functions.exceptions.ActivityAlreadyExists:
            activities = self._step_functions.list_activities()["activities"]
            return next(str(activity["activityArn"]) for activity in activities if activity["name"] == name)

    def _take_up(self, integration: str, task: dict[str, Any]) -> None:
        """Does a task that a dead worker has left, if anybody still waits for it."""
        try:
            self._step_functions.send_task_heartbeat(taskToken=task["taskToken"])
        except self._step_functions.exceptions.TaskDoesNotExist:
            self._forget(task["taskToken"])
            return
        self._do(integration, task)

    def _poll(self, integration: str, arn: str) -> None:
        while not self._stopped.is_set():
            try:
                task = self._step_functions.get_activity_task(activityArn=arn)
            except (BotoCoreError, ClientError):
                self._stopped.wait(_PAUSE)
                continue
            if task.get("taskToken"):
                self._begin(self._do, integration, task)

    @staticmethod
    def _begin(work: Callable[[str, dict[str, Any]], None], integration: str, task: dict[str, Any]) -> None:
        """Has a task done in a thread of its own: one may take hours."""

        def run() -> None:
            # Nobody is told where the emulator has gone, or the execution has ended; the task is kept for the first.
            with suppress(BotoCoreError, ClientError):
                work(integration, task)

        threading.Thread(target=run, daemon=True).start()

    def _do(self, integration: str, task: dict[str, Any]) -> None:
        token, request = task["taskToken"], json.loads(task["input"])
        try:
            if self._tasks:
                self._tasks.add(integration, task)
            if integration == WAITING:
                self._requests.keep(request, token=token)
                return
            result = self._sagemaker.run(integration.rpartition(":")[2].removesuffix(".sync"), request)
        except JobStopped:
            # Its execution has been stopped, or we are. The emulator would take an answer for the execution's failure.
            if self._stopped.is_set():
                return
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
        self._forget(token)

    def _forget(self, token: str) -> None:
        if self._tasks:
            self._tasks.remove(token)
