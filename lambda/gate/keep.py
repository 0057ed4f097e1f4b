"""Copies a model and its report to where no job can write, before the model is registered.

This way the gate reads, a person approves and an endpoint loads exactly what was evaluated, however much later and on
every instance it scales to: SageMaker reads a model's artefact whenever an instance starts, and a URI names no version.
"""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from gate.errors import ModelChangedError, ModelMissingError, ReportMissingError
from gate.objects import s3_errors
from pipeline.places import REGISTERED, SCRIPTS

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PART = 64 * 1024 * 1024
"""Bytes per copy request: S3 allows 10,000 parts, and copies each well within the client's timeout."""

_BASELINE = ("Statistics", "Constraints")
"""The files of a baseline, by their names in a model package's metrics."""

_AT_ONCE = 10
"""Parts to copy in parallel, as many as botocore's connection pool holds."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """The current version of an object to copy."""

    key: str
    etag: str
    size: int
    written: datetime

    @classmethod
    def of(cls, key: str, described: Any) -> "Source":
        """Creates it from HeadObject's response or an entry of ListObjectsV2."""
        size = described["ContentLength"] if "ContentLength" in described else described["Size"]
        return cls(key=key, etag=described["ETag"], size=size, written=described["LastModified"])


class Keeper:
    """Copies the artefacts of one execution.

    Args:
        s3: a client.
        bucket: the pipeline's bucket.
        prefix: the model's prefix in the bucket, under which the jobs write.
        execution: the execution's name.
    """

    def __init__(self, s3: "S3Client", *, bucket: str, prefix: str, execution: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._written_by_jobs = f"s3://{bucket}/{prefix}"
        self._protected = tuple(self._written_by_jobs + name for name in (REGISTERED, SCRIPTS))
        self._folder = f"{prefix}{REGISTERED}{execution}/"
        self.moved: list[dict[str, str]] = []
        """The artefacts' old (``from``) and new (``to``) locations."""

    def report(self, uri: str | None) -> dict[str, str] | None:
        """Copies the report and returns its new location and version, or None if there is no report.

        Raises:
            ServiceError: an AWS call failed.
        """
        if uri is None:
            return None
        try:
            if self._is_safe(uri):
                return {"S3Uri": uri}
            with s3_errors(uri, ReportMissingError):
                (source,) = self._one(uri)
        except ReportMissingError:
            return None
        kept = self._copy(source, self._folder + _name(uri), uri)
        version = kept.get("VersionId")
        return {"S3Uri": f"s3://{self._bucket}/{self._folder}{_name(uri)}"} | (
            {"VersionId": version} if version else {}
        )

    def baseline(self, report: str | None) -> dict[str, str] | None:
        """Copies the model's baseline, two files next to the report; returns their new locations, or None without both.

        Raises:
            ServiceError: an AWS call failed.
        """
        if report is None or self._is_safe(report):
            return None
        folder = report.rpartition("/")[0]
        kept = {name: self.report(f"{folder}/{name.lower()}.json") for name in _BASELINE}
        found = {name: copy["S3Uri"] for name, copy in kept.items() if copy}
        return found if len(found) == len(_BASELINE) else None

    def container(
        self, number: int, container: dict[str, Any], *, evaluated: datetime | None, outputs: list[str]
    ) -> dict[str, Any]:
        """Copies a container's model data and returns the container definition with the new location.

        Args:
            number: the container's position in the model, from 1.
            container: a ModelPackageContainerDefinition.
            evaluated: when this execution's evaluation began; the artefact must not be newer.
            outputs: where the evaluation itself writes; artefacts there may be newer.

        Raises:
            ModelMissingError: the artefact does not exist.
            ModelChangedError: the artefact was written after the evaluation began, or while it was being copied.
            ServiceError: an AWS call failed.
        """
        data: dict[str, Any] | None = (container.get("ModelDataSource") or {}).get("S3DataSource")
        uri = data["S3Uri"] if data else container.get("ModelDataUrl")
        if uri is None or self._is_safe(uri):
            return container
        folder = f"{self._folder}container-{number}/"
        whole = data is not None and data.get("S3DataType") == "S3Prefix"
        with s3_errors(uri, ModelMissingError):
            sources = list(self._below(uri) if whole else self._one(uri))
        if not sources:
            raise ModelMissingError(f"{uri}: there is no such object")
        if evaluated and not any(uri.startswith(output.rstrip("/") + "/") for output in outputs):
            _require_older(sources, evaluated, uri)
        top = _key(uri) if whole else _key(uri).rpartition("/")[0] + "/"
        kept = [self._copy(source, folder + source.key.removeprefix(top).lstrip("/"), uri) for source in sources]
        place = f"s3://{self._bucket}/{folder}" + ("" if whole else _name(uri))
        self.moved.append({"from": uri, "to": place})
        if "Environment" in container:
            # For example SAGEMAKER_SUBMIT_DIRECTORY, if the model's archive includes the code.
            moved = {key: place if value == uri else value for key, value in container["Environment"].items()}
            container = container | {"Environment": moved}
        if data:
            return container | {"ModelDataSource": {"S3DataSource": data | {"S3Uri": place}}}
        return container | {"ModelDataUrl": place, "ModelDataETag": kept[0]["ETag"].strip('"')}

    def _is_safe(self, uri: str) -> bool:
        """Whether the location is out of reach of the pipeline's jobs."""
        return not uri.startswith(self._written_by_jobs) or uri.startswith(self._protected)

    def _one(self, uri: str) -> Iterator[Source]:
        yield Source.of(_key(uri), self._s3.head_object(Bucket=self._bucket, Key=_key(uri)))

    def _below(self, uri: str) -> Iterator[Source]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=_key(uri))
        for page in pages:
            yield from (Source.of(found["Key"], found) for found in page.get("Contents", ()))

    def _copy(self, source: Source, key: str, uri: str) -> Any:
        """Copies an object unless it has changed. Returns HeadObject's response for the copy."""
        target: dict[str, Any] = {"Bucket": self._bucket, "Key": key}
        with s3_errors(uri, ModelMissingError):
            try:
                if source.size > _PART:
                    self._copy_in_parts(source, target)
                else:
                    # Copying tags would need further permissions.
                    self._s3.copy_object(**target, **self._from(source), TaggingDirective="REPLACE")
            except ClientError as error:
                if error.response["Error"]["Code"] != "PreconditionFailed":
                    raise
                raise ModelChangedError(
                    f"{uri} was overwritten while it was being copied; run the pipeline again"
                ) from error
            return self._s3.head_object(**target)

    def _from(self, source: Source) -> dict[str, Any]:
        return {"CopySource": {"Bucket": self._bucket, "Key": source.key}, "CopySourceIfMatch": source.etag}

    def _copy_in_parts(self, source: Source, target: dict[str, Any]) -> None:
        upload: dict[str, Any] = {**target, "UploadId": self._s3.create_multipart_upload(**target)["UploadId"]}

        def copy(number: int) -> Any:
            first = (number - 1) * _PART
            last = min(first + _PART, source.size) - 1
            copied = self._s3.upload_part_copy(
                **upload, **self._from(source), PartNumber=number, CopySourceRange=f"bytes={first}-{last}"
            )
            return {"PartNumber": number, "ETag": copied["CopyPartResult"]["ETag"]}

        try:
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                parts = list(pool.map(copy, range(1, -(-source.size // _PART) + 1)))
            self._s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
        except BaseException:
            self._s3.abort_multipart_upload(**upload)
            raise


def _require_older(sources: list[Source], evaluated: datetime, uri: str) -> None:
    newest = max(source.written for source in sources)
    if newest > evaluated:
        raise ModelChangedError(
            f"{uri} was written at {newest.isoformat()}, after the evaluation began at {evaluated.isoformat()}: "
            "it is not the model that was evaluated; find out who wrote it, and run the pipeline again"
        )


def _key(uri: str) -> str:
    return re.sub(r"^s3://[^/]+/", "", uri)


def _name(uri: str) -> str:
    return uri.rpartition("/")[2]
