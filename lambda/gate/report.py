"""Reads an evaluation report from S3."""

import json
import re
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gate.errors import GateError, MetricMissingError, ReportInvalidError, ReportMissingError
from gate.lookup import Number, number_at
from gate.objects import s3_errors
from gate.text import one_line
from pipeline.limits import MAX_REPORT_BYTES

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CHUNK = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The configured metrics as read from a report."""

    values: dict[str, Number] = field(default_factory=dict)
    missing: dict[str, MetricMissingError] = field(default_factory=dict)
    """Why each of the other metrics has no value."""
    fault: GateError | None = None
    """Why the whole report could not be read."""
    version: str | None = None
    """The VersionId of the object that was read."""


def read_metrics(s3: "S3Client", uri: str, names: Iterable[str]) -> Reading:
    """Reads the named metrics of a report, discarding the rest, which may be large.

    Raises:
        ServiceError: S3 was unavailable or the read was interrupted.
    """
    try:
        content, version = _content(s3, uri)
        report = _mapping(_text(content))
    except GateError as error:
        return Reading(fault=type(error)(f"{one_line(uri, 1200)}: {error}"))
    values: dict[str, Number] = {}
    missing: dict[str, MetricMissingError] = {}
    for name in names:
        try:
            values[name] = number_at(report, name)
        except MetricMissingError as error:
            missing[name] = error
    return Reading(values=values, missing=missing, version=version)


def _text(content: bytearray) -> str:
    """Decodes the content; the caller can then free the bytes before the document is parsed."""
    try:
        return content.decode(json.detect_encoding(content))
    except UnicodeError as error:
        raise ReportInvalidError(f"invalid JSON: {error}") from error


def _mapping(text: str) -> dict[str, Any]:
    """Parses the document; NaN and Infinity, which Python writes but JSON lacks, are accepted in unused places."""
    try:
        document = json.loads(text)
    except RecursionError as error:
        raise ReportInvalidError("invalid JSON: nested too deeply") from error
    except ValueError as error:
        raise ReportInvalidError(f"invalid JSON: {error}") from error
    if not isinstance(document, dict):
        raise ReportInvalidError(f"must be a JSON object, not a {type(document).__name__}")
    return document


def _content(s3: "S3Client", uri: str) -> tuple[bytearray, str | None]:
    place = re.fullmatch(r"s3://([^/]+)/(.+)", uri, re.DOTALL)
    if place is None:
        raise ReportMissingError("invalid S3 URI; expected s3://<bucket>/<key>")
    content = bytearray()
    with s3_errors(uri, ReportMissingError):
        found = s3.get_object(Bucket=place[1], Key=place[2])
        # Reading the body to its end in chunks verifies its length and checksum.
        with closing(found["Body"]) as body:
            for chunk in body.iter_chunks(_CHUNK):
                content += chunk
                if len(content) > MAX_REPORT_BYTES:
                    raise ReportInvalidError(f"larger than {MAX_REPORT_BYTES:,} bytes, the most that the gate reads")
    return content, found.get("VersionId")
