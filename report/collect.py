"""Gathers the report's facts from AWS, or from the emulator. It uses public APIs only and is read-only."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from executions import evaluation as evaluation_report
from executions.history import failed_stage, reason
from executions.inputs import CODE, inputs
from executions.jobs import job_names
from executions.monitoring import BASELINE, OUTPUT, STATISTICS, VIOLATIONS
from executions.progress import progress_of, reused_stages
from executions.results import REPORT, report_uri
from executions.text import one_line
from pipeline.commit import Commit
from pipeline.limits import MAX_REPORT_BYTES
from pipeline.places import PUBLISHED
from pipeline.stages import STAGES
from report.facts import Facts, Failure, Monitored, StoredObject
from report.stored_objects import StoredObjects, TooManyObjectsError, stored

LOG_LINES = 40
"""The number of lines to show of the failed job's log."""

Tail = Callable[[str, str, int], list[str]]
"""Returns the last lines of a job's log, given the action that created the job, its name and a number of lines."""


class _AbsentError(Exception):
    """A fact is unavailable; the message says why."""


class Collector:
    """Gathers the facts of executions."""

    def __init__(self, *, s3: Any, tail: Tail, most_bytes: int = MAX_REPORT_BYTES) -> None:
        """Takes an S3 client, what reads a job's log, and the bytes of the largest report to read."""
        self.s3 = s3
        self.tail = tail
        self.most_bytes = most_bytes
        self._objects = StoredObjects(s3=s3)

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
        results = _results(content)
        uri, evaluation = self._evaluation(absent, results)
        best = (results["approval"].get("champion") or {}).get("report")
        _note_missing_parts(absent, evaluation)
        published, record = self._scripts(absent, content, execution["startDate"])
        commit, edited = self._had(absent, "Commit of the scripts", self._commit, published, record) or (None, ())
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
            monitored=self._had(absent, "Monitoring", self._monitored, content) if results["monitoring"] else None,
            published=published,
            commit=commit,
            edited=edited,
            artifact=self._had(absent, "Model artifact", self._artifact, results["training"]),
            failure=self._failure(absent, execution, stages, content),
            absent=absent,
            made=datetime.now(UTC),
        )

    def compared(self, execution: dict[str, Any], content: dict[str, Any]) -> Facts:
        """Gathers the facts by which executions are compared: no history, champion, model or log.

        Args:
            execution: as for ``facts``.
            content: as for ``facts``.
        """
        absent: dict[str, str] = {}
        started = execution["startDate"]
        uri, evaluation = self._evaluation(absent, _results(content))
        return Facts(
            name=execution["name"],
            arn=execution["executionArn"],
            status=execution["status"],
            started=started,
            stopped=execution.get("stopDate"),
            stages={},
            content=content,
            evaluation=evaluation_report.compared(evaluation) if evaluation else None,
            evaluation_uri=uri,
            published=self._scripts(absent, content, started)[0],
            data=self._had(absent, "Data", self._data, content, execution["name"], started) or (),
            failure=Failure(stage=None, error=why[0], reason=why[1], job=None) if (why := reason(execution)) else None,
            absent=absent,
            made=datetime.now(UTC),
        )

    def _evaluation(
        self, absent: dict[str, str], results: dict[str, dict[str, Any]]
    ) -> tuple[str | None, dict[str, Any] | None]:
        """The URI of the evaluation report, and the report."""
        uri = self._had(absent, "Evaluation", self._report_uri, results)
        return uri, self._had(absent, "Evaluation", self._report, uri) if uri else None

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
        return self._json(uri)[0]

    def _json(self, uri: str, *, version: str | None = None) -> tuple[dict[str, Any], dict[str, str]]:
        """An object's content and its user metadata; None as the version for the newest."""
        location = urlsplit(uri)
        place = {"Bucket": location.netloc, "Key": location.path.lstrip("/")}
        response = self.s3.get_object(**place, **({"VersionId": version} if version else {}))
        body = response["Body"].read(self.most_bytes + 1)
        if len(body) > self.most_bytes:
            raise _AbsentError(f"{uri} is larger than {self.most_bytes:,} bytes")
        try:
            content = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise _AbsentError(f"{uri} is not JSON: {error}") from error
        if not isinstance(content, dict):
            raise _AbsentError(f"{uri} is not a JSON object")
        return content, response["Metadata"]

    def _monitored(self, content: dict[str, Any]) -> Monitored:
        """What the monitoring job read and wrote."""
        request = content["monitoring"].get("input") or {}
        baseline = next((uri for name, uri in inputs(request) if name == BASELINE), None)
        outputs = (request.get("ProcessingOutputConfig") or {}).get("Outputs") or [{}]
        named = [output for output in outputs if output.get("OutputName") == OUTPUT]  # as the state machine chooses it
        written = ((named or outputs)[0].get("S3Output") or {}).get("S3Uri")
        if not baseline or not written:
            raise _AbsentError(f"the monitoring job has no {'output' if baseline else f'input named {BASELINE}'}")
        return Monitored(
            baseline=self._report(f"{baseline.rstrip('/')}/{STATISTICS}"),
            window=self._report(f"{written.rstrip('/')}/{STATISTICS}"),
            violations=self._report(f"{written.rstrip('/')}/{VIOLATIONS}"),
        )

    def _scripts(
        self, absent: dict[str, str], content: dict[str, Any], started: datetime
    ) -> tuple[tuple[StoredObject, ...], StoredObject | None]:
        """The scripts, and the record of what was published of them."""
        found = self._had(absent, "Scripts", self._published, content, started) or ()
        record = next((stored for stored in found if _name(stored) == PUBLISHED), None)
        return tuple(stored for stored in found if stored is not record), record

    def _commit(
        self, published: tuple[StoredObject, ...], record: StoredObject | None
    ) -> tuple[Commit | None, tuple[str, ...]]:
        """The scripts' commit, and the names of those that are not as they were published."""
        if record is None:  # published by a release that kept none
            return None, ()
        etags, metadata = self._json(record.uri, version=record.version)
        prefix = record.uri.removesuffix(PUBLISHED)
        present = {stored.uri.removeprefix(prefix): f'"{stored.etag}"' for stored in published}
        edited = tuple(name for name, etag in present.items() if etags.get(name) != etag)
        return Commit.from_metadata(metadata), edited

    def _published(self, content: dict[str, Any], started: datetime) -> tuple[StoredObject, ...]:
        """The objects below the scripts' prefix, as they were at the start."""
        code = next((uri for name, uri in _inputs(content) if name == CODE), None)
        if code is None:
            raise _AbsentError("no stage of this run has a channel named code")
        return self._at(f"{code.rstrip('/')}/", started)

    def _data(self, content: dict[str, Any], name: str, started: datetime) -> tuple[StoredObject, ...]:
        """The objects that stages read and no stage of this execution wrote, as they were at the start."""
        made = {name, *reused_stages(content).values()}
        uris = {
            uri: None
            for channel, uri in _inputs(content)
            if channel != CODE and not any(execution in uri for execution in made)
        }
        return tuple(stored for uri in uris for stored in self._at(uri, started))

    def _at(self, uri: str, moment: datetime) -> tuple[StoredObject, ...]:
        location = urlsplit(uri)
        try:
            return self._objects.at(location.netloc, location.path.lstrip("/"), moment)
        except TooManyObjectsError as error:
            raise _AbsentError(str(error)) from error

    def _artifact(self, training: dict[str, Any]) -> StoredObject:
        uri = (training.get("ModelArtifacts") or {}).get("S3ModelArtifacts")
        if not uri:
            raise _AbsentError("this run trained no model")
        location = urlsplit(uri)
        key = location.path.lstrip("/")
        head = self.s3.head_object(Bucket=location.netloc, Key=key)
        return stored(location.netloc, head | {"Key": key, "Size": head["ContentLength"]})

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


def _name(stored: StoredObject) -> str:
    return stored.uri.rpartition("/")[2]


def _results(content: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The result of each stage; empty for a stage that did not run to its end."""
    return {stage.key: (content.get(stage.key) or {}).get("result") or {} for stage in STAGES}


def _inputs(content: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The inputs of all jobs: name and S3 URI."""
    for section in content.values():
        request = section.get("input") if isinstance(section, dict) else None
        if isinstance(request, dict):
            yield from inputs(request)


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
