"""The data that the sample input reads: what stands in this machine's S3 for SageMaker's public bucket of samples."""

import lzma
import shutil
import tempfile
from pathlib import Path
from typing import Any

from local.connection import REGION
from local.errors import LocalError
from sagemaker_local.s3_cache import S3CacheError
from sagemaker_local.service import SageMaker

PROJECT = Path(__file__).parent.parent

_BUCKET = f"sagemaker-sample-data-{REGION}"
_PREFIX = "processing/census/"
_SHIPPED = PROJECT / "data" / "census-income.csv.xz"


def identity(data: Path | None) -> str:
    """What names a file's content without reading it; None stands for the data that the module ships."""
    path = data or _SHIPPED
    try:
        status = path.stat()
    except OSError as error:
        raise LocalError(f"{path}: {error.strerror}") from error
    return f"{path.resolve()} {status.st_size} {status.st_mtime_ns}"


def load(data: Path | None, *, s3: Any, sagemaker: SageMaker, cache: Path) -> None:
    """Puts the data where the sample input looks for it, in place of what lies there.

    Args:
        data: a CSV file; None: the census data that the module ships.
        s3: a client of the emulator.
        sagemaker: keeps the file, so that no job need fetch it.
        cache: the folder in which the shipped data is unpacked, once.

    Raises:
        LocalError: S3 refused the file.
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
        # A folder of its own, of which nothing is left where the disk is full.
        with tempfile.TemporaryDirectory(dir=cache, prefix=f".{path.name}-") as folder:
            partial = Path(folder, path.name)
            with lzma.open(_SHIPPED) as packed, partial.open("xb") as unpacked:
                shutil.copyfileobj(packed, unpacked, 1 << 20)
            partial.replace(path)
    return path
