"""The ``.tar.gz`` files in which SageMaker keeps models, outputs and source code.

Both directions take them as hostile. ``tarfile``'s own filters are not enough: they resolve names on the disk while the
archive's links are already there (CVE-2025-4517). So a member is judged by its name alone, nothing is written through a
link, and links come last.
"""

import gzip
import itertools
import os
import shutil
import tarfile
from collections.abc import Callable, Container
from pathlib import Path, PurePosixPath
from typing import IO, Any

from sagemaker_local.errors import Failure
from sagemaker_local.job_files import MAX_BYTES, MAX_ENTRIES, Entry, JobFiles, leads_out

_LEVEL = 1  # a model is read back in seconds, on this machine: packing it tighter would cost more than it saves
_CHUNK = 1 << 20
_HEADER_BYTES = 1 << 24
_FREE_BYTES = 1 << 30
_RATIO = 20
"""An archive may become a GiB, or so many times its own size if that is more; models and code stay far below."""


def pack(files: JobFiles, folder: str, file: Path, *, say: Callable[[str], None]) -> bool:
    """Packs what a job has left in a folder. Returns False, and makes no file, if nothing is there.

    Args:
        files: the job's files.
        folder: as the container sees it.
        file: the archive, which must not be there yet.
        say: is called with a line for each entry that cannot be packed.

    Raises:
        Failure: the folder is none, or holds too much.
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
            elif entry.is_folder or (entry.is_link and _is_plain(entry.path, entry.target, links)):
                archive.addfile(_header(entry))
            else:
                say(f"{folder}/{entry.path} is {entry.kind} and not packed")
    return True


def unpack(file: Path, folder: Path, *, uri: str) -> None:
    """Unpacks an archive into a folder, and nothing outside it.

    Args:
        file: the archive.
        folder: made if missing.
        uri: where it came from, for the message.

    Raises:
        Failure: it is not a .tar.gz, is too large, or has a member that is not plainly inside of it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        limit = min(MAX_BYTES, max(_FREE_BYTES, _RATIO * file.stat().st_size))
        with gzip.open(file, "rb") as stream, tarfile.open(fileobj=_bounded(stream, limit), mode="r:") as archive:
            _extract(archive, folder, limit)
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise Failure(
            f'ClientError: Failed to extract archive from URL "{uri}". Please ensure that the object located at '
            f"the URL is a valid tar.gz archive. ({error})"
        ) from error


class _Bounded:
    """A stream that ends with an error where an archive would take too much of memory or disk."""

    def __init__(self, stream: gzip.GzipFile, limit: int) -> None:
        self._stream = stream
        self._limit = limit
        self.tell = stream.tell

    def read(self, size: int) -> bytes:
        """Of contents, no more than a chunk is asked for at once; a header that is larger is an attack."""
        if size > _HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {size} bytes")
        return self._within(self._stream.read(size), self._stream.tell())

    def seek(self, position: int) -> int:
        """Forwards, which is to read on."""
        self._within(b"", position)
        return self._stream.seek(position)

    def _within(self, content: bytes, position: int) -> bytes:
        if position > self._limit:
            raise tarfile.ReadError(f"unpacked, it has more than {self._limit} bytes")
        return content


def _bounded(stream: gzip.GzipFile, limit: int) -> Any:
    """What ``tarfile`` needs of a stream, which is less than its type says."""
    return _Bounded(stream, limit)


def _extract(archive: tarfile.TarFile, folder: Path, limit: int) -> None:
    links: dict[PurePosixPath, str] = {}
    copies: dict[PurePosixPath, PurePosixPath] = {}
    for number, member in enumerate(archive):
        if number >= MAX_ENTRIES:
            raise tarfile.ReadError(f"more than {MAX_ENTRIES} members")
        if member.offset_data + member.size > limit:
            raise tarfile.ReadError(f"unpacked, it has more than {limit} bytes")
        path = _inside(member.name)
        content = archive.extractfile(member) if member.isreg() else None
        if content is not None:
            _write(folder / path, content, executable=bool(member.mode & 0o100))
        elif member.isdir():
            (folder / path).mkdir(parents=True, exist_ok=True)
        elif member.issym():
            links[path] = member.linkname
        elif member.islnk():
            copies[path] = _inside(member.linkname)
        else:
            raise tarfile.ReadError(f"{member.name!r} is neither a file nor a folder nor a link")
    _copy(copies, folder, links)
    _link(links, folder)


def _copy(copies: dict[PurePosixPath, PurePosixPath], folder: Path, links: Container[PurePosixPath]) -> None:
    """Makes what the archive has as hard links."""
    for path, source in copies.items():
        if any(step in links for step in (path, source, *path.parents, *source.parents)):
            raise tarfile.ReadError(f"the link {str(path)!r} has another one on its way")
        with (folder / source).open("rb") as content:
            _write(folder / path, content, executable=os.access(folder / source, os.X_OK))


def _link(links: dict[PurePosixPath, str], folder: Path) -> None:
    """Makes the symbolic links, once there is nothing left to write through them."""
    for path, target in links.items():
        if not _is_plain(path, target, links):
            raise tarfile.ReadError(f"the link {str(path)!r} leads to {target!r}, which is not plainly inside")
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).unlink(missing_ok=True)
        (folder / path).symlink_to(target)


def _write(file: Path, content: IO[bytes], *, executable: bool) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)  # of a later member of the same name, as tar has it
    with file.open("xb") as out:
        shutil.copyfileobj(content, out, _CHUNK)
    file.chmod(0o755 if executable else 0o644)


def _inside(name: str) -> PurePosixPath:
    if leads_out(name):
        raise tarfile.ReadError(f"the member {name!r} leads out of it")
    return PurePosixPath(name)


def _is_plain(path: PurePosixPath, target: str, links: Container[PurePosixPath]) -> bool:
    """Whether a link leads to something inside, not by way of another link, and does not lie behind one."""
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
