"""Which git commit the scripts are of: published with them, and shown in the report.

It is not among the published files, whose bytes depend on nothing but the folder: S3 has it as the user metadata of the
record of what was published.
"""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from pipeline.bundle import is_hidden

VERSION = r"(?P<commit>[0-9a-f]{7,64})?(?P<changes>\+.+)?"
"""A version of the scripts: the commit, and what begins with ``+`` if there are uncommitted changes."""

_COMMIT, _CHANGED = "commit", "uncommitted-changes"
_SECONDS = 10
"""The time for git, which in a large repository searches many commits for the last one that changed the folder."""
_SHOWN = 7


@dataclass(frozen=True, kw_only=True)
class Commit:
    """The last commit that changed a folder: it stays the same while only other folders change."""

    id: str
    """Hexadecimal."""
    is_changed: bool
    """Whether the files differ from the commit's."""

    @classmethod
    def of(cls, folder: Path) -> Optional["Commit"]:
        """Asks git. None without git, outside of a checkout, or if no commit has the folder.

        In a shallow clone it is the oldest commit that the clone has, if not a later one changed the folder.
        """
        commit = _git(folder, "log", "-1", "--format=%H", "--", ".")
        edited = _git(folder, "diff", "--name-only", "--relative", "-z", "HEAD", "--", ".")
        untracked = _git(folder, "ls-files", "--others", "-z", "--", ".")  # ignored files are published, too
        if not commit or edited is None or untracked is None:
            return None
        names = filter(None, f"{edited}\0{untracked}".split("\0"))
        return cls(id=commit.strip(), is_changed=any(not is_hidden(Path(name)) for name in names))

    @classmethod
    def parse(cls, version: str) -> Optional["Commit"]:
        """Reads a version of the form ``VERSION``; None if it has no commit."""
        found = re.fullmatch(VERSION, version)
        if found is None or not found["commit"]:
            return None
        return cls(id=found["commit"], is_changed=found["changes"] is not None)

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> Optional["Commit"]:
        """Reads an object's user metadata; None if they name no commit."""
        if _COMMIT not in metadata:
            return None
        return cls(id=metadata[_COMMIT], is_changed=metadata.get(_CHANGED) == "true")

    def metadata(self) -> dict[str, str]:
        """The user metadata of an object."""
        return {_COMMIT: self.id, _CHANGED: str(self.is_changed).lower()}

    @property
    def short(self) -> str:
        """The commit as people know it: ``315ccf7``."""
        return self.id[:_SHOWN]


def _git(folder: Path, *command: str) -> str | None:
    """Runs git in a folder, without writing to its repository. None if it fails: nothing depends on the commit."""
    whole = ["git", "--no-optional-locks", "-C", str(folder), *command]
    try:
        done = subprocess.run(whole, capture_output=True, timeout=_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode(errors="replace")
