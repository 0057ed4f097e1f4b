"""Loads the sample input's data into the emulator's S3, in place of SageMaker's public bucket of sample data."""

import lzma
import shutil
import tempfile
from pathlib import Path
from typing import Any

from executions.defaults import PROJECT
from local.connection import REGION
from local.errors import LocalError
from sagemaker_local.s3_cache import S3CacheError
from sagemaker_local.service import SageMaker

_BUCKET = f"sagemaker-sample-data-{REGION}"
_PREFIX = "processing/census/"
_SHIPPED = PROJECT / "data" / "census-income.csv.xz"


def identity(data: Path | None) -> str:
    """Identifies a file's content without reading it; None means the shipped data."""
    path = data or _SHIPPED
    try:
        status = path.stat()
    except OSError as error:
        raise LocalError(f"{path}: {error.strerror}") from error
    return f"{path.resolve()} {status.st_size} {status.st_mtime_ns}"


def load(data: Path | None, *, s3: Any, sagemaker: SageMaker, cache: Path) -> None:
    """Uploads the data to the place that the sample input reads from, and deletes other data there.

    Args:
        data: a CSV file; None for the shipped census data.
        s3: a client of the emulator.
        sagemaker: keeps the file, so that jobs need not download it.
        cache: the folder for the unpacked shipped data.

    Raises:
        LocalError: S3 rejected the file.
    """
    path = data or _unpacked(cache)
    s3.create_bucket(Bucket=_BUCKET)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=_BUCKET, Prefix=_PREFIX)
    for key in [item["Key"] for page in pages for item in page.get("Contents", ())]:
        s3.delete_object(Bucket=_BUCKET, Key=key)
    try:
        sagemaker.upload(path, bucket=_BUCKET, key=_PREFIX + path.name)
    except S3CacheError as error:
        raise LocalError(str(error)) from error


def _unpacked(cache: Path) -> Path:
    path = cache / _SHIPPED.stem
    if not path.exists():
        # In a temporary folder, so that nothing is left if the disk is full.
        with tempfile.TemporaryDirectory(dir=cache, prefix=f".{path.name}-") as folder:
            partial = Path(folder, path.name)
            with lzma.open(_SHIPPED) as packed, partial.open("xb") as unpacked:
                shutil.copyfileobj(packed, unpacked, 1 << 20)
            partial.replace(path)
    return path
