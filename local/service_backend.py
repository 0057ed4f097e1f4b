"""Serves SageMaker, its runtime and Application Auto Scaling, which the emulator lacks, from this process.

The client is ``local.emulator_services``. It keeps one connection open for each task of a state machine until the
response. If a connection closes before, the execution was stopped or the emulator has died. The job is then stopped, as
Step Functions does with its ``.sync`` tasks on AWS
(https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-sync).
"""

import json
import select
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from functools import partial
from http import HTTPStatus
from typing import Any, Protocol

from sagemaker_local.aws_http_api import AwsRequestHandler
from sagemaker_local.errors import JobStopped, TaskFailed
from sagemaker_local.loopback import Server
from sagemaker_local.service import SageMaker

_TASK_PATH = "/task"
_CAUSE_LENGTH = 32_768
"""The maximum length of a cause in an execution's history, in characters (API_TaskFailedEventDetails)."""
_INTERVAL = 0.2
"""Seconds between two checks whether the emulator still waits for a job."""


class JobService(Protocol):
    """The part of :class:`sagemaker_local.service.SageMaker` that tasks of a state machine use."""

    def run(self, action: str, request: dict[str, Any]) -> dict[str, Any]:
        """Executes a request."""

    def stop_job(self, action: str, name: str) -> None:
        """Stops a job if it is running."""

    def stop(self) -> None:
        """Stops all running jobs."""


class ServiceBackend:
    """A server on the loopback interface for one emulator.

    Args:
        key: the key that requests must carry; see ``sagemaker_local.guard``.
    """

    def __init__(self, *, key: str) -> None:
        self.attached: JobService | None = None
        self.stopping = False

        class Bound(_RequestHandler):
            services = self

        self._server = Server(Bound, key=key)
        self.url = self._server.url
        self.task_url = self.url + _TASK_PATH
        """The URL for tasks of state machines."""

    def attach(self, service: JobService) -> None:
        """Sets the service that answers requests."""
        self.attached = service

    def stop(self) -> None:
        """Stops the jobs without failing their tasks, which end with the emulator."""
        self.stopping = True
        if self.attached is not None:
            self.attached.stop()

    def close(self) -> None:
        """Stops listening."""
        self._server.close()


class _RequestHandler(AwsRequestHandler):
    services: ServiceBackend

    def answer(self, body: bytes) -> None:
        """Answers a task of a state machine, or a request of an AWS SDK."""
        attached = self.services.attached
        if attached is None:
            self.reply(HTTPStatus.SERVICE_UNAVAILABLE, b"no SageMaker has been attached to the emulator", {})
        elif self.path == _TASK_PATH:
            self._run(attached, **json.loads(body))
        elif isinstance(attached, SageMaker):
            self.sagemaker = attached
            super().answer(body)
        else:
            self.reply(HTTPStatus.NOT_IMPLEMENTED, b"the attached SageMaker does not answer SDKs", {})

    def _run(self, service: JobService, *, action: str, request: dict[str, Any], waits: bool, sdk: bool) -> None:
        if waits:
            answer = self._run_job(service, action, request)
        elif isinstance(service, SageMaker):
            answer = self._outcome(partial(service.call, sdk=sdk), action, request)
        else:
            answer = self._outcome(service.run, action, request)
        self.close_connection = True
        self.reply(HTTPStatus.OK, json.dumps(answer).encode(), {"Content-Type": "application/json"})

    def _run_job(self, service: JobService, action: str, request: dict[str, Any]) -> dict[str, Any]:
        """Runs a job; stops it if the emulator hangs up, repeatedly, since the job may not exist yet."""
        answer: Future[dict[str, Any]] = Future()

        def run() -> None:
            answer.set_result(self._outcome(service.run, action, request))

        threading.Thread(target=run, daemon=True).start()
        line = select.poll()
        line.register(self.connection, select.POLLIN)
        while not wait([answer], timeout=_INTERVAL).done:
            if line.poll(0):  # the emulator sends nothing more, so it has hung up
                service.stop_job(action, str(request.get(f"{action.removeprefix('create')}Name")))
        return answer.result()

    def _outcome(
        self, run: Callable[[str, dict[str, Any]], dict[str, Any]], action: str, request: dict[str, Any]
    ) -> dict[str, Any]:
        try:
            return {"result": run(action, request)}
        except TaskFailed as failure:
            if isinstance(failure, JobStopped) and self.services.stopping:
                return {"stopped": True}
            return {"error": failure.error, "cause": failure.cause[:_CAUSE_LENGTH]}
        except Exception as error:  # noqa: BLE001 - without an error, the execution would wait for ever
            return {"error": "Local.InternalError", "cause": repr(error)[:_CAUSE_LENGTH]}
