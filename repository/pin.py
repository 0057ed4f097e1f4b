"""The release of the module that a repository uses, in its ``module.mk``."""

import re
from pathlib import Path

from executions.defaults import PROJECT
from pipeline.version import version
from repository.errors import RepositoryError

PIN = "module.mk"
MANIFEST = Path("manifests", "modules.yaml")
_VERSION = re.compile(r"^(MODULE_VERSION = )(\S+)$", re.MULTILINE)
_REFERENCE = re.compile(r"(\?ref=release/)([^&\s]+)")
_RELEASE = re.compile(r"^## (\d+(?:\.\d+)+)", re.MULTILINE)


def upgrade(folder: Path) -> tuple[str, str]:
    """Moves a repository's pin to this module's version.

    Args:
        folder: the repository.

    Returns:
        The version before, and what has changed since: the changelog's sections.

    Raises:
        RepositoryError: the folder is no such repository, or its pin is of a later release.
    """
    pin = folder / PIN
    try:
        text = pin.read_text()
    except OSError as error:
        raise RepositoryError(f"{pin}: {error.strerror}; run this in a repository that mlops init made") from error
    found = _VERSION.search(text)
    if found is None:
        raise RepositoryError(f"{pin} has no line MODULE_VERSION = ...; mlops init writes one")
    before, now = found[2], version()
    if _number(before) > _number(now):
        raise RepositoryError(f"{pin} pins {before}, which is later than this module's {now}; check out a later one")
    manifest = folder / MANIFEST
    moved = {pin: _VERSION.sub(rf"\g<1>{now}", text)}
    if manifest.is_file():
        moved[manifest] = _REFERENCE.sub(rf"\g<1>{now}", manifest.read_text())
    for path, content in moved.items():
        path.write_text(content)
    return before, changes(before)


def changes(since: str) -> str:
    """Returns the changelog's sections of the releases after one."""
    text = (PROJECT / "CHANGELOG.md").read_text()
    starts = [(found.start(), found[1]) for found in _RELEASE.finditer(text)]
    ends = [start for start, _ in starts[1:]] + [len(text)]
    later = [
        text[start:end].strip()
        for (start, release), end in zip(starts, ends, strict=True)
        if _number(release) > _number(since)
    ]
    return "\n\n".join(later)


def _number(release: str) -> tuple[int, ...]:
    """The parts of a version as numbers, to compare it."""
    return tuple(map(int, re.findall(r"\d+", release)))
