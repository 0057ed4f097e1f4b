"""A folder of contents, each under a name made of what identifies it."""

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
    """Contents by identity. Safe to use from several threads and processes.

    Args:
        folder: made if missing.
        limit: bytes; when the folder is opened, the least recently used contents go until it is below.
    """

    def __init__(self, folder: Path, *, limit: int = _LIMIT) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        left = limit
        for _, size, file in sorted(((f.stat().st_mtime, f.stat().st_size, f) for f in folder.iterdir()), reverse=True):
            left -= size
            # A dot begins what an interrupted run did not finish.
            if left < 0 or file.name.startswith("."):
                file.unlink(missing_ok=True)

    def find(self, identity: str) -> Path | None:
        """The file with a content, to be read and not to be changed; None if there is none."""
        place = self._place(identity)
        with contextlib.suppress(FileNotFoundError):
            os.utime(place)
            return place
        return None

    @contextlib.contextmanager
    def filling(self, identity: str) -> Iterator[IO[bytes]]:
        """A file to write the content into; it is in the cache once the block ends well."""
        with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".", delete=False) as file:
            try:
                yield file.file
                file.flush()
                Path(file.name).replace(self._place(identity))
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise

    def copy(self, source: BinaryIO, identity: str) -> None:
        """Keeps the content of an open file, from its beginning."""
        source.seek(0)
        with self.filling(identity) as target:
            shutil.copyfileobj(source, target, _CHUNK)

    def adopt(self, name: str | Path, opened: BinaryIO, identity: str, *, folder: int | None = None) -> None:
        """Keeps the content of a file by moving it, where that is no more than a change of name; else by copying it.

        Args:
            name: the file's.
            opened: the same file, open: what has taken its name meanwhile is not kept.
            identity: the content's.
            folder: the descriptor of the folder that a relative name is in.
        """
        status = os.fstat(opened.fileno())
        # A file of another owner, or with a second name, could still be changed by others.
        if status.st_nlink != 1 or status.st_uid != os.geteuid():
            self.copy(opened, identity)
            return
        place = self._folder / f".{secrets.token_hex(8)}"
        try:
            os.replace(name, place, src_dir_fd=folder)
        except OSError:
            self.copy(opened, identity)
            return
        if os.path.samestat(place.lstat(), status):
            os.fchmod(opened.fileno(), 0o600)
            place.replace(self._place(identity))
        else:
            os.replace(place, name, dst_dir_fd=folder)

    def _place(self, identity: str) -> Path:
        return self._folder / hashlib.sha256(identity.encode()).hexdigest()
