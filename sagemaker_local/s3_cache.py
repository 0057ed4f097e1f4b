"""S3 as a job sees it: what SageMaker lays out from a data source, what it uploads, and a cache of both.

A transfer through the emulator costs seconds, so every object that passes here, in either direction, stays in a folder
under a name made of its bucket, key, ETag and size. A later input of the same content is copied from there: copied,
never linked, so that a job which edits its input spoils nothing.
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
from sagemaker_local.job_files import leads_out

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_SINGLE_PUT_BYTES = 1024**3
_NO_FILE = {
    errno.ENAMETOOLONG: "it is too long: of what stands between two slashes, a file system takes 255 bytes",
    **dict.fromkeys(
        (errno.EEXIST, errno.ENOTDIR, errno.EISDIR),
        "another object has the name of a folder that it lies in, or lies in a folder of its name",
    ),
}
"""What a file system refuses in a name that S3 takes."""
_CHUNK = 1 << 20
_PARALLEL = 8

_T = TypeVar("_T")


class S3CacheError(Exception):
    """An S3 transfer could not be done; the message names the URI."""


class NothingFoundError(S3CacheError):
    """A data source holds no object at all."""


@dataclass(frozen=True, kw_only=True)
class S3Object:
    """One object of a data source."""

    bucket: str
    key: str
    etag: str
    size: int
    relative: str
    """Its path below the folder into which the data source is laid out."""


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of an ``s3://`` URI. Raises S3CacheError for anything else."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise S3CacheError(f"{uri!r} is not an S3 URI (s3://bucket/key)")
    return bucket, key


def join_uri(uri: str, *names: str) -> str:
    """The URI of something below another, whether or not that one ends in a slash."""
    return "/".join([uri.rstrip("/"), *names])


class S3Cache:
    """The objects of one S3 endpoint. Safe to use from several threads.

    Args:
        s3: a boto3 client.
        cache: a folder to keep contents in.
    """

    def __init__(self, *, s3: "S3Client", cache: Path) -> None:
        self._s3 = s3
        self._cache = Cache(cache)

    @property
    def client(self) -> "S3Client":
        """The boto3 client."""
        return self._s3

    def items(self, uri: str, *, data_type: str = "S3Prefix") -> list[S3Object]:
        """The objects of a data source, in the order of their keys or of the manifest.

        Args:
            uri: ``S3Uri`` of the source: a key, a prefix of keys, or a manifest.
            data_type: ``S3Prefix`` or ``ManifestFile``.

        Raises:
            NothingFoundError: no object matches.
            S3CacheError: S3 refused, or the manifest is none.
        """
        with _named(uri):
            found = self._of_manifest(uri) if data_type == "ManifestFile" else self._of_prefix(uri)
        if not found:
            raise NothingFoundError(f'No S3 objects found under S3 URL "{uri}" given in input data source.')
        return found

    def get(self, items: Iterable[S3Object], folder: Path, *, check: Callable[[], object] = lambda: None) -> None:
        """Lays the objects out below a folder.

        Args:
            items: as ``items`` gave them.
            folder: made if missing.
            check: called before each object; may raise to break off.

        Raises:
            S3CacheError: S3 refused, or there can be no file of an object's name.
        """

        def lay_out(item: S3Object) -> None:
            check()
            target = folder / item.relative
            with as_file(item):
                target.parent.mkdir(parents=True, exist_ok=True)
                target.open("wb").close()  # touch() would take a folder, too
            shutil.copyfile(self.cached(item), target)

        in_parallel(lay_out, items)

    def cached(self, item: S3Object) -> Path:
        """A file with the object's content, fetched if need be: to be read and not to be changed."""
        identity = _identity(item.bucket, item.key, item.etag, item.size)
        file = self._cache.find(identity)
        if file is not None:
            return file
        with _named(f"s3://{item.bucket}/{item.key}"), self._cache.filling(identity) as target:
            body = self._s3.get_object(Bucket=item.bucket, Key=item.key, IfMatch=item.etag)["Body"]
            while chunk := body.read(_CHUNK):
                target.write(chunk)
        return self.cached(item)

    def put(self, file: Path, uri: str, *, adopt: bool = False) -> None:
        """Uploads a file, so that a job which takes it as its input need not download it.

        Args:
            file: what to upload.
            uri: where to.
            adopt: whether the file may be moved away afterwards; it is copied otherwise.
        """
        with file.open("rb") as body:
            identity = self._upload(body, uri)
            if adopt:
                self._cache.adopt(file, body, identity)
            else:
                self._cache.copy(body, identity)

    def put_left(self, opened: BinaryIO, name: str, folder: int, uri: str) -> None:
        """Uploads a file that a job has left, and moves it into the cache.

        Args:
            opened: the file, open for reading.
            name: its name.
            folder: the descriptor of the folder that it lies in.
            uri: where to.
        """
        self._cache.adopt(name, opened, self._upload(opened, uri), folder=folder)

    def _upload(self, body: BinaryIO, uri: str) -> str:
        """Uploads an open file. Returns the content's identity."""
        bucket, key = split_uri(uri)
        size = os.fstat(body.fileno()).st_size
        with _named(uri):
            if size > _SINGLE_PUT_BYTES:
                with os.fdopen(os.dup(body.fileno()), "rb") as given:  # it is closed there
                    self._s3.upload_fileobj(given, bucket, key)
                etag = self._s3.head_object(Bucket=bucket, Key=key)["ETag"]
            else:
                # In one piece: against the emulator twice as fast as the parts of upload_file, and it tells the ETag.
                etag = self._s3.put_object(Bucket=bucket, Key=key, Body=body)["ETag"]
        return _identity(bucket, key, etag, size)

    def _of_prefix(self, uri: str) -> list[S3Object]:
        bucket, prefix = split_uri(uri)
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [
            S3Object(
                bucket=bucket,
                key=found["Key"],
                etag=found["ETag"],
                size=found["Size"],
                relative=_contained(relative_path(found["Key"], prefix), uri),
            )
            for page in pages
            for found in page.get("Contents", [])
            if not found["Key"].endswith("/")  # what a console makes to show an empty folder
        ]

    def _of_manifest(self, uri: str) -> list[S3Object]:
        bucket, key = split_uri(uri)
        body = self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        try:
            first, *names = json.loads(body)
            bucket, prefix = split_uri(first["prefix"])
        except (ValueError, KeyError, TypeError) as error:
            raise S3CacheError(f'{uri} is no manifest ([{{"prefix": "s3://..."}}, "name", ...])') from error
        return [self._head(bucket, prefix + name, _contained(name, uri)) for name in names]

    def _head(self, bucket: str, key: str, relative: str) -> S3Object:
        with _named(f"s3://{bucket}/{key}"):
            head = self._s3.head_object(Bucket=bucket, Key=key)
        return S3Object(bucket=bucket, key=key, etag=head["ETag"], size=head["ContentLength"], relative=relative)


