"""Writes the report on an execution, and the index of all runs, to the bucket."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from executions.job_logs import JobLogs
from executions.newest import newest_first
from executions.state_machine import Executions
from report.collect import Collector
from report.comparison import compare
from report.comparison_page import comparison_page
from report.facts import Facts
from report.page import INDEX, NEWEST, page, page_name

_MOST_BYTES = 4 * 1024 * 1024
"""Bytes of the largest evaluation report whose metrics the index has: eight are read at a time, and parsed they take up
to ten times as much of the function's memory."""

_STALE_SECONDS = 20
"""How long to wait until Step Functions knows of an end that it has sent an event about, since DescribeExecution is
"eventually consistent" (https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html)."""

_ATTEMPTS = 10
"""How often to write the index anew when another execution's end got in between; each time, one of them succeeds."""

_CONFLICTS = {"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"}
"""Errors of a conditional PutObject: the object has changed, is being written, or was deleted
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html)."""


class BusyIndexError(Exception):
    """The index could not be written: each time, another execution's end had written it since it was read."""


@dataclass(frozen=True, kw_only=True)
class Publication:
    """The pages of one pipeline in its bucket."""

    s3: Any
    """A client."""
    executions: Executions
    logs: JobLogs
    bucket: str
    prefix: str
    """Of the pages; ends with a slash."""
    sleep: Callable[[float], None] = time.sleep

    def ended(self, arn: str) -> dict[str, Any]:
        """Describes an execution that has ended; one that runs on has been redriven since.

        Args:
            arn: the execution's ARN.

        Raises:
            ClientError: AWS rejects the call.
        """
        execution = self.executions.describe(arn)
        for _ in range(_STALE_SECONDS):
            if execution["status"] != "RUNNING":
                break
            self.sleep(1)
            execution = self.executions.describe(arn)
        return execution

    def publish(self, execution: dict[str, Any]) -> list[str]:
        """Writes an execution's report and the index; returns their S3 URIs.

        Args:
            execution: as DescribeExecution returns it.

        Raises:
            BusyIndexError: other executions wrote the index each time.
            ClientError: AWS rejects a call.
        """
        arn = execution["executionArn"]
        own = page_name(execution["name"])
        facts = Collector(s3=self.s3, tail=self.logs.tail).facts(
            execution, self.executions.history(arn), self.executions.data(execution)
        )
        self._put(own, page(facts, index=INDEX))
        for _ in range(_ATTEMPTS):
            # Who writes the index last has read the executions after whoever wrote it before.
            condition = self._unchanged()
            try:
                self._put(INDEX, self._index(arn), **condition)
            except ClientError as error:
                if error.response["Error"]["Code"] not in _CONFLICTS:
                    raise
            else:
                return [f"s3://{self.bucket}/{self.prefix}{name}" for name in (own, INDEX)]
        raise BusyIndexError(
            f"s3://{self.bucket}/{self.prefix}{INDEX} was written by others {_ATTEMPTS} times while "
            f"{execution['name']} was added to it"
        )

    def _unchanged(self) -> dict[str, str]:
        """The condition for PutObject that the index is as it is now."""
        try:
            head = self.s3.head_object(Bucket=self.bucket, Key=self.prefix + INDEX)
        except ClientError as error:
            if error.response["Error"]["Code"] != "404":
                raise
            return {"IfNoneMatch": "*"}
        return {"IfMatch": head["ETag"]}

    def _put(self, name: str, html: str, **condition: str) -> None:
        self.s3.put_object(
            Bucket=self.bucket,
            Key=self.prefix + name,
            Body=html.encode(),
            ContentType="text/html; charset=utf-8",
            **condition,
        )

    def _index(self, ended: str) -> str:
        """The page that compares the newest executions and links to those that have a report.

        Args:
            ended: the ARN of the execution that has just ended, which may not be listed yet.
        """
        listed = [each["executionArn"] for each in self.executions.all(limit=NEWEST)]
        collector = Collector(s3=self.s3, tail=self.logs.tail, most_bytes=_MOST_BYTES)

        def facts(arn: str) -> Facts:
            execution = self.executions.describe(arn)
            return collector.compared(execution, self.executions.data(execution))

        runs = newest_first(facts, dict.fromkeys([ended, *listed]))
        pages = self._pages()
        links = {run.name: page_name(run.name) for run in runs if page_name(run.name) in pages}
        return comparison_page(compare(runs), links)

    def _pages(self) -> set[str]:
        """The names of the reports in the bucket."""
        found = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix)
        return {item["Key"].removeprefix(self.prefix) for page in found for item in page.get("Contents", ())}
