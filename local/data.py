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
    """Identifies the content of a file, or of a folder's files, without reading it; None means the shipped data.

    Raises:
        LocalError: it cannot be read, or the folder has no files.
    """
    path = data or _SHIPPED
    try:
        found = [(str(file.resolve()), file.stat()) for file in files_of(path).values()]
    except OSError as error:
        raise LocalError(f"{path}: {error.strerror}") from error
    return "\n".join(f"{name} {status.st_size} {status.st_mtime_ns}" for name, status in found)


def load(data: Path | None, *, s3: Any, sagemaker: SageMaker, cache: Path) -> None:
    """Uploads the data to the place that the sample input reads from, and deletes other data there.

    Args:
        data: a file, or a folder with files; None for the shipped census data.
        s3: a client of the emulator.
        sagemaker: keeps the files, so that jobs need not download them.
        cache: the folder for the unpacked shipped data.

    Raises:
        LocalError: S3 rejected a file.
    """
    path = data or _unpacked(cache)
    s3.create_bucket(Bucket=_BUCKET)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=_BUCKET, Prefix=_PREFIX)
    for key in [item["Key"] for page in pages for item in page.get("Contents", ())]:
        s3.delete_object(Bucket=_BUCKET, Key=key)
    try:
        for name, file in files_of(path).items():
            sagemaker.upload(file, bucket=_BUCKET, key=_PREFIX + name)
    except S3CacheError as error:
        raise LocalError(str(error)) from error


def files_of(path: Path) -> dict[str, Path]:
    """Returns the file itself by its name, or the files of a folder and its subfolders, but for hidden ones, by path.

    Raises:
        LocalError: the folder has no files.
    """
    if not path.is_dir():
        return {path.name: path}
    below = {file.relative_to(path): file for file in sorted(path.rglob("*")) if file.is_file()}
    found = {
        name.as_posix(): file for name, file in below.items() if not any(part.startswith(".") for part in name.parts)
    }
    if not found:
        raise LocalError(f"{path}: the folder has no files")
    return found


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
