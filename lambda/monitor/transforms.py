"""Finds what batch transforms of a version have scored since a point in time: files of records, each with its answers.

A file's answers are under ``S3OutputPath``, with the file's path below the input's prefix, and ``.out``:
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TransformOutput.html
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from monitor.captured import MOST, objects
from monitor.serving import Serving, artefacts_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

JOBS = 100
"""The maximum number of jobs that a window takes; the next one takes the rest."""

LATE = timedelta(hours=1)
"""How much later than it ended a job may be listed as completed."""

_WHOLE = (None, "$")
"""A filter that leaves everything in place."""
_NONE = (None, "None")
_CSV = "text/csv"


@dataclass(frozen=True, kw_only=True)
class Transform:
    """A job of the version in service."""

    name: str
    ended: datetime
    files: tuple[tuple[str, str], ...] = ()
    """The keys of the files of records and of their answers."""
    untaken: str = ""
    """Which of its files are not taken, and why; empty if all are."""


class Transforms:
    """The batch transforms of one pipeline's model.

    Args:
        sagemaker: the client.
        s3: the client.
        bucket: the pipeline's bucket.
        prefix: the model's prefix in it, ``<model-name>/``.
        served: the version in service.
    """

    def __init__(self, sagemaker: Any, s3: "S3Client", *, bucket: str, prefix: str, served: Serving) -> None:
        self._sagemaker = sagemaker
        self._s3 = s3
        self._bucket = bucket
        self._prefix = prefix
        self._served = served
        self._artefacts: dict[str, list[str] | None] = {}

    def completed(
        self, *, after: datetime, until: datetime, counted: Mapping[str, datetime]
    ) -> tuple[list[Transform], datetime | None]:
        """Returns the version's jobs that completed after one moment, until another at the latest.

        Args:
            after: aware.
            until: aware.
            counted: the jobs of earlier windows that ended within ``LATE`` of the first moment.

        Returns:
            The jobs, oldest first, and the last moment for which they are complete, unless they are.
        """
        after -= LATE
        ended = sorted(
            (job["TransformEndTime"], job["TransformJobName"])
            for job in self._listed(after)
            if after < job["TransformEndTime"] <= until
        )
        found: list[Transform] = []
        jobs = files = 0
        last = None
        for end, name in ended:
            job = None if name in counted else self._transform(name, end)
            if job is None:
                continue
            if job.files:
                jobs, files = jobs + 1, files + len(job.files)
                if last and last < end and (jobs > JOBS or files > MOST):
                    return found, last
                last = end
            found.append(job)
        return found, None

    def _listed(self, after: datetime) -> Iterator[dict[str, Any]]:
        pages = self._sagemaker.get_paginator("list_transform_jobs").paginate(
            StatusEquals="Completed",
            LastModifiedTimeAfter=after,
            NameContains=f"{self._prefix[:-1]}-",
            PaginationConfig={"PageSize": 100},
        )
        return (job for page in pages for job in page["TransformJobSummaries"] if self._is_own(job["TransformJobName"]))

    def _is_own(self, name: str) -> bool:
        """Returns whether a name is one of those that the function may describe."""
        return f"-{self._prefix[:-1]}-".lower() in f"-{name}".lower()

    def _transform(self, name: str, ended: datetime) -> Transform | None:
        """Returns a job; None if it is of another version."""
        job = self._sagemaker.describe_transform_job(TransformJobName=name)
        artefacts = self._artefacts_of(job["ModelName"])
        if artefacts is None:
            return _untaken(name, ended, f"model {job['ModelName']} no longer exists")
        if artefacts != [*self._served.artefacts]:
            return None
        reason = self._obstacle(job)
        return _untaken(name, ended, reason) if reason else self._taken(job, name, ended)

    def _artefacts_of(self, model: str) -> list[str] | None:
        """Returns the artefacts of a model; None if it does not exist, none if it is not the pipeline's."""
        if model not in self._artefacts:
            try:
                found = self._sagemaker.describe_model(ModelName=model) if self._is_own(model) else {}
                self._artefacts[model] = artefacts_of(found)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ValidationException":
                    raise
                self._artefacts[model] = None
        return self._artefacts[model]

    def _obstacle(self, job: dict[str, Any]) -> str:
        """Returns why a job's output cannot be read as the answers to its input; empty if it can."""
        source, output = job["TransformInput"], job["TransformOutput"]
        processing = job.get("DataProcessing", {})
        for key, plain in (("InputFilter", _WHOLE), ("OutputFilter", _WHOLE), ("JoinSource", _NONE)):
            if processing.get(key) not in plain:
                return f"DataProcessing.{key} is {processing[key]}: its files are not what the model read and answered"
        expected = {
            "ContentType": (_type(source.get("ContentType")), (_CSV,)),
            "Accept": (_type(output.get("Accept")), (None, _CSV)),
            "CompressionType": (source.get("CompressionType"), _NONE),
            "S3DataType": (source["DataSource"]["S3DataSource"]["S3DataType"], ("S3Prefix",)),
            "SplitType": (source.get("SplitType"), (*_NONE, "Line")),
        }
        if source.get("SplitType") == "Line":
            expected["AssembleWith"] = (output.get("AssembleWith"), ("Line",))
        for key, (value, allowed) in expected.items():
            if value not in allowed:
                return f"{key} is {value}, not {allowed[-1]}"
        return self._elsewhere(source["DataSource"]["S3DataSource"]["S3Uri"], output["S3OutputPath"])

    def _elsewhere(self, source: str, output: str) -> str:
        for what, uri in (("input", source), ("output", output)):
            if not f"{uri}/".startswith(f"s3://{self._bucket}/"):
                return f"its {what}, {uri}, is not in the pipeline's bucket, {self._bucket}"
        executions = f"s3://{self._bucket}/{self._prefix}executions/"
        registered = f"s3://{self._bucket}/{self._prefix}registered/"
        for artefact in self._served.artefacts:
            execution = artefact.removeprefix(registered).partition("/")[0]
            if artefact.startswith(registered) and f"{source}/".startswith(f"{executions}{execution}/"):
                return "its input is from the execution that trained the model: the baseline has these records"
        if source.startswith(f"{executions}monitor-"):
            return "mlops monitor --data has judged it"
        return ""

    def _taken(self, job: dict[str, Any], name: str, ended: datetime) -> Transform:
        source = _key(job["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"])
        folder = _key(job["TransformOutput"]["S3OutputPath"]).rstrip("/") + "/"
        started = _second(job.get("TransformStartTime", job["CreationTime"]))
        answers = {key for written, key in objects(self._s3, self._bucket, folder) if _second(written) >= started}
        files = []
        without = 0
        for written, key in objects(self._s3, self._bucket, source):
            output = f"{folder}{_relative(key, source)}.out"
            if output in answers and _second(written) <= started:
                files.append((key, output))
            else:
                without += 1
        if len(files) > MOST:
            return _untaken(name, ended, f"it has more than {MOST:,} files")
        of = f"{without:,} of its {without + len(files):,} files"
        untaken = f"batch transform {name}: {of} have no answers, or have changed since" if without else ""
        return Transform(name=name, ended=ended, files=tuple(files), untaken=untaken)