def in_parallel(transfer: Callable[[_T], None], what: Iterable[_T]) -> None:
    """Has several threads transfer each of these. Raises what the first that failed raised."""
    with ThreadPoolExecutor(_PARALLEL) as pool:
        for done in [pool.submit(transfer, one) for one in what]:
            done.result()


def relative_path(key: str, prefix: str) -> str:
    """Where SageMaker puts a key that a prefix matched, below the data source's folder.

    A prefix that ends at a folder leaves what comes below it; any other leaves the whole of the name that it ends in:
    ``data/train`` gives ``a.csv`` for ``data/train/a.csv`` and ``train-a.csv`` for ``data/train-a.csv``
    (https://github.com/aws/sagemaker-python-sdk/issues/3612, observed on SageMaker itself).
    """
    rest = key[len(prefix) :]
    whole_folder = rest.startswith("/") or prefix.endswith("/") or not prefix
    return rest.lstrip("/") if whole_folder else key[prefix.rfind("/") + 1 :]


def _contained(relative: str, uri: str) -> str:
    if leads_out(relative):
        raise S3CacheError(f"{uri}: the key {relative!r} leads out of the folder it belongs in")
    return relative


@contextlib.contextmanager
def as_file(item: S3Object) -> Iterator[None]:
    """Has the block make a file of an object's name. Raises S3CacheError, with the key, where there can be none."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_FILE:
            raise
        key = f"s3://{item.bucket}/{item.key}"
        raise S3CacheError(f"{key}: the key cannot be the name of a file: {_NO_FILE[error.errno]}") from error


@contextlib.contextmanager
def _named(uri: str) -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise S3CacheError(f"{uri}: {error}") from error


def _identity(bucket: str, key: str, etag: str, size: int) -> str:
    return f"{bucket}/{key}\n{etag}\n{size}"
