"""Reads the logs of SageMaker's jobs: from CloudWatch Logs on AWS, from files in the environment on this machine."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from botocore.exceptions import ClientError

from executions.text import printable


class JobLogs(Protocol):
    """Reads the logs of jobs, as printable lines."""

    def tail(self, action: str, job: str, lines: int) -> list[str]:
        """Returns the last lines of a job's log; none if it has no log yet.

        Args:
            action: the action that created the job, such as ``createTrainingJob``.
            job: its name.
            lines: the maximum number of lines.
        """

    def new_lines(self, action: str, job: str, *, ended: bool = False) -> Iterator[str]:
        """Yields the lines since the last call; all of them on the first call.

        Args:
            action: see :meth:`tail`.
            job: see :meth:`tail`.
            ended: whether the job has ended, so that its last line counts even without a line break.
        """


def _group(action: str) -> str:
    return action.removeprefix("create") + "s"


@dataclass
class LocalLogs:
    """Reads the logs of the environment on this machine."""

    folder: Path
    """The environment's folder of logs."""
    since: float = 0.0
    """Seconds since the epoch; older logs belong to earlier jobs of the same name."""
    _offsets: dict[Path, int] = field(default_factory=dict)

    def tail(self, action: str, job: str, lines: int) -> list[str]:
        """See :class:`JobLogs`."""
        path = self.file(action, job)
        if not self.is_current(path):
            return []
        return [printable(line) for line in path.read_text("utf-8", "replace").splitlines()[-lines:]]

    def new_lines(self, action: str, job: str, *, ended: bool = False) -> Iterator[str]:
        """See :class:`JobLogs`."""
        path = self.file(action, job)
        if not self.is_current(path):
            return
        with path.open("rb") as log:
            log.seek(self._offsets.get(path, 0))
            for line in log:
                if not ended and not line.endswith(b"\n"):
                    break  # the job is still writing it
                self._offsets[path] = self._offsets.get(path, 0) + len(line)
                yield printable(line.decode("utf-8", "replace").rstrip("\r\n"))

    def is_current(self, path: Path) -> bool:
        """Whether a file exists and does not belong to an earlier job of the same name."""
        try:
            return path.stat().st_mtime >= self.since
        except FileNotFoundError:
            return False

    def file(self, action: str, job: str) -> Path:
        """The path of a job's log, which may not exist yet."""
        # The input may name the job; its name must not lead out of the folder.
        return self.folder / _group(action) / f"{re.sub(r'[^A-Za-z0-9-]', '_', job)}.log"


@dataclass
class CloudWatchLogs:
    """Reads the logs on AWS: a group for each kind of job, a stream for each instance of a job.

    (https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html).
    """

    logs: Any
    """A client."""
    _since: dict[str, int] = field(default_factory=dict)
    """The time of the last line returned, by job."""
    _given: dict[str, set[str]] = field(default_factory=dict)
    """The ids of the lines at that time, which the next call finds again."""

    def tail(self, action: str, job: str, lines: int) -> list[str]:
        """See :class:`JobLogs`."""
        group = f"/aws/sagemaker/{_group(action)}"
        try:
            pages = self.logs.get_paginator("describe_log_streams").paginate(
                logGroupName=group, logStreamNamePrefix=f"{job}/"
            )
            streams = [stream["logStreamName"] for page in pages for stream in page["logStreams"]]
        except ClientError as error:
            if _is_missing(error):
                return []
            raise
        found = [
            (event["timestamp"], event["message"])
            for stream in streams
            for event in self.logs.get_log_events(
                logGroupName=group, logStreamName=stream, limit=lines, startFromHead=False
            )["events"]
        ]
        return [printable(message) for _, message in sorted(found, key=lambda event: event[0])][-lines:]

    def new_lines(self, action: str, job: str, *, ended: bool = False) -> Iterator[str]:  # noqa: ARG002 - its lines are always whole
        """See :class:`JobLogs`."""
        pages = self.logs.get_paginator("filter_log_events").paginate(
            logGroupName=f"/aws/sagemaker/{_group(action)}",
            logStreamNamePrefix=f"{job}/",
            startTime=self._since.get(job, 0),
        )
        try:
            found = (event for page in pages for event in page["events"])
            own = (event for event in found if event["logStreamName"].startswith(f"{job}/"))
            events = sorted(own, key=lambda event: int(event["timestamp"]))
        except ClientError as error:
            if _is_missing(error):
                return
            raise
        for event in events:
            given = self._given.setdefault(job, set())
            if event["eventId"] in given:
                continue
            if event["timestamp"] > self._since.get(job, 0):
                given.clear()
            self._since[job] = event["timestamp"]
            given.add(event["eventId"])
            yield printable(event["message"].rstrip("\r\n"))


def _is_missing(error: ClientError) -> bool:
    """Whether the group does not exist, since no job of its kind has logged anything yet."""
    return bool(error.response["Error"]["Code"] == "ResourceNotFoundException")
