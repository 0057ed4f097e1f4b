"""What a scenario works with: the deployment, and executions of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError
from rich.console import Console

from aws_check.history import Failure, failures
from aws_check.names import MODEL_NAME
from doctor.account import Caller
from executions.display import follow
from executions.history import reason
from executions.progress import StageProgress
from executions.start import start_execution
from executions.target import Target
from executions.watch import Viewer
from pipeline.places import EXECUTIONS, REPORTS
from report.page import page_name

_REDRIVE_SECONDS = 60
_NOT_REDRIVABLE, _UNKNOWN_ACTION = "ExecutionNotRedrivable", "InvalidAction"


class ScenarioError(Exception):
    """Something went otherwise than it should; the message says what."""


class NotRedrivableError(ScenarioError):
    """Step Functions does not redrive an execution; the message has its reason."""


class NotPossibleError(Exception):
    """A scenario cannot be played here; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """An execution that has ended."""

    arn: str
    name: str
    status: str
    error: str
    """Empty if it succeeded, like ``cause``."""
    cause: str
    stages: dict[str, StageProgress]
    data: dict[str, Any]
    """Its output, or the data that it had when it failed."""

    def require(self, status: str, *, error: str = "") -> None:
        """Raises ScenarioError if it ended with another status or error."""
        if (self.status, self.error) != (status, error):
            wanted = f"{status} {error}".rstrip()
            raise ScenarioError(f"{self.name} should end as {wanted}, but is {self.status} {self.error}: {self.cause}")


@dataclass(kw_only=True)
class Context:
    """The check's deployment, and what earlier scenarios left for later ones."""

    target: Target
    who: Caller
    console: Console
    on_emulator: bool
    sleep: Callable[[float], None] = time.sleep
    shipped: str | None = None
    """The name of the execution of the shipped input, once it has succeeded."""
    echoing: str | None = None
    """The name of the execution whose model the endpoint serves and that answers with what it gets."""
    arns: list[str] = field(default_factory=list)
    """All executions so far."""

    def client(self, service: str) -> Any:
        """Returns a client of the account."""
        return self.target.aws.client(service)

    def uri(self, name: str) -> str:
        """Returns the URI of a file of the check."""
        return f"s3://{self.target.stack.bucket}/{self._key(name)}"

    def put(self, name: str, content: bytes) -> None:
        """Uploads a file of the check."""
        self.client("s3").put_object(Bucket=self.target.stack.bucket, Key=self._key(name), Body=content)

    def report(self, execution: str) -> str | None:
        """Returns the URI of an execution's published report; None if there is none yet."""
        key = f"{MODEL_NAME}/{REPORTS}{page_name(execution)}"
        found = self.client("s3").list_objects_v2(Bucket=self.target.stack.bucket, Prefix=key)
        return f"s3://{self.target.stack.bucket}/{key}" if found["KeyCount"] else None

    def run(self, overrides: dict[str, Any]) -> Ended:
        """Starts an execution of the shipped input with these overrides, and follows it to its end."""
        return self.follow(start_execution(self.target, overrides=overrides)["executionArn"])

    def follow(self, arn: str) -> Ended:
        """Follows an execution to its end."""
        if arn not in self.arns:
            self.arns.append(arn)
        view = follow(Viewer(self.target, arn), self.console, options="")
        error, cause = reason(view.execution) or ("", "")
        return Ended(
            arn=arn,
            name=view.execution["name"],
            status=view.status,
            error=error,
            cause=cause,
            stages=view.progress,
            data=self.target.executions.data(view.execution),
        )

    def redrive(self, ended: Ended) -> Ended:
        """Redrives a failed execution and follows it to its end.

        Raises:
            NotPossibleError: the emulator knows no redrives.
            NotRedrivableError: Step Functions does not redrive this one.
            ScenarioError: the execution did not resume.
        """
        client = self.target.step_functions
        try:
            client.redrive_execution(executionArn=ended.arn)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == _NOT_REDRIVABLE:
                raise NotRedrivableError(f"{ended.name}: {error.response['Error']['Message']}") from error
            if code == _UNKNOWN_ACTION and self.on_emulator:
                raise NotPossibleError("the emulator cannot redrive executions, only AWS can") from error
            raise
        for _ in range(_REDRIVE_SECONDS):
            if client.describe_execution(executionArn=ended.arn).get("redriveCount"):
                return self.follow(ended.arn)
            self.sleep(1)
        raise ScenarioError(f"{ended.name} was redriven, and has not resumed after {_REDRIVE_SECONDS} seconds")

    def failures(self, arn: str) -> list[Failure]:
        """Returns the failures in an execution's history."""
        pages = self.target.step_functions.get_paginator("get_execution_history").paginate(executionArn=arn)
        return list(failures(event for page in pages for event in page["events"]))

    @staticmethod
    def _key(name: str) -> str:
        return f"{MODEL_NAME}/{EXECUTIONS}check/{name}"
