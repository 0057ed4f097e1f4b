"""Adds SageMaker, its runtime and Application Auto Scaling to the emulator, in the emulator's process.

It forwards tasks of state machines and requests of AWS SDKs to the environment's process, to
:mod:`local.service_backend`. It hooks into ministack in four places: the table of optimized integrations, which takes
precedence over that of AWS SDK integrations; the tables of services, for requests to its port; the function that
executes a task, which does not support expressions in ``TimeoutSeconds``; and the function that stops an execution,
which leaves the task running.

It also holds back CloudFormation's description of a changing stack until the change is complete (``settled``), names
a Lambda function's error as AWS does (``with_error_type``), accepts any service name in a request's signature, and
starts executions without a pause.
"""

import asyncio
import json
import re
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext, suppress
from contextvars import ContextVar
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any
from urllib.parse import quote, urlsplit

from ministack import app as gateway
from ministack.core import router
from ministack.services import lambda_svc, stepfunctions

_INTEGRATIONS = (
    "sagemaker:",
    "aws-sdk:sagemaker:",
    "aws-sdk:sagemakerruntime:",
    "aws-sdk:applicationautoscaling:",
    "aws-sdk:s3:getObject",
)
"""The prefixes of the task resources served here, after ``arn:aws:states:::``."""
_TARGETS = {"sagemaker": "SageMaker.", "application-autoscaling": "AnyScaleFrontendService."}
"""The prefix of X-Amz-Target by the service's credential scope. SageMaker Runtime signs as sagemaker."""
_HEADERS = ("accept", "content-type", "x-amz-target")
_RUNTIME_HEADERS = "x-amzn-sagemaker-"
_OWN_HEADERS = ("connection", "content-length", "date", "server", "x-amzn-requestid")
"""Response headers that the emulator sets itself."""
_REQUESTS = 64
"""The maximum number of concurrent SDK requests; others wait."""
_JOBS = 256
"""The maximum number of concurrent jobs, half the connections of the environment's process; others wait."""
_TIMEOUT = 90.0
"""Seconds for an SDK request; SageMaker Runtime gives a model 60."""

_PAUSE = 0.15
"""Seconds for which ministack sleeps before each execution's first state."""

_CHANGES = re.compile(rb"<StackStatus>(?!REVIEW_)[A-Z_]+_IN_PROGRESS</StackStatus>")
_HOLD_SECONDS = 20.0
"""The longest that an answer is held back: a third of boto3's read timeout."""

Response = tuple[int, dict[str, str], bytes]
Service = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[Response]]

_NO_EXECUTION = {"executionArn": "", "status": "RUNNING"}
"""The execution of a state that TestState runs."""
_EXECUTION: ContextVar[dict[str, Any]] = ContextVar("execution", default=_NO_EXECUTION)


