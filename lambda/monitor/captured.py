"""Finds the files of captured requests that an endpoint has written since a point in time.

A file's key is ``<prefix>/<endpoint>/<variant>/yyyy/mm/dd/hh/<name>.jsonl``, so S3 lists the hours in order:
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from monitor.errors import TooManyCapturesError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_HOUR = "%Y/%m/%d/%H/"
_LATE = timedelta(hours=1)
"""How much later than its hour a file may be written."""

MOST = 50_000
"""The maximum number of files per variant that are listed; the next window takes the rest."""


@dataclass(frozen=True, kw_only=True)
class Captured:
    """The files of one window."""

    keys: tuple[str, ...]
    ends: datetime
    """The last moment of the window: files written later are for the next one."""


def captured(
    s3: "S3Client", folder: str, variants: tuple[str, ...], *, bucket: str, after: datetime, until: datetime
) -> Captured:
    """Returns the files written after one moment, until another at the latest.

    Args:
        s3: the client.
        folder: the key prefix of the endpoint's requests.
        variants: the names of its variants.
        bucket: the pipeline's bucket.
        after: aware; a file written at this moment does not count.
        until: aware; a file written at this moment counts.

    Raises:
        TooManyCapturesError: there are more files around the first moment than a window can take.
    """
    found: list[tuple[datetime, str]] = []
    for variant in variants:
        listed, complete = _listed(s3, bucket, f"{folder}/{variant}/", after=after)
        until = min(until, complete or until)
        found += listed
    if until <= after:
        place = f"s3://{bucket}/{folder}"
        raise TooManyCapturesError(f"{place} has more than {MOST:,} files within two hours of {after:%Y-%m-%d %H:%M}")
    return Captured(keys=tuple(sorted(key for written, key in found if after < written <= until)), ends=until)


def _listed(
    s3: "S3Client", bucket: str, prefix: str, *, after: datetime
) -> tuple[list[tuple[datetime, str]], datetime | None]:
    """Lists up to ``MOST`` files with the times at which they were written.

    If there are more, also returns the beginning of the last hour listed: the hours before it are complete.
    """
    start = prefix + (after - _LATE).astimezone(UTC).strftime(_HOUR)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, StartAfter=start)
    found: list[tuple[datetime, str]] = []
    for page in pages:
        for item in page.get("Contents", ()):
            if len(found) == MOST:
                hour = found[-1][1].removeprefix(prefix)[: len("yyyy/mm/dd/hh/")]
                return found, datetime.strptime(hour, _HOUR).replace(tzinfo=UTC)
            found.append((item["LastModified"], item["Key"]))
    return found, None


def objects(s3: "S3Client", bucket: str, prefix: str) -> Iterator[tuple[datetime, str]]:
    """Yields when the objects under a prefix were written, and their keys."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", ()):
            if not item["Key"].endswith("/"):
                yield item["LastModified"], item["Key"]
