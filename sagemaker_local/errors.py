"""Errors of SageMaker and the other services, with the error names and causes that Step Functions reports.

Step Functions names an error of a service integration after the service and the exception's class in AWS's Java SDK:
``SageMaker.ResourceInUseException``, ``SageMaker.ResourceLimitExceededException``; what SageMaker's model does not
list, ``ValidationException`` among it, is ``SageMaker.AmazonSageMakerException`` for the optimized integrations and
``SageMaker.SageMakerException`` for the AWS SDK's, whose classes are those of the Java SDK's second version. A job that
was created and did not succeed is ``States.TaskFailed`` with the job's Describe output as its cause.
(https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html,
https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html,
https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html)
"""

import json
import re
import uuid
from collections.abc import Collection
from typing import Any

REASON_LENGTH = 1024
"""Characters that SageMaker's FailureReason may have."""

UNREACHABLE = "SdkClientException"
"""The code for an unreachable service, for which the Java SDK has its own exception class."""

_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(: |$)")
_SYNTAX_ERRORS = ("SyntaxError: ", "IndentationError: ", "TabError: ")

_CLASSES = {"ResourceInUse": "ResourceInUseException"}


class TaskFailed(Exception):  # noqa: N818 - named after Step Functions' event
    """A request was rejected or its job failed. Has the error and cause that Step Functions reports on AWS."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


class JobStopped(TaskFailed):
    """The job was stopped before its end."""


class FailureReasonError(Exception):
    """A job or an endpoint failed; the message begins its FailureReason.

    Args:
        reason: SageMaker's text.
        exceeded: whether the job ran longer than its StoppingCondition allows.
    """

    def __init__(self, reason: str, *, exceeded: bool = False) -> None:
        super().__init__(reason)
        self.exceeded = exceeded


class PackageBuildError(FailureReasonError):
    """A package in ``requirements.txt`` has no wheel and must be built, which only happens inside the job."""


class AwsError(TaskFailed):
    """An error response of an AWS service.

    ``error`` and ``cause`` are those of SageMaker's optimized integration; ``of_sdk`` returns those of the AWS SDK
    integrations.

    Args:
        message: the service's message.
        code: its error code.
        status: its HTTP status.
        members: the error's other members, such as ``OriginalStatusCode``.
    """

    def __init__(self, message: str, *, code: str, status: int, members: dict[str, Any]) -> None:
        details = f"Service: AmazonSageMaker; Status Code: {status}; Error Code: {code}; Request ID: {uuid.uuid4()}"
        name = _CLASSES.get(code, "AmazonSageMakerException")
        super().__init__(f"SageMaker.{name}", f"{message} ({details}; Proxy: null)")
        self.message = message
        self.code = code
        self.status = status
        self.members = members

    def of_sdk(self, service: str, modelled: Collection[str]) -> TaskFailed:
        """Returns the error as Step Functions reports it for ``aws-sdk:<service>:<action>``.

        Args:
            service: its name in the Java SDK, such as ``SageMakerRuntime``.
            modelled: the error codes in its service model, each of which has its own exception class.
        """
        name = f"{service}Exception"
        if self.code in modelled or self.code == UNREACHABLE:
            name = self.code if self.code.endswith("Exception") else f"{self.code}Exception"
        details = f"Service: {service}, Status Code: {self.status}, Request ID: {uuid.uuid4()}"
        return TaskFailed(f"{service}.{name}", f"{self.message} ({details})")


def aws_error(message: str, *, code: str = "ValidationException", status: int = 400, **members: Any) -> AwsError:
    """Creates an AwsError. SageMaker's codes look like ``ResourceInUse``."""
    return AwsError(message, code=code, status=status, members=members)


def not_supported(key: str, value: object, allowed: str) -> TaskFailed:
    """Creates the error for a request that SageMaker accepts but this machine does not support. Nothing retries it."""
    return TaskFailed("Local.NotSupported", f"{key} is {value!r}, which is not supported on this machine: {allowed}")


def task_failed(description: dict[str, Any], *, stopped: bool = False) -> TaskFailed:
    """Creates the error of a ``.sync`` integration whose job was not Completed."""
    return (JobStopped if stopped else TaskFailed)("States.TaskFailed", json.dumps(description))


def exception_line(lines: list[str]) -> str:
    """Returns the line of a log that says which exception ended a Python program; empty if there is none.

    Args:
        lines: the log's last lines, oldest first.
    """
    last = max((number for number, line in enumerate(lines) if line.startswith("Traceback (most recent")), default=None)
    after = [line for line in lines[last:] if _EXCEPTION.match(line)] if last is not None else []
    syntax = [line for line in lines if line.startswith(_SYNTAX_ERRORS)]  # they have no traceback
    return (after[:1] or syntax[-1:] or [""])[0]


def failure_reason(head: str, *, log: str, files: str, last_lines: list[str]) -> str:
    """Builds a FailureReason: SageMaker's text, then the paths and the last log lines, as far as they fit.

    Args:
        head: SageMaker's text, which may fill it on its own.
        log: path of the log file.
        files: path of the job's folder.
        last_lines: the last lines of the log, oldest first; the oldest are omitted if there is no space.
    """
    reason = head[:REASON_LENGTH]
    for addition in (f"\nLog: {log}", f"\nFiles: {files}"):
        if len(reason) + len(addition) <= REASON_LENGTH:
            reason += addition
    title = "\nLast log lines:"
    room = REASON_LENGTH - len(reason) - len(title)
    kept: list[str] = []
    for line in reversed(last_lines):
        room -= len(line) + 1
        if room < 0:
            break
        kept.insert(0, line)
    return "\n".join([reason + title, *kept]) if kept else reason
