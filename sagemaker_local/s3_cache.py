"""Downloads jobs' inputs from S3 as SageMaker does, uploads their outputs, and caches both.

Transfers through the emulator take seconds. So every object that is downloaded or uploaded is kept in a folder, by its
bucket, key, ETag and size, and later downloads copy it from there. They never link it, so that a job which edits its
input does not corrupt the cache.
"""

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from sagemaker_local.cache import Cache
from sagemaker_local.job_files import escapes

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_SINGLE_PUT_BYTES = 1024**3
_FILE_NAME_ERRORS = {
    errno.ENAMETOOLONG: "a file system allows at most 255 bytes between two slashes",
    **dict.fromkeys(
        (errno.EEXIST, errno.ENOTDIR, errno.EISDIR),
        "another object's key needs a file where this one needs a folder, or the reverse",
    ),
}
"""Messages for names that S3 allows and a file system does not."""
_CHUNK = 1 << 20
_PARALLEL = 8

_T = TypeVar("_T")


class S3CacheError(Exception):
    """An S3 transfer failed; the message names the URI."""


class NothingFoundError(S3CacheError):
    """A data source has no objects."""


@dataclass(frozen=True, kw_only=True)
class S3Object:
    """One object of a data source."""

    bucket: str
    key: str
    etag: str
    size: int
    relative: str
    """Its path below the data source's folder."""


def split_uri(uri: str) -> tuple[str, str]:
    """Returns the bucket and key of an ``s3://`` URI. Raises S3CacheError for anything else."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise S3CacheError(f"{uri!r} is not an S3 URI (s3://bucket/key)")
    return bucket, key


def join_uri(uri: str, *names: str) -> str:
    """Appends names to a URI, whether or not it ends in a slash."""
    return "/".join([uri.rstrip("/"), *names])


class S3Cache:
    """Transfers objects to and from one S3 endpoint. Safe to use from several threads.

    Args:
        s3: a boto3 client.
        cache: the cache's folder.
    """

    def __init__(self, *, s3: "S3Client", cache: Path) -> None:
        self._s3 = s3
        self._cache = Cache(cache)

    @property
    def client(self) -> "S3Client":
        """The boto3 client."""
        return self._s3

    def items(self, uri: str, *, data_type: str = "S3Prefix") -> list[S3Object]:
        """Lists a data source's objects, ordered by key or as in the manifest.

        Args:
            uri: the source's ``S3Uri``: a key, a key prefix, or a manifest.
            data_type: ``S3Prefix`` or ``ManifestFile``.

        Raises:
            NothingFoundError: no object matches.
            S3CacheError: an S3 request failed, or the manifest is invalid.
        """
        with _s3_errors(uri):
            found = self._list_manifest(uri) if data_type == "ManifestFile" else self._list_prefix(uri)
        if not found:
            raise NothingFoundError(f'No S3 objects found under S3 URL "{uri}" given in input data source.')
        return found

    def get(self, items: Iterable[S3Object], folder: Path, *, check: Callable[[], object] = lambda: None) -> None:
        """Downloads objects to a folder.

        Args:
            items: the objects, from ``items``.
            folder: created if missing.
            check: called before each object; may raise to abort.

        Raises:
            S3CacheError: an S3 request failed, or a key is not a valid file name.
        """

        def download(item: S3Object) -> None:
            check()
            target = folder / item.relative
            with file_name_errors(item):
                target.parent.mkdir(parents=True, exist_ok=True)
                target.open("wb").close()  # unlike touch(), fails for a folder
            shutil.copyfile(self.cached(item), target)

        in_parallel(download, items)

    def cached(self, item: S3Object) -> Path:
        """Returns a file with the object's content, which must not be modified. Downloads it if necessary."""
        identity = _identity(item.bucket, item.key, item.etag, item.size)
        file = self._cache.find(identity)
        if file is not None:
            return file
        with _s3_errors(f"s3://{item.bucket}/{item.key}"), self._cache.writing(identity) as target:
            body = self._s3.get_object(Bucket=item.bucket, Key=item.key, IfMatch=item.etag)["Body"]
            while chunk := body.read(_CHUNK):
                target.write(chunk)
        return self.cached(item)

    def put(self, file: Path, uri: str, *, adopt: bool = False) -> None:
        """Uploads a file and caches it.

        Args:
            file: the file.
            uri: the object's URI.
            adopt: whether to move the file into the cache instead of copying it.
        """
        with file.open("rb") as body:
            identity = self._upload(body, uri)
            if adopt:
                self._cache.adopt(file, body, identity)
            else:
                self._cache.copy(body, identity)

    def put_job_file(self, opened: BinaryIO, name: str, folder: int, uri: str) -> None:
        """Uploads a file that a job wrote, and moves it into the cache.

        Args:
            opened: the file, open for reading.
            name: its name.
            folder: the descriptor of its folder.
            uri: the object's URI.
        """
        self._cache.adopt(name, opened, self._upload(opened, uri), folder=folder)

    def put_open(self, opened: BinaryIO, uri: str) -> None:
        """Uploads an open file to which a job may still write, and does not cache it."""
        self._upload(opened, uri)

    def _upload(self, body: BinaryIO, uri: str) -> str:
        """Uploads an open file. Returns its content's identity."""
        bucket, key = split_uri(uri)
        size = os.fstat(body.fileno()).st_size
        with _s3_errors(uri):
            if size > _SINGLE_PUT_BYTES:
                with os.fdopen(os.dup(body.fileno()), "rb") as given:  # boto3 closes it
                    self._s3.upload_fileobj(given, bucket, key)
                etag = self._s3.head_object(Bucket=bucket, Key=key)["ETag"]
            else:
                # A single request is twice as fast as upload_file's parts with the emulator, and returns the ETag.
                etag = self._s3.put_object(Bucket=bucket, Key=key, Body=body)["ETag"]
        return _identity(bucket, key, etag, size)

    def _list_prefix(self, uri: str) -> list[S3Object]:
        bucket, prefix = split_uri(uri)
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [
            S3Object(
                bucket=bucket,
                key=found["Key"],
                etag=found["ETag"],
                size=found["Size"],
                relative=_require_inside(relative_path(found["Key"], prefix), uri),
            )
            for page in pages
            for found in page.get("Contents", [])
            if not found["Key"].endswith("/")  # the console's placeholder for an empty folder
        ]

    def _list_manifest(self, uri: str) -> list[S3Object]:
        bucket, key = split_uri(uri)
        body = self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        try:
            first, *names = json.loads(body)
            bucket, prefix = split_uri(first["prefix"])
        except (ValueError, KeyError, TypeError) as error:
            raise S3CacheError(f'{uri} is not a manifest ([{{"prefix": "s3://..."}}, "name", ...])') from error
        return [self._head(bucket, prefix + name, _require_inside(name, uri)) for name in names]

    def _head(self, bucket: str, key: str, relative: str) -> S3Object:
        with _s3_errors(f"s3://{bucket}/{key}"):
            head = self._s3.head_object(Bucket=bucket, Key=key)
        return S3Object(bucket=bucket, key=key, etag=head["ETag"], size=head["ContentLength"], relative=relative)