class EmulatorServices:
    """Forwards requests for services that the emulator lacks.

    Args:
        task_url: the URL of ``local.service_backend.ServiceBackend`` for tasks; SDK requests go to the same port.
        key: the environment's key.
    """

    def __init__(self, *, task_url: str, key: str) -> None:
        self._address, self._task_path = urlsplit(task_url)[1:3]
        self._authorization = {"Authorization": f"Bearer {key}"}
        self._requests = ThreadPoolExecutor(_REQUESTS)
        self._jobs = threading.Semaphore(_JOBS)
        self._waiting: set[tuple[str, socket.socket]] = set()
        """The executions with a forwarded task, and the connection of each."""
        self._execute_task: Callable[..., Any] = stepfunctions._execute_task  # noqa: SLF001 - see the module's docstring
        self._stop_execution: Callable[..., Response] = stepfunctions._stop_execution  # noqa: SLF001 - as above

    def install(self) -> None:
        """Adds the services to the emulator in this process."""
        for prefix in _INTEGRATIONS:
            stepfunctions._SERVICE_DISPATCH[f"arn:aws:states:::{prefix}"] = self._task  # noqa: SLF001 - as above
        for name, target in _TARGETS.items():
            router.SERVICE_PATTERNS[name] = {"target_prefixes": [target]}
            gateway.SERVICE_HANDLERS[name] = self._request
        # Otherwise the first request for a missing service would block all others while the emulator reads the models
        # of all of AWS's services, for three seconds.
        router._is_aws_service_name = bool  # noqa: SLF001 - see the module's docstring
        code = stepfunctions._run_execution.__code__  # noqa: SLF001 - as above
        constants = tuple(0 if value == _PAUSE else value for value in code.co_consts)
        stepfunctions._run_execution.__code__ = code.replace(co_consts=constants)  # noqa: SLF001 - as above
        gateway.SERVICE_HANDLERS["cloudformation"] = settled(gateway.SERVICE_HANDLERS["cloudformation"])
        stepfunctions._execute_task = self._execute  # noqa: SLF001 - as above
        stepfunctions._stop_execution = self._stop  # noqa: SLF001 - as above
        lambda_svc._execute_function_warm = with_error_type(lambda_svc._execute_function_warm)  # noqa: SLF001 - as above

    def _execute(self, state: dict[str, Any], given: Any, execution: dict[str, Any], context: dict[str, Any]) -> Any:
        """Executes a task, after evaluating its timeout."""
        _EXECUTION.set(execution)
        if isinstance(state.get("TimeoutSeconds"), str):
            seconds = stepfunctions._jsonata_state_field(state, "TimeoutSeconds", "number", given, context)  # noqa: SLF001 - as above
            state = state | {"TimeoutSeconds": seconds}
        try:
            return self._execute_task(state, given, execution, context)
        except stepfunctions._ExecutionError:  # noqa: SLF001 - as above
            _end_if_aborted(execution)
            raise

    def _stop(self, request: dict[str, Any]) -> Response:
        response = self._stop_execution(request)
        if response[0] == HTTPStatus.OK:
            for _, connection in [waiting for waiting in list(self._waiting) if waiting[0] == request["executionArn"]]:
                with suppress(OSError):  # the task has just ended
                    connection.shutdown(socket.SHUT_RDWR)
        return response

    def _task(self, resource: str, request: Any) -> Any:
        """Forwards a task and waits for its result, in the execution's thread."""
        execution = _EXECUTION.get()
        action = resource.rpartition(":")[2]
        task = {
            "action": action.removesuffix(".sync"),
            "request": request,
            "waits": action.endswith(".sync"),
            "sdk": ":aws-sdk:" in resource,
        }
        with self._jobs if action.endswith(".sync") else nullcontext(), closing(HTTPConnection(self._address)) as line:
            answer = self._ask(line, execution, task)
        _end_if_aborted(execution)
        if "stopped" in answer:  # the environment is ending, and so is this process
            sys.exit()
        if "error" in answer:
            raise stepfunctions._ExecutionError(answer["error"], answer["cause"])  # noqa: SLF001 - as above
        return answer["result"]

    def _ask(self, line: HTTPConnection, execution: dict[str, Any], task: dict[str, Any]) -> dict[str, Any]:
        waiting = None
        try:
            line.connect()
            waiting = execution["executionArn"], line.sock
            self._waiting.add(waiting)
            _end_if_aborted(execution)  # from here on, stopping the execution closes the connection
            line.request("POST", self._task_path, json.dumps(task), self._authorization)
            return _read(line.getresponse())
        except (OSError, HTTPException) as error:
            return {"error": "Local.InternalError", "cause": _no_answer(error)}
        finally:
            if waiting is not None:
                self._waiting.discard(waiting)

    async def _request(
        self, method: str, path: str, headers: dict[str, str], body: bytes, _query: dict[str, Any]
    ) -> Response:
        """Forwards an SDK request."""
        kept = {name: value for name, value in headers.items() if name in _HEADERS or name.startswith(_RUNTIME_HEADERS)}
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._requests, self._forward, method, quote(path), kept, body)

    def _forward(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Response:
        try:
            with closing(HTTPConnection(self._address, timeout=_TIMEOUT)) as line:
                line.request(method, path, body, headers | self._authorization)
                response = line.getresponse()
                kept = {name: value for name, value in response.getheaders() if name.lower() not in _OWN_HEADERS}
                return response.status, kept, response.read()
        except (OSError, HTTPException) as error:
            content = {"__type": "ServiceUnavailable", "message": _no_answer(error)}
            kind = {"Content-Type": "application/x-amz-json-1.1"}
            return HTTPStatus.SERVICE_UNAVAILABLE, kind, json.dumps(content).encode()


def settled(cloudformation: Service) -> Service:
    """CloudFormation, which describes one stack only once its creation, update or deletion has ended.

    The CDK CLI asks right after it has begun, and then each five seconds; here a stack takes less than one second.
    Whatever takes longer than ``_HOLD_SECONDS`` is said to be in progress, as on AWS.
    """

    async def request(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Response:
        deadline = time.monotonic() + _HOLD_SECONDS
        response = await cloudformation(method, path, headers, body, query)
        if b"Action=DescribeStacks" in body and b"StackName=" in body:
            while _CHANGES.search(response[2]) and time.monotonic() < deadline:
                await asyncio.sleep(0.05)
                response = await cloudformation(method, path, headers, body, query)
        return response

    return request


def with_error_type(execute: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """The execution of a function, with the exception's class as ``errorType``, which Retry and Catch match.

    The emulator calls every exception ``Runtime.HandlerError``; its log ends with the exception's traceback.
    """

    def executed(*arguments: Any) -> dict[str, Any]:
        answer = execute(*arguments)
        body = answer.get("body")
        if answer.get("error") and isinstance(body, dict) and body.get("errorType") == "Runtime.HandlerError":
            message = f": {body['errorMessage']}" if body["errorMessage"] else ""
            trace = answer.get("log", "").rstrip("\n")
            if "Traceback" in trace and trace.endswith(message):
                qualified = trace.removesuffix(message).rpartition("\n")[2]
                body["errorType"] = qualified.rpartition(".")[2]
        return answer

    return executed


def _read(response: HTTPResponse) -> dict[str, Any]:
    body = response.read()
    if response.status != HTTPStatus.OK:
        raise HTTPException(body.decode(errors="replace"))
    answer: dict[str, Any] = json.loads(body)
    return answer


def _no_answer(error: Exception) -> str:
    return f"the environment's process did not answer: {error}"


def _end_if_aborted(execution: dict[str, Any]) -> None:
    """Ends this thread if its execution was stopped: the emulator would retry the task, or fail it."""
    if execution["status"] == "ABORTED":
        sys.exit()
