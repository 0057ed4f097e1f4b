"""Reads which objects lay in S3 at a moment, from the versions of a bucket."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from report.facts import StoredObject

LISTED = 10_000
"""The maximum number of versions below a prefix; a listing of more takes more than two seconds on AWS."""


class TooManyObjectsError(Exception):
    """There are more versions below a prefix than are listed."""


@dataclass(kw_only=True)
class StoredObjects:
    """Lists each prefix once, however many moments are asked for."""

    s3: Any
    """A client."""
    _listed: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def at(self, bucket: str, prefix: str, moment: datetime) -> tuple[StoredObject, ...]:
        """Returns the objects below a prefix, each in the version that was current at a moment, sorted by key.

        Without versioning, S3 keeps only the newest version, so an object that was replaced later is left out.

        Raises:
            TooManyObjectsError: there are more than ``LISTED`` versions.
            ClientError: S3 rejects the call.
        """
        with self._lock:
            if (bucket, prefix) not in self._listed:
                self._listed[bucket, prefix] = sorted(self._versions(bucket, prefix), key=_order)
            listed = self._listed[bucket, prefix]
        current = []
        for _, versions in groupby(listed, key=lambda found: found["Key"]):
            earlier = [found for found in versions if found["LastModified"] <= moment]
            # A delete marker has no ETag: the object was not there.
            if earlier and "ETag" in earlier[-1]:
                current.append(stored(bucket, earlier[-1]))
        return tuple(current)

    def _versions(self, bucket: str, prefix: str) -> Iterator[dict[str, Any]]:
        count = 0
        for page in self.s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
            found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            count += len(found)
            if count > LISTED:
                raise TooManyObjectsError(f"s3://{bucket}/{prefix} has more than {LISTED:,} objects and versions")
            yield from found


def _order(found: dict[str, Any]) -> tuple[str, datetime, bool]:
    """Sorts by key, then by age; S3's times are in whole seconds, so that two versions may be equally old."""
    return found["Key"], found["LastModified"], found["IsLatest"]


def stored(bucket: str, found: dict[str, Any]) -> StoredObject:
    """Describes an object, given as ListObjectVersions returns it."""
    version = found.get("VersionId")
    return StoredObject(
        uri=f"s3://{bucket}/{found['Key']}",
        size=found["Size"],
        etag=found["ETag"].strip('"'),
        version=None if version in {None, "null"} else version,
        modified=found["LastModified"],
    )
