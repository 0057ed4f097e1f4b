"""The facts of one execution, as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from executions.differences import StageDifference
from executions.progress import MODEL_REJECTED, StageProgress
from pipeline.commit import Commit


@dataclass(frozen=True, kw_only=True)
class StoredObject:
    """An object in S3."""

    uri: str
    size: int
    """Bytes."""
    etag: str
    """S3's hash of the content: the MD5 if the object was uploaded in one part and not encrypted with KMS
    (https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html)."""
    version: str | None
    """None in a bucket without versioning."""
    modified: datetime


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why the execution did not succeed."""

    stage: str | None
    """The key of the stage that failed; None if no stage did."""
    error: str
    """The name of the error, such as ``States.TaskFailed``."""
    reason: str
    job: str | None = None
    """The name of the failed job."""
    log: tuple[str, ...] = ()
    """The last lines of the failed job's log."""


@dataclass(frozen=True, kw_only=True)
class Monitored:
    """What a monitoring job compared, and what it found."""

    baseline: dict[str, Any]
    """The baseline's ``statistics.json``."""
    window: dict[str, Any]
    """The window's ``statistics.json``."""
    violations: dict[str, Any]
    """``constraint_violations.json``."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The facts of one execution."""

    name: str
    arn: str
    status: str
    """RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED or PENDING_REDRIVE."""
    started: datetime
    stopped: datetime | None
    stages: dict[str, StageProgress]
    content: dict[str, Any]
    """The execution's latest data: the sections of ``input.yaml``, with the ``result`` of the stages that ran."""
    evaluation: dict[str, Any] | None = None
    """The evaluation report."""
    evaluation_uri: str | None = None
    champion: dict[str, Any] | None = None
    """The evaluation report of the latest approved model version."""
    monitored: Monitored | None = None
    """None if nothing was monitored."""
    published: tuple[StoredObject, ...] = ()
    """The scripts and ``input.yaml``, as they were when the execution started."""
    commit: Commit | None = None
    """The commit of the scripts, if their record has one."""
    edited: tuple[str, ...] = ()
    """The names of those scripts that are not as they were published: somebody changed them in the bucket."""
    data: tuple[StoredObject, ...] = ()
    """What stages read and no stage of this execution wrote, as it was when the execution started."""
    artifact: StoredObject | None = None
    """The trained model."""
    failure: Failure | None = None
    runtimes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """On this machine: the versions of Python and packages that ran, by the container image that they stand in for."""
    differences: tuple[StageDifference, ...] = ()
    """On this machine: how the stages differed from AWS."""
    absent: dict[str, str] = field(default_factory=dict)
    """Why facts are unavailable, by their titles."""
    made: datetime
    """When the facts were gathered."""

    @property
    def word(self) -> str:
        """The status for people: ``rejected`` if the model was rejected."""
        return "rejected" if self.failure and self.failure.error == MODEL_REJECTED else self.status

    def section(self, key: str) -> dict[str, Any]:
        """A section of ``input.yaml``; empty if there is none."""
        section = self.content.get(key)
        return section if isinstance(section, dict) else {}

    def result(self, key: str) -> dict[str, Any]:
        """A stage's result; empty if it did not run to its end."""
        result = self.section(key).get("result")
        return result if isinstance(result, dict) else {}
