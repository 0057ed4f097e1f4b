"""Packs and unpacks the ``.tar.gz`` files in which SageMaker stores models, outputs and source code.

Treats them as hostile. ``tarfile``'s own filters are not enough: they resolve names on disk after the archive's links
have been created (CVE-2025-4517). So a member is checked by its name alone, nothing is written through a link, and
links are created last.
"""

import gzip
import itertools
import os
import shutil
import tarfile
from collections.abc import Callable, Container
from pathlib import Path, PurePosixPath
from typing import IO, Any, Self, cast

from sagemaker_local.errors import FailureReasonError
from sagemaker_local.job_files import MAX_BYTES, MAX_ENTRIES, Entry, JobFiles, escapes

_LEVEL = 1  # the archive is read back within seconds on this machine: better compression costs more than it saves
_CHUNK = 1 << 20
_HEADER_BYTES = 1 << 24
_MIN_LIMIT = 1 << 30
_MAX_RATIO = 20
"""Unpacked, an archive may reach 1 GiB or this multiple of its size; models and code stay far below either."""


def pack(files: JobFiles, folder: str, file: Path, *, log: Callable[[str], None]) -> bool:
    """Packs a folder that a job wrote. Returns False, without creating the archive, if the folder is empty or missing.

    Args:
        files: the job's files.
        folder: its path in the container.
        file: the archive, which must not exist yet.
        log: called with a line for each entry that cannot be packed.

    Raises:
        FailureReasonError: it is not a folder, or exceeds the limits.
    """
    entries = files.entries(folder)
    if not entries:
        return False
    links = {entry.path for entry in entries if entry.is_link}
    with tarfile.open(file, "x:gz", compresslevel=_LEVEL) as archive:
        for entry in entries:
            if entry.is_file:
                with files.open(f"{folder}/{entry.path}") as opened:
                    archive.addfile(archive.gettarinfo(arcname=str(entry.path), fileobj=opened), opened)
            elif entry.is_folder or (entry.is_link and _is_safe_link(entry.path, entry.target, links)):
                archive.addfile(_header(entry))
            else:
                log(f"{folder}/{entry.path} is {entry.kind} and not packed")
    return True


def unpack(file: Path, folder: Path, *, uri: str) -> None:
    """Unpacks an archive into a folder and writes nothing outside it.

    Args:
        file: the archive.
        folder: created if missing.
        uri: the archive's source, for the error message.

    Raises:
        FailureReasonError: it is not a .tar.gz, is too large, or has a member or link that points outside it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        limit = min(MAX_BYTES, max(_MIN_LIMIT, _MAX_RATIO * file.stat().st_size))
        with (
            gzip.open(file, "rb") as stream,
            tarfile.open(fileobj=_limit_stream(stream, limit), mode="r:", tarinfo=_Member) as archive,
        ):
            _extract(archive, folder, limit)
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise FailureReasonError(
            f'ClientError: Failed to extract archive from URL "{uri}". Please ensure that the object located at '
            f"the URL is a valid tar.gz archive. ({error})"
        ) from error


class _LimitedStream:
    """A stream that raises ReadError when an archive would take too much memory or disk space."""

    def __init__(self, stream: gzip.GzipFile, limit: int) -> None:
        self._stream = stream
        self._limit = limit
        self._run = 0
        self.tell = stream.tell

    def read(self, size: int) -> bytes:
        """Reads bytes. ``tarfile`` seeks before each chunk of a member's content, but not within a header."""
        self._run += size
        if self._run > _HEADER_BYTES:
            raise tarfile.ReadError(f"a header has more than {_HEADER_BYTES} bytes")
        return self._limited(self._stream.read(size), self._stream.tell())

    def seek(self, position: int) -> int:
        """Seeks forwards, which reads the bytes in between."""
        self.begin()
        self._limited(b"", position)
        return self._stream.seek(position)

    def begin(self) -> None:
        """Notes that a header, or a chunk of a content, begins here."""
        self._run = 0

    def _limited(self, content: bytes, position: int) -> bytes:
        if position > self._limit:
            raise tarfile.ReadError(f"it unpacks to more than {self._limit} bytes")
        return content


