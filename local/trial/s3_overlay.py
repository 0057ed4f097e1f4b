"""An S3 client that reads some objects from memory and writes to a folder, so that a trial changes nothing in S3."""

import hashlib
import io
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from botocore.exceptions import ClientError


class S3Overlay:
    """The part of a boto3 client for S3 that ``sagemaker_local`` uses.

    Args:
        s3: the client to read all other objects with.
        bucket: the bucket of the objects in memory.
        prefix: their prefix, which ends in a slash; below it, only they exist.
        files: their contents, by the rest of their keys.
        written: where to write an object that is put, by its bucket and key.
    """

    def __init__(
        self, s3: Any, *, bucket: str, prefix: str, files: Mapping[str, bytes], written: Callable[[str, str], Path]
    ) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._prefix = prefix
        self._files = {prefix + name: content for name, content in files.items()}
        self._written = written
        self.meta = s3.meta

    def get_paginator(self, operation: str) -> "S3Overlay":
        """Returns the paginator of ListObjectsV2."""
        if operation != "list_objects_v2":
            raise NotImplementedError(operation)
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        """Yields ListObjectsV2's pages."""
        ours = request["Bucket"] == self._bucket
        for page in self._s3.get_paginator("list_objects_v2").paginate(**request):
            contents = [found for found in page.get("Contents", ()) if not self._hides(request["Bucket"], found["Key"])]
            yield page | {"Contents": contents}
        found = [key for key in self._files if ours and key.startswith(request["Prefix"])]
        yield {
            "Contents": [{"Key": key, "ETag": _etag(self._files[key]), "Size": len(self._files[key])} for key in found]
        }

    def get_object(self, **request: Any) -> dict[str, Any]:
        """Returns an object; its body is a stream."""
        if not self._hides(request["Bucket"], request["Key"]):
            response: dict[str, Any] = self._s3.get_object(**request)
            return response
        return self.head_object(**request) | {"Body": io.BytesIO(self._files[request["Key"]])}

    def head_object(self, **request: Any) -> dict[str, Any]:
        """Returns an object's ETag and length."""
        if not self._hides(request["Bucket"], request["Key"]):
            response: dict[str, Any] = self._s3.head_object(**request)
            return response
        content = self._files.get(request["Key"])
        if content is None:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "no such script in the folder"}}, "GetObject")
        return {"ETag": _etag(content), "ContentLength": len(content)}

    def put_object(self, **request: Any) -> dict[str, Any]:
        """Writes an object to the folder."""
        body = request["Body"]
        self._write(request["Bucket"], request["Key"], io.BytesIO(body) if isinstance(body, bytes) else body)
        return {"ETag": '"written"'}

    def upload_fileobj(self, body: IO[bytes], bucket: str, key: str) -> None:
        """Writes an object to the folder."""
        self._write(bucket, key, body)

    def _hides(self, bucket: str, key: str) -> bool:
        return bucket == self._bucket and key.startswith(self._prefix)

    def _write(self, bucket: str, key: str, body: IO[bytes]) -> None:
        file = self._written(bucket, key)
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as target:
            shutil.copyfileobj(body, target)


def _etag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
