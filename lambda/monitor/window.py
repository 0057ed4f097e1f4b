"""A window of what a version has scored: its files, and the inputs of the job that judges them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from monitor.captured import Captured, captured
from monitor.errors import NotCapturedError
from monitor.labels import earlier, new_labels
from monitor.transforms import LATE, Transform, Transforms, pairs

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from monitor.ledger import Ledger
    from monitor.serving import Serving

_LEAST = timedelta(microseconds=1)
_NOTES = 10
"""The maximum number of notes."""


@dataclass(frozen=True, kw_only=True)
class Files:
    """The keys of a window's files."""

    requests: tuple[str, ...]
    """Captured requests."""
    answers: Mapping[str, str]
    """Of batch transforms: each file of records with that of its answers."""
    labels: tuple[str, ...] = ()
    """Labels that have arrived since."""
    earlier: tuple[str, ...] = ()
    """Requests of earlier windows, to which the labels can belong."""

    @property
    def count(self) -> int:
        """How many there are, but for the answers."""
        return len(self.requests) + len(self.answers) + len(self.labels)


@dataclass(frozen=True, kw_only=True)
class Window:
    """A window, which the state machine gives back when the job has ended. Times are in ISO 8601."""

    version: str
    """ARN of the model package."""
    counted: str
    """The name of the execution that counted the last window; empty before the first one."""
    begins: str
    ends: str
    labels_begin: str
    labels_end: str
    jobs: dict[str, str]
    """The names of batch transforms that were counted of late, this window's included, and when they ended."""
    notes: list[str] = field(default_factory=list)
    """What was not taken, and why."""


def open_window(
    s3: "S3Client",
    sagemaker: Any,
    ledger: "Ledger",
    served: "Serving",
    *,
    bucket: str,
    prefix: str,
    now: datetime,
    until: datetime,
) -> tuple[Window, Files]:
    """Returns the window since the last one, and its files.

    Args:
        s3: the client.
        sagemaker: the client.
        ledger: the endpoint's.
        served: what the endpoint serves.
        bucket: the pipeline's bucket.
        prefix: the model's prefix in it, ``<model-name>/``.
        now: aware.
        until: its last moment, if it can take everything until then. Batch transforms may have ended later.

    Raises:
        NotCapturedError: the version has scored nothing that could be read.
        TooManyCapturesError: there are more files around its first moment than it can take.
    """
    begins = _begins(ledger, served)
    after = max(begins, served.since)
    transforms = Transforms(sagemaker, s3, bucket=bucket, prefix=prefix, served=served)
    jobs, complete = transforms.completed(after=begins, until=now, counted=ledger.jobs)
    until = max(min(until, complete or until), begins + _LEAST)
    requests = Captured(keys=(), ends=until)
    if served.captures and after < until:
        requests = captured(s3, served.captures, served.variants, bucket=bucket, after=after, until=until)
    ends = requests.ends
    files = Files(requests=requests.keys, answers=pairs(jobs))
    notes = _notes(served, jobs)
    if not files.answers and ledger.version != served.version:
        _require_captures(served, notes)
    labels_begin = max(ledger.labels or served.since, served.since)
    files, labels_end = _labelled(
        s3, files, served, bucket=bucket, prefix=prefix, after=labels_begin, counted=after, until=ends
    )
    window = Window(
        version=served.version,
        counted=ledger.execution,
        begins=begins.isoformat(),
        ends=ends.isoformat(),
        labels_begin=labels_begin.isoformat(),
        labels_end=labels_end.isoformat(),
        jobs=_late(ledger, jobs, ends),
        notes=notes,
    )
    return window, files


def _require_captures(served: "Serving", notes: list[str]) -> None:
    """Raises NotCapturedError if there is nothing of the version that could be watched."""
    if served.blind:
        none = f"and no batch transform of {served.version} could be taken"
        raise NotCapturedError("; ".join([notes[0], none, *notes[1:]]))


def _labelled(
    s3: "S3Client",
    files: Files,
    served: "Serving",
    *,
    bucket: str,
    prefix: str,
    after: datetime,
    counted: datetime,
    until: datetime,
) -> tuple[Files, datetime]:
    """Adds the labels written after one moment, until another, and the requests counted until a third.

    Returns:
        The files, and the last moment for which the labels are complete. If there are no requests that the labels can
        belong to, they wait.
    """
    labels, complete = new_labels(s3, f"{prefix}labels/", bucket=bucket, after=after, until=until)
    past: tuple[str, ...] = ()
    if labels and served.captures:
        past = earlier(s3, served.captures, served.variants, bucket=bucket, since=served.since, until=counted)
    if not files.requests and not past:
        return files, after
    return replace(files, labels=labels, earlier=past), complete


def _begins(ledger: "Ledger", served: "Serving") -> datetime:
    """Returns from when on nothing of the version has been counted.

    A version's first batch transforms can precede its deployment, while windows of the former version still end.
    """
    if ledger.ends is None:
        return served.created
    if ledger.version == served.version or served.since < ledger.ends:
        return ledger.ends
    return min(ledger.ends, served.created)


def _late(ledger: "Ledger", jobs: list[Transform], ends: datetime) -> dict[str, str]:
    """Returns the jobs that the next window will find again, and when they ended."""
    known = ledger.jobs | {job.name: job.ended for job in jobs}
    return {name: ended.isoformat() for name, ended in known.items() if ended > ends - LATE}


def _notes(served: "Serving", jobs: list[Transform]) -> list[str]:
    """Returns what is not taken, and why."""
    notes = [job.untaken for job in jobs if job.untaken]
    more = [f"{len(notes) - _NOTES:,} more batch transforms"] if len(notes) > _NOTES else []
    return [*([served.blind] if served.blind else ()), *notes[:_NOTES], *more]


def inputs(s3: "S3Client", files: Files, *, bucket: str, folder: str, baseline: str) -> dict[str, dict[str, str]]:
    """Writes lists of a window's files, and returns ``S3Uri`` and ``S3DataType`` of the job's inputs, by name.

    An input without files is left out, since a processing job fails for it. ``window`` is always there: it has
    ``window.json`` with the file of records, as a path below its input, of each file of answers.

    Args:
        s3: the client.
        files: the window's.
        bucket: the pipeline's bucket.
        folder: where to write the lists: a key prefix.
        baseline: S3 URI of the version's baseline.
    """
    lists = {
        "records": [*files.requests, *sorted(files.answers)],
        "answers": sorted(files.answers.values()),
        "labels": [*files.labels],
        "earlier": [*files.earlier],
    }

    def put(name: str, content: Any) -> str:
        s3.put_object(Bucket=bucket, Key=f"{folder}{name}.json", Body=json.dumps(content).encode())
        return f"s3://{bucket}/{folder}{name}.json"

    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3DataSource.html has the layout of ManifestFile.
    manifests = {
        name: {"S3Uri": put(name, [{"prefix": f"s3://{bucket}/"}, *keys]), "S3DataType": "ManifestFile"}
        for name, keys in lists.items()
        if keys
    }
    records = {answers: file for file, answers in files.answers.items()}
    return {
        "baseline": {"S3Uri": baseline, "S3DataType": "S3Prefix"},
        "window": {"S3Uri": put("window", {"answers": records}), "S3DataType": "S3Prefix"},
    } | manifests