def _untaken(name: str, ended: datetime, reason: str) -> Transform:
    return Transform(name=name, ended=ended, untaken=f"batch transform {name} is not taken: {reason}")


def pairs(jobs: Iterable[Transform]) -> dict[str, str]:
    """Returns the answers' file of each file of records.

    A file that was scored twice counts once, and answers that a later job has overwritten are the later one's.

    Args:
        jobs: oldest first.
    """
    records = {answers: file for job in jobs for file, answers in job.files}
    return {file: answers for answers, file in records.items()}


def _second(time: datetime) -> datetime:
    """Returns a time as S3 gives it, in whole seconds."""
    return time.replace(microsecond=0)


def _type(value: str | None) -> str | None:
    """Returns a content type without its parameters."""
    return value and value.partition(";")[0].strip().lower()


def _key(uri: str) -> str:
    return uri.removeprefix("s3://").partition("/")[2]


def _relative(key: str, prefix: str) -> str:
    """Returns a key's path below the folder of its prefix; a prefix can end within a name.

    https://github.com/aws/sagemaker-python-sdk/issues/3612
    """
    rest = key[len(prefix) :]
    is_folder = not prefix or prefix.endswith("/") or rest.startswith("/")
    return rest.lstrip("/") if is_folder else key[prefix.rfind("/") + 1 :]
