"""How the refusals and failures of SageMaker, and of the services beside it, reach Step Functions.

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
import uuid
from collections.abc import Collection
from typing import Any

REASON_LENGTH = 1024
"""Characters that SageMaker's FailureReason may have."""

UNREACHABLE = "SdkClientException"
"""The code that stands for a service which could not be reached: the Java SDK has a class of its own for it."""

_CLASSES = {"ResourceInUse": "ResourceInUseException"}


class JobFailed(Exception):  # noqa: N818 - the name is the contract with those who run jobs
    """A request was refused or its job did not succeed: error and cause as Step Functions reports them on AWS."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


class JobStopped(JobFailed):
    """The job was stopped from outside."""


class Failure(Exception):  # noqa: N818 - an event inside a job, not an error of ours
    """What a job's work raises: the beginning of FailureReason."""

    def __init__(self, reason: str, *, exceeded: bool = False) -> None:
        super().__init__(reason)
        self.exceeded = exceeded


class PackageBuildError(Failure):
    """A package in ``requirements.txt`` has no wheel and must be built, inside the job."""


class Refused(JobFailed):
    """A service did not take a request, or could not do what it asks for.

    As it is raised, error and cause are those of an optimized integration of SageMaker; ``of_sdk`` gives the others.

    Args:
        message: what the service says.
        code: its error code.
        status: its HTTP status.
        members: what else its error has, such as ``OriginalStatusCode``.
    """

    def __init__(self, message: str, *, code: str, status: int, members: dict[str, Any]) -> None:
        details = f"Service: AmazonSageMaker; Status Code: {status}; Error Code: {code}; Request ID: {uuid.uuid4()}"
        name = _CLASSES.get(code, "AmazonSageMakerException")
        super().__init__(f"SageMaker.{name}", f"{message} ({details}; Proxy: null)")
        self.message = message
        self.code = code
        self.status = status
        self.members = members

    def of_sdk(self, service: str, modelled: Collection[str]) -> JobFailed:
        """The same as Step Functions reports it for ``aws-sdk:<service>:<action>``.

        Args:
            service: its name in the Java SDK, such as ``SageMakerRuntime``.
            modelled: the error codes that its model lists, each of which has a class of its own.
        """
        name = f"{service}Exception"
        if self.code in modelled or self.code == UNREACHABLE:
            name = self.code if self.code.endswith("Exception") else f"{self.code}Exception"
        details = f"Service: {service}, Status Code: {self.status}, Request ID: {uuid.uuid4()}"
        return JobFailed(f"{service}.{name}", f"{self.message} ({details})")


def refused(message: str, *, code: str = "ValidationException", status: int = 400, **members: Any) -> Refused:
    """A service did not take the request; see ``Refused``. SageMaker's codes are such as ``ResourceInUse``."""
    return Refused(message, code=code, status=status, members=members)


def not_supported(key: str, value: object, allowed: str) -> JobFailed:
    """SageMaker would take the request, and this machine cannot: an error name of its own, so that none is retried."""
    return JobFailed("Local.NotSupported", f"{key} is {value!r}, which does not run on this machine: {allowed}")


def task_failed(description: dict[str, Any], *, stopped: bool = False) -> JobFailed:
    """The job of a ``.sync`` integration ended otherwise than Completed."""
    return (JobStopped if stopped else JobFailed)("States.TaskFailed", json.dumps(description))


def failure_reason(head: str, *, log: str, files: str, last_lines: list[str]) -> str:
    """FailureReason: SageMaker's own text, then where to look and the end of the log, as far as they fit.

    Args:
        head: SageMaker's text, which alone may fill it.
        log: path of the log file.
        files: path of the job's folder.
        last_lines: the end of the log, oldest line first; the oldest are left out where space is short.
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