def in_parallel(transfer: Callable[[_T], None], what: Iterable[_T]) -> None:
    """Transfers items in several threads. Raises the first failed item's exception."""
    with ThreadPoolExecutor(_PARALLEL) as pool:
        for done in [pool.submit(transfer, one) for one in what]:
            done.result()


def relative_path(key: str, prefix: str) -> str:
    """Returns the path, below the data source's folder, at which SageMaker stores a key that matches a prefix.

    If the prefix ends at a folder, the path is relative to that folder; otherwise it keeps the whole name in which the
    prefix ends: ``data/train`` gives ``a.csv`` for ``data/train/a.csv`` and ``train-a.csv`` for ``data/train-a.csv``
    (https://github.com/aws/sagemaker-python-sdk/issues/3612, observed on SageMaker itself).
    """
    rest = key[len(prefix) :]
    whole_folder = rest.startswith("/") or prefix.endswith("/") or not prefix
    return rest.lstrip("/") if whole_folder else key[prefix.rfind("/") + 1 :]


def _require_inside(relative: str, uri: str) -> str:
    if escapes(relative):
        raise S3CacheError(f"{uri}: the key {relative!r} is outside the data source's folder")
    return relative


@contextlib.contextmanager
def file_name_errors(item: S3Object) -> Iterator[None]:
    """Raises S3CacheError, with the key, if the block cannot create a file because of the object's name."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FILE_NAME_ERRORS:
            raise
        key = f"s3://{item.bucket}/{item.key}"
        raise S3CacheError(f"{key}: the key is not a valid file name: {_FILE_NAME_ERRORS[error.errno]}") from error


@contextlib.contextmanager
def _s3_errors(uri: str) -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise S3CacheError(f"{uri}: {error}") from error


def _identity(bucket: str, key: str, etag: str, size: int) -> str:
    return f"{bucket}/{key}\n{etag}\n{size}"
