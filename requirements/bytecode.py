"""Keeps compiled packages in the user's cache, so that the next checkout need not compile them again.

Python compiles a package when it is first imported; for the packages of this project that takes half a minute. The
set-up links what an earlier checkout has compiled into its own virtual environments::

    python3 requirements/bytecode.py link    # from the cache into the environments
    python3 requirements/bytecode.py keep    # from the environments into the cache

Compiled code names the time and the size of the source that it was made from, and Python ignores it next to any other
source (https://docs.python.org/3/reference/import.html#cached-bytecode-invalidation). The packages keep their times,
since uv links them from its own cache. Code that was made from another source is not linked at all.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = (".venv", ".venv/audit", ".venv-clients")

_HEADER = 16
_SUFFIX = f".{sys.implementation.cache_tag}.pyc"


def cache() -> Path:
    """Where this user's compiled packages are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mlops-stepfunctions" / "bytecode"


def link(packages: Path, kept: Path) -> None:
    """Links compiled code to the packages that it was made from, where there is none yet.

    Args:
        packages: the ``site-packages`` of a virtual environment.
        kept: the folder of the cache for this environment.
    """
    for file in _compiled(kept):
        target = packages / file
        source = target.parent.with_name(f"{target.name.removesuffix(_SUFFIX)}.py")
        if not target.exists() and _made_from(kept / file, source):
            _put(kept / file, target)


def keep(packages: Path, kept: Path) -> None:
    """Keeps compiled code that the cache does not have. The arguments are those of ``link``."""
    for file in _compiled(packages):
        if _header(packages / file) != _header(kept / file):
            _put(packages / file, kept / file)


def _compiled(root: Path) -> Iterator[Path]:
    """Each compiled file of this Python, relative to a folder."""
    for path, _, files in os.walk(root):
        if path.endswith("__pycache__"):
            yield from (Path(path, file).relative_to(root) for file in files if file.endswith(_SUFFIX))


def _header(compiled: Path) -> bytes:
    """The magic number, the flags, and the time and size of the source; empty where there is no file."""
    try:
        with compiled.open("rb") as file:
            return file.read(_HEADER)
    except OSError:
        return b""


def _made_from(compiled: Path, source: Path) -> bool:
    try:
        stat = source.stat()
    except OSError:
        return False
    time_and_size = b"".join((int(value) & 0xFFFFFFFF).to_bytes(4, "little") for value in (stat.st_mtime, stat.st_size))
    return _header(compiled)[4:] == bytes(4) + time_and_size


def _put(file: Path, target: Path) -> None:
    """Links the file, or copies it to another file system, in one step."""
    target.parent.mkdir(parents=True, exist_ok=True)
    new = target.with_name(f"{target.name}.{os.getpid()}")
    try:
        os.link(file, new)
    except OSError:
        shutil.copyfile(file, new)
    new.replace(target)


def main() -> int:
    """Links or keeps, as the command line says; returns the exit code. What cannot be written is not needed."""
    actions = {"link": link, "keep": keep}
    if len(sys.argv) != 2 or sys.argv[1] not in actions:  # noqa: PLR2004 - the program and one name
        sys.stderr.write("usage: python3 requirements/bytecode.py link|keep\n")
        return 2
    for name in ENVIRONMENTS:
        for packages in (PROJECT / name).glob("lib/python3.*/site-packages"):
            try:
                actions[sys.argv[1]](packages, cache() / name)
            except OSError as error:
                sys.stderr.write(f"set-up: compiled packages are not shared: {error}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
