"""A content cache in a folder."""

import contextlib
import hashlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, BinaryIO

_LIMIT = 4 * 1024**3
_CHUNK = 1 << 20


class Cache:
    """Files by the identity of their content. Safe to use from several threads and processes.

    Args:
        folder: created if missing.
        limit: in bytes; creating the Cache deletes the least recently used contents beyond it.
    """

    def __init__(self, folder: Path, *, limit: int = _LIMIT) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        left = limit
        for _, size, file in sorted(((f.stat().st_mtime, f.stat().st_size, f) for f in folder.iterdir()), reverse=True):
            left -= size
            # A name with a dot is a file that an interrupted run did not finish.
            if left < 0 or file.name.startswith("."):
                file.unlink(missing_ok=True)

    def find(self, identity: str) -> Path | None:
        """Returns the file with a content, which must not be modified, or None."""
        path = self._path(identity)
        with contextlib.suppress(FileNotFoundError):
            os.utime(path)
            return path
        return None

    @contextlib.contextmanager
    def writing(self, identity: str) -> Iterator[IO[bytes]]:
        """Yields a file to write content to; the file enters the cache if the block succeeds."""
        with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".", delete=False) as file:
            try:
                yield file.file
                file.flush()
                Path(file.name).replace(self._path(identity))
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise

    def copy(self, source: BinaryIO, identity: str) -> None:
        """Copies an open file's content, from its start, into the cache."""
        source.seek(0)
        with self.writing(identity) as target:
            shutil.copyfileobj(source, target, _CHUNK)

    def adopt(self, name: str | Path, opened: BinaryIO, identity: str, *, folder: int | None = None) -> None:
        """Moves a file into the cache; copies it if it cannot be renamed safely.

        Args:
            name: its name or path.
            opened: the same file, open; a file that has replaced it under this name is left alone.
            identity: the content's identity.
            folder: the descriptor of the folder that a relative name is in.
        """
        status = os.fstat(opened.fileno())
        # Others could still modify a file that has another owner or a second hard link.
        if status.st_nlink != 1 or status.st_uid != os.geteuid():
            self.copy(opened, identity)
            return
        moved = self._folder / f".{secrets.token_hex(8)}"
        try:
            os.replace(name, moved, src_dir_fd=folder)
        except OSError:
            self.copy(opened, identity)
            return
        if os.path.samestat(moved.lstat(), status):
            os.fchmod(opened.fileno(), 0o600)
            moved.replace(self._path(identity))
        else:
            os.replace(moved, name, dst_dir_fd=folder)

    def _path(self, identity: str) -> Path:
        return self._folder / hashlib.sha256(identity.encode()).hexdigest()
