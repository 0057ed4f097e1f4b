"""Packages the Lambda functions: their own files and the pure Python packages they import, from this environment.

Synthesis needs no pip, Docker or network: packages are copied from the current environment, where ``requirements.txt``
installed its locked versions. Compiled files are left out, so that one archive runs on every processor and Python
version (PyYAML falls back to pure Python). The same files always give the same archive.
"""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from tempfile import TemporaryDirectory

_PROJECT = Path(__file__).parent.parent

_TIMESTAMP = (1980, 1, 1, 0, 0, 0)
_OWN = (".py", ".json", ".j2", ".css")
_LEVEL = 1
"""Compression level: takes half the time of the default, for a sixth more bytes."""
_COMPILED = (".so", ".pyd", ".pyc", ".pyx", ".pyi")
_UNUSED = "aws_lambda_powertools/event_handler/"
"""Support for HTTP APIs, including a documentation UI: half of the size of powertools."""

_LEFT_OUT = (
    "pipeline/asl/*",
    # A stage's package keeps its schema, states and grants in modules of their own.
    "pipeline/stages/*/[!_]*.py",
    "pipeline/stages/section_schema.py",
    *(f"pipeline/{name}.py" for name in ("botocore_docs", "commit", "definition", "diagram", "grants", "schema")),
)
"""Files of packages that no function needs, unless it names them itself."""


class FunctionCodeError(Exception):
    """A package that a function imports is not installed in the environment that synthesises the stack."""


@contextmanager
def function_archive(*contents: str, packages: tuple[str, ...] = ()) -> Iterator[Path]:
    """Builds the zip archive of one function and deletes it when the context exits.

    Args:
        contents: the project's Python packages and modules to include: ``lambda/gate``, ``pipeline/limits.py``.
        packages: the distributions it imports that the Lambda runtime lacks, with their dependencies.

    Raises:
        FunctionCodeError: a package is not installed.
    """
    files = {name: path for content in contents for name, path in _own_files(_PROJECT / content)}
    files = {
        name: path
        for name, path in files.items()
        if name in contents or not any(fnmatchcase(name, only) for only in _LEFT_OUT)
    }
    for package in packages:
        files |= _package_files(package)
    with TemporaryDirectory() as staging:
        archive = Path(staging, "function.zip")
        with zipfile.ZipFile(archive, "w") as target:
            for path_inside in sorted(files):
                entry = zipfile.ZipInfo(path_inside, _TIMESTAMP)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                target.writestr(entry, files[path_inside].read_bytes(), compresslevel=_LEVEL)
        yield archive


def _own_files(content: Path) -> Iterator[tuple[str, Path]]:
    """The files of a package or module, by their names in the archive."""
    if content.is_file():
        yield content.relative_to(_PROJECT).as_posix(), content
    for path in content.rglob("*"):
        if path.suffix in _OWN:
            yield path.relative_to(content.parent).as_posix(), path


def _package_files(package: str) -> dict[str, Path]:
    try:
        installed = distribution(package).files or []
    except PackageNotFoundError as error:
        raise FunctionCodeError(
            f"package {package} is not installed in this environment; "
            "install the module's requirements: pip install --no-deps --require-hashes -r requirements.txt"
        ) from error
    return {
        path.as_posix(): Path(str(path.locate()))
        for path in installed
        if not path.parts[0].endswith(".dist-info") and ".." not in path.parts and path.suffix not in _COMPILED
        if not path.as_posix().startswith(_UNUSED)
    }
