"""Bundles what is published under ``<model-name>/scripts/``: the scripts folder's files, and their ``source.tar.gz``.

The stack and the local run publish the same bytes. The same folder always gives the same bytes, so a deployment changes
nothing if no script has changed.
"""

import gzip
import hashlib
import io
import tarfile
from pathlib import Path, PurePosixPath

SOURCE_ARCHIVE = "source.tar.gz"
"""The files in the form that containers expect for ``SAGEMAKER_SUBMIT_DIRECTORY``."""

INPUT_FILE = "input.yaml"

_TESTS = "tests"
_TEST_FILES = ("test_*.py", "*_test.py", "conftest.py")
"""The names by which pytest finds tests
(https://docs.pytest.org/en/stable/explanation/goodpractices.html#conventions-for-python-test-discovery)."""


class LinkError(Exception):
    """The scripts folder contains a link, which would publish a file from elsewhere on this machine."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is a link; only what lies in the folder itself is published: put the file there")


def published_files(folder: Path) -> dict[str, bytes]:
    """Returns the files to publish, by their path below the prefix, with ``/`` between its parts.

    Hidden files and Python's caches are left out. ``source.tar.gz`` also leaves out ``input.yaml`` and tests.

    Args:
        folder: the scripts folder, which must contain ``input.yaml`` unless it is added later.

    Raises:
        LinkError: the folder contains a link.
    """
    paths = [path for path in sorted(folder.rglob("*")) if not is_hidden(path.relative_to(folder))]
    for path in paths:
        if path.is_symlink():
            raise LinkError(path)
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths if path.is_file()}
    files[SOURCE_ARCHIVE] = _source_archive({name: content for name, content in files.items() if _is_source(name)})
    return files


def etag(content: bytes) -> str:
    """Returns the ETag of an object with this content, if it was uploaded in one part and is not encrypted with KMS.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html
    """
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _is_source(name: str) -> bool:
    """Whether a published file is in the archive: all but the input, the tests and an older archive."""
    path = PurePosixPath(name)
    is_test = _TESTS in path.parts[:-1] or any(path.match(pattern) for pattern in _TEST_FILES)
    return name not in (INPUT_FILE, SOURCE_ARCHIVE) and not is_test


def is_hidden(path: Path) -> bool:
    """Whether a file, given by its path in the folder, is not published."""
    return any(part.startswith(".") or part == "__pycache__" for part in path.parts)


def _source_archive(files: dict[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=archive, mode="wb", filename="", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.mode = 0o644
            tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()
