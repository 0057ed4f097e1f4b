"""The ``.tar.gz`` files in which SageMaker keeps models, outputs and source code."""

import tarfile
from pathlib import Path
from typing import Any

from local.jobs.errors import Failure

# Members that lead out of the folder are refused; Python 3.11 has it from 3.11.4 on.
_FILTER: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
_LEVEL = 1  # a model is read back in seconds, on this machine: packing it tighter would cost more than it saves


def pack(folder: Path, file: Path) -> bool:
    """Packs what lies in a folder. Returns False, and makes no file, if nothing does."""
    entries = sorted(folder.iterdir()) if folder.is_dir() else []
    if not entries:
        return False
    with tarfile.open(file, "w:gz", compresslevel=_LEVEL) as archive:
        for entry in entries:
            archive.add(entry, arcname=entry.name)
    return True


def unpack(file: Path, folder: Path, *, uri: str) -> None:
    """Unpacks an archive into a folder, and nothing outside it.

    Args:
        file: the archive.
        folder: made if missing.
        uri: where it came from, for the message.

    Raises:
        Failure: it is not a .tar.gz, or it reaches out of the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(file, "r:gz") as archive:
            archive.extractall(folder, **_FILTER)  # noqa: S202 - see the filter
    except (tarfile.TarError, OSError, EOFError) as error:
        raise Failure(
            f'ClientError: Failed to extract archive from URL "{uri}". Please ensure that the object located at '
            f"the URL is a valid tar.gz archive. ({error})"
        ) from error
