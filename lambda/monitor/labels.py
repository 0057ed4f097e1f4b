"""Finds labels that have arrived since a point in time, and the captured requests that they can belong to.

A file's key is ``<model-name>/labels/yyyy/mm/dd/hh/<name>.jsonl``, where the hour is when the labels were collected.
They can belong to any earlier request:
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-merge.html
"""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from monitor.captured import MOST, objects

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_DAYS = 366
"""How far back labels can have records."""
_FILES = (".jsonl", ".csv")


def new_labels(
    s3: "S3Client", prefix: str, *, bucket: str, after: datetime, until: datetime
) -> tuple[tuple[str, ...], datetime]:
    """Returns the files written after one moment, until another at the latest.

    Args:
        s3: the client.
        prefix: the key prefix of all labels.
        bucket: the pipeline's bucket.
        after: aware; a file written at this moment does not count.
        until: aware; a file written at this moment counts.

    Returns:
        The files' keys, and the last moment for which they are complete.
    """
    found = sorted(
        (written, key)
        for written, key in objects(s3, bucket, prefix)
        if after < written <= until and key.endswith(_FILES)
    )
    if len(found) > MOST:
        until = found[MOST - 1][0]
    return tuple(key for written, key in found if written <= until), until


def earlier(
    s3: "S3Client", folder: str, variants: tuple[str, ...], *, bucket: str, since: datetime, until: datetime
) -> tuple[str, ...]:
    """Returns the files of earlier windows: the newest of each variant, as many as a window can take.

    Args:
        s3: the client.
        folder: the key prefix of the endpoint's requests.
        variants: the names of its variants.
        bucket: the pipeline's bucket.
        since: aware; a file written at this moment does not count.
        until: aware; a file written at this moment counts.
    """
    keys: list[str] = []
    for variant in variants:
        found: list[tuple[datetime, str]] = []
        for days in range(min((until - since).days + 2, _DAYS)):
            prefix = f"{folder}/{variant}/{until.astimezone(UTC) - timedelta(days=days):%Y/%m/%d}/"
            found += [(written, key) for written, key in objects(s3, bucket, prefix) if since < written <= until]
            if len(found) >= MOST:
                break
        keys += [key for _, key in sorted(found)[-MOST:]]
    return tuple(sorted(keys))