class _Member(tarfile.TarInfo):
    """A member whose header is bounded by itself: ``tarfile`` does not seek before headers that follow each other."""

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> Self:
        cast("_LimitedStream", tarfile.fileobj).begin()
        return super().fromtarfile(tarfile)


def _limit_stream(stream: gzip.GzipFile, limit: int) -> Any:
    """Wraps a stream. Typed as Any because ``tarfile`` needs fewer methods than its annotation demands."""
    return _LimitedStream(stream, limit)


def _extract(archive: tarfile.TarFile, folder: Path, limit: int) -> None:
    links: dict[PurePosixPath, str] = {}
    copies: dict[PurePosixPath, PurePosixPath] = {}
    for number, member in enumerate(archive):
        if number >= MAX_ENTRIES:
            raise tarfile.ReadError(f"more than {MAX_ENTRIES} members")
        if member.offset_data + member.size > limit:
            raise tarfile.ReadError(f"it unpacks to more than {limit} bytes")
        path = _safe_path(member.name)
        content = archive.extractfile(member) if member.isreg() else None
        if content is not None:
            _write(folder / path, content, executable=bool(member.mode & 0o100))
        elif member.isdir():
            (folder / path).mkdir(parents=True, exist_ok=True)
        elif member.issym():
            links[path] = member.linkname
        elif member.islnk():
            copies[path] = _safe_path(member.linkname)
        else:
            raise tarfile.ReadError(f"{member.name!r} is neither a file nor a folder nor a link")
    _copy(copies, folder, links)
    _link(links, folder)


def _copy(copies: dict[PurePosixPath, PurePosixPath], folder: Path, links: Container[PurePosixPath]) -> None:
    """Copies the files to which the archive has hard links."""
    for path, source in copies.items():
        if any(step in links for step in (path, source, *path.parents, *source.parents)):
            raise tarfile.ReadError(f"the link {str(path)!r} passes through another link")
        with (folder / source).open("rb") as content:
            _write(folder / path, content, executable=os.access(folder / source, os.X_OK))


def _link(links: dict[PurePosixPath, str], folder: Path) -> None:
    """Creates the symbolic links, after everything else has been written."""
    for path, target in links.items():
        if not _is_safe_link(path, target, links):
            raise tarfile.ReadError(
                f"the link {str(path)!r} points to {target!r}, outside the archive or through another link"
            )
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).unlink(missing_ok=True)
        (folder / path).symlink_to(target)


def _write(file: Path, content: IO[bytes], *, executable: bool) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)  # the last of several members with the same name wins, as in tar
    with file.open("xb") as out:
        shutil.copyfileobj(content, out, _CHUNK)
    file.chmod(0o755 if executable else 0o644)


def _safe_path(name: str) -> PurePosixPath:
    if escapes(name):
        raise tarfile.ReadError(f"the member {name!r} is outside the archive")
    return PurePosixPath(name)


def _is_safe_link(path: PurePosixPath, target: str, links: Container[PurePosixPath]) -> bool:
    """Whether a link points inside the archive, and neither its path nor its target passes through another link."""
    reached = PurePosixPath(os.path.normpath(path.parent / target))
    if (
        reached.is_absolute()
        or ".." in reached.parts
        or ".." in itertools.dropwhile("..".__eq__, PurePosixPath(target).parts)
    ):
        return False
    return not any(step in links for step in (*path.parents, reached, *reached.parents))


def _header(entry: Entry) -> tarfile.TarInfo:
    header = tarfile.TarInfo(str(entry.path))
    header.type = tarfile.DIRTYPE if entry.is_folder else tarfile.SYMTYPE
    header.mode = 0o755
    header.linkname = entry.target
    return header
