"""Uploads folders while a job writes to them: checkpoints, TensorBoard's output, outputs of the mode Continuous."""

import contextlib
import threading
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from types import TracebackType
from typing import Self

from sagemaker_local.errors import FailureReasonError
from sagemaker_local.job_files import JobFiles, is_text
from sagemaker_local.s3_cache import S3Cache, S3CacheError, join_uri

_SECONDS = 1.0
"""Seconds between two looks for changed files."""


class ContinuousUpload:
    """Within its block, uploads each file that changes; at the end of the block, those that changed last.

    A file that is deleted stays in S3. A failed upload is retried with the next look; the one at the end fails the job,
    unless the job has already failed.

    Args:
        folders: the S3 URI of each folder in the container.
        files: the job's files.
        s3: the S3 to upload to.
        log: called with a line for a failure that does not fail the job.
    """

    def __init__(self, folders: Mapping[str, str], *, files: JobFiles, s3: S3Cache, log: Callable[[str], None]) -> None:
        self._folders = folders
        self._files = files
        self._s3 = s3
        self._log = log
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._known: dict[tuple[str, PurePosixPath], tuple[int, int]] = {}

    def __enter__(self) -> Self:
        """Starts. Files that exist by now have been downloaded and are not uploaded until they change."""
        if self._folders:
            self._look(lambda _path, _uri: None)
            self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Uploads what has changed since the last look."""
        if not self._folders:
            return
        self._ended.set()
        self._thread.join()
        try:
            self._look(self._put)
        except (FailureReasonError, S3CacheError, OSError) as failure:
            if error is None:
                raise
            self._log(f"Not uploaded: {failure}")

    def _run(self) -> None:
        while not self._ended.wait(_SECONDS):
            with contextlib.suppress(FailureReasonError, S3CacheError, OSError):
                self._look(self._put)

    def _look(self, put: Callable[[str, str], None]) -> None:
        for folder, uri in self._folders.items():
            for entry in self._files.entries(folder):
                state = (entry.size, entry.modified)
                if not entry.is_file or not is_text(str(entry.path)) or self._known.get((folder, entry.path)) == state:
                    continue
                with contextlib.suppress(FileNotFoundError):  # it was deleted after it had been listed
                    put(f"{folder}/{entry.path}", join_uri(uri, str(entry.path)))
                    self._known[folder, entry.path] = state

    def _put(self, path: str, uri: str) -> None:
        with self._files.open(path) as opened:
            self._s3.put_open(opened, uri)
