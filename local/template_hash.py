"""Hashes the sources of the template; a deployment is up to date while the hash stays the same."""

import hashlib
import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from executions.defaults import PROJECT

_FILES = ("app.py", "stack.py", "settings.py", "cdk.json", "requirements.txt", "pyproject.toml")
_FOLDERS = ("infrastructure", "pipeline", "lambda")
_LOCKED = re.compile(r"^([A-Za-z0-9._-]+)==", re.MULTILINE)


def template_hash(project: Path = PROJECT) -> str:
    """Hashes everything that synth reads, in about 10 ms; without ``scripts/``, which each run uploads itself.

    Args:
        project: a checkout of the module.
    """
    digest = hashlib.sha256(sys.version.encode())
    for path in _sources(project):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(project).as_posix()} {len(content)}\n".encode() + content)
    # The functions' archives have the installed packages, whatever the lock says.
    for name in _LOCKED.findall((project / "requirements.txt").read_text()):
        digest.update(f"{name} {_installed(name)}\n".encode())
    return digest.hexdigest()


def _sources(project: Path) -> Iterator[Path]:
    yield from (project / name for name in _FILES)
    for folder in _FOLDERS:
        for path in sorted((project / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith("."):
                yield path


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
