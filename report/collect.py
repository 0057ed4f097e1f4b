"""Gathers the report's facts from AWS, or from the emulator. It uses public APIs only and is read-only."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from executions import evaluation as evaluation_report
from executions.history import failed_stage, reason
from executions.jobs import job_names
from executions.progress import progress_of
from executions.results import REPORT, report_uri
from executions.text import one_line
from pipeline.limits import MAX_REPORT_BYTES
from report.facts import Facts, Failure, StoredObject

LOG_LINES = 40
"""The number of lines to show of the failed job's log."""

Tail = Callable[[str, str, int], list[str]]
"""Returns the last lines of a job's log, given the action that created the job, its name and a number of lines."""


class _AbsentError(Exception):
    """A fact is unavailable; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Collector:
    """Gathers the facts of executions."""

    s3: Any
    """A client."""
    tail: Tail

    def facts(self, execution: dict[str, Any], events: list[dict[str, Any]], content: dict[str, Any]) -> Facts:
        """Gathers the facts of an execution; ``absent`` says why some are unavailable.

        Args:
            execution: as DescribeExecution returns it.
            events: its history, oldest first.
            content: its data, as :func:`executions.history.data_so_far` returns it.
        """
        absent: dict[str, str] = {}
        stopped = execution.get("stopDate")
        stages = progress_of(execution, events)
        results = {key: (content.get(key) or {}).get("result") or {} for key in stages}
        uri = self._had(absent, "Evaluation", self._report_uri, results)
        evaluation = self._had(absent, "Evaluation", self._report, uri) if uri else None
        best = (results["approval"].get("champion") or {}).get("report")
        _note_missing_parts(absent, evaluation)
        return Facts(
            name=execution["name"],
            arn=execution["executionArn"],
            status=execution["status"],
            started=execution["startDate"],
            stopped=stopped,
            stages=stages,
            content=content,
            evaluation=evaluation,
            evaluation_uri=uri,
            champion=self._had(absent, "Champion", self._report, best) if best else None,
            published=self._had(absent, "Scripts", self._published, content, execution["startDate"]) or (),
            artifact=self._had(absent, "Model artifact", self._artifact, results["training"]),
            failure=self._failure(absent, execution, stages, content),
            absent=absent,
            made=datetime.now(UTC),
        )

    def _had(self, absent: dict[str, str], what: str, get: Callable[..., Any], *arguments: Any) -> Any:
        """Returns what ``get`` returns; if it is unavailable, notes the reason and returns None."""
        try:
            return get(*arguments)
        except _AbsentError as error:
            absent[what] = str(error)
        except (ClientError, BotoCoreError) as error:
            absent[what] = one_line(error)
        return None

    def _report_uri(self, results: dict[str, dict[str, Any]]) -> str:
        judged = results["approval"].get("report")
        if judged:
            return str(judged)
        uri = report_uri(self.s3, results)
        if uri is None:
            made = (results["evaluation"].get("ProcessingOutputConfig") or {}).get("Outputs")
            raise _AbsentError(f"the evaluation's outputs have no {REPORT}" if made else "this run made no evaluation")
        return uri

    def _report(self, uri: str) -> dict[str, Any]:
        location = urlsplit(uri)
        response = self.s3.get_object(Bucket=location.netloc, Key=location.path.lstrip("/"))
        body = response["Body"].read(MAX_REPORT_BYTES + 1)
        if len(body) > MAX_REPORT_BYTES:
            raise _AbsentError(f"{uri} is larger than {MAX_REPORT_BYTES:,} bytes")
        try:
            content = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise _AbsentError(f"{uri} is not JSON: {error}") from error
        if not isinstance(content, dict):
            raise _AbsentError(f"{uri} is not a JSON object")
        return content

    def _published(self, content: dict[str, Any], started: datetime) -> tuple[StoredObject, ...]:
        """The objects below the scripts' prefix, each in the version that was current at the start."""
        location = _code(content)
        if location is None:
            raise _AbsentError("no stage of this run has a channel named code")
        bucket, prefix = location
        pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
        newest: dict[str, dict[str, Any]] = {}
        for page in pages:
            for found in [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]:
                before = newest.get(found["Key"])
                if found["LastModified"] <= started and (before is None or _age(before) < _age(found)):
                    newest[found["Key"]] = found
        # A delete marker has no ETag: the object was not there.
        return tuple(_stored(bucket, key, found) for key, found in sorted(newest.items()) if "ETag" in found)

    def _artifact(self, training: dict[str, Any]) -> StoredObject:
        uri = (training.get("ModelArtifacts") or {}).get("S3ModelArtifacts")
        if not uri:
            raise _AbsentError("this run trained no model")
        location = urlsplit(uri)
        key = location.path.lstrip("/")
        head = self.s3.head_object(Bucket=location.netloc, Key=key)
        return _stored(location.netloc, key, head | {"Size": head["ContentLength"]})

    def _failure(
        self, absent: dict[str, str], execution: dict[str, Any], stages: dict[str, Any], content: dict[str, Any]
    ) -> Failure | None:
        failure = reason(execution)
        if failure is None:
            return None
        error, text = failure
        stage = failed_stage(stages)
        action, job = job_names(content, execution["name"]).get(stage or "", (None, None))
        log = self._had(absent, "Log of the failed job", self.tail, action, job, LOG_LINES) if job else None
        return Failure(stage=stage, error=error, reason=text, job=job, log=tuple(log or ()))


def _age(found: dict[str, Any]) -> tuple[datetime, bool]:
    """Sorts versions by age; their times are in whole seconds, so that two may be equal."""
    return found["LastModified"], found["IsLatest"]


def _code(content: dict[str, Any]) -> tuple[str, str] | None:
    """The bucket and the prefix of the scripts, from the first stage with a channel ``code``."""
    for section in content.values():
        request = section.get("input") if isinstance(section, dict) else None
        if not isinstance(request, dict):
            continue
        inputs = [*(request.get("ProcessingInputs") or ()), *(request.get("InputDataConfig") or ())]
        for given in inputs:
            if "code" in {given.get("InputName"), given.get("ChannelName")}:
                source = given.get("S3Input") or (given.get("DataSource") or {}).get("S3DataSource") or {}
                location = urlsplit(source.get("S3Uri") or "")
                return (location.netloc, location.path.strip("/") + "/") if location.netloc else None
    return None


def _stored(bucket: str, key: str, found: dict[str, Any]) -> StoredObject:
    version = found.get("VersionId")
    return StoredObject(
        uri=f"s3://{bucket}/{key}",
        size=found["Size"],
        etag=found["ETag"].strip('"'),
        version=None if version in {None, "null"} else version,
        modified=found["LastModified"],
    )


def _note_missing_parts(absent: dict[str, str], evaluation: dict[str, Any] | None) -> None:
    """Notes the parts that the evaluation report lacks, if another script wrote it."""
    if evaluation is None:
        return
    parts = {
        "Metrics": evaluation_report.metrics,
        "ROC curve": evaluation_report.roc_curve,
        "Precision-recall curve": evaluation_report.precision_recall_curve,
        "Confusion matrix": evaluation_report.confusion,
        "Calibration": evaluation_report.calibration,
    }
    absent |= {part: "not in the evaluation report" for part, read in parts.items() if not read(evaluation)}
