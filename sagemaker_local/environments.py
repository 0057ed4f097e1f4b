"""The Python environments that jobs run in, one for each image: made by uv, cached by their contents, read by all jobs.

A job never runs in the environment of whoever runs it. It gets a small virtual environment of its own, in which a
``.pth`` file leads to the image's packages: what the job installs lands in its own environment and takes precedence
there, and pip leaves the image's packages alone, since they lie outside of it.
"""

import contextlib
import fcntl
import functools
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from sagemaker_local.images import Image

_VERSION = "2"
"""Increase it when environments made by an earlier version of this module must not be used."""
_DONE = "made.json"
_OWN_NAMES = ("python", "python3")
_INSTALL_SECONDS = 1800
_LAST_LINES = 12
REQUIREMENTS_LENGTH = 100_000
"""Characters of a ``requirements.txt``."""
_PLAIN_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][\w.-]*\s*(\[[\w\s,.-]*\])?[\w\s=<>!~*+.,;()'\"-]*)?(#.*)?")
"""A package with extras, versions and markers, or a comment: nothing that names a file, an option or a variable."""
_NEEDS_BUILD = re.compile("has no usable wheels|no wheels|building from source is disabled", re.IGNORECASE)


_UNREACHABLE = re.compile(
    "dns error|tcp connect error|connection refused|timed out|error sending request", re.IGNORECASE
)
_UNREACHABLE_REMEDY = "the package index cannot be reached; connect once, and they are kept in the cache"


class InstallFailedError(Exception):
    """An environment could not be made; the message has the tool's last lines.

    Args:
        message: for the user.
        needs_build: whether a package has to be built from source, which would run its code.
    """

    def __init__(self, message: str, *, needs_build: bool = False) -> None:
        super().__init__(message)
        self.needs_build = needs_build


@dataclass(frozen=True, kw_only=True)
class PythonEnvironment:
    """An image's packages, installed on this machine."""

    folder: str
    """The virtual environment, which nothing writes to once it is made."""
    python: str
    """Its interpreter's version, such as ``3.11.7``."""
    base: str
    """The folder of the interpreter that it was made from."""
    executable: str
    """The interpreter itself."""
    packages: Mapping[str, str]
    """What is installed: versions by normalised name."""

    @property
    def site_packages(self) -> Path:
        """The folder with the packages."""
        return Path(self.folder) / "lib" / f"python{self.python.rpartition('.')[0]}" / "site-packages"

    @property
    def interpreter(self) -> str:
        """The interpreter that imports the packages."""
        return f"{self.folder}/bin/python"

    @property
    def places(self) -> tuple[str, ...]:
        """The folders that a job must be able to read."""
        return tuple(dict.fromkeys((self.folder, self.base, str(Path(self.executable).parent.parent))))


class Environments:
    """Makes environments and keeps them. Safe to use from several threads and processes.

    Args:
        cache: the folder for environments; None: ``sagemaker-local`` in the user's cache folder.
        variables: returns the environment variables for uv; called before something is installed.
    """

    def __init__(
        self, cache: Path | None = None, variables: Callable[[], Mapping[str, str]] = lambda: os.environ
    ) -> None:
        self._cache = cache or default_cache()
        self._variables = variables
        self._without_wheels: set[Path] = set()

    def get(
        self, image: Image, requirements: str = "", *, log_line: Callable[[str], None] = lambda _: None
    ) -> PythonEnvironment:
        """Returns the environment of an image, and creates it if it does not exist.

        Args:
            image: whose packages to install.
            requirements: the content of a ``requirements.txt`` to install on top of them.
            log_line: called with a line if something must be installed.

        Raises:
            InstallFailedError: it could not be created. A partial environment is never used.
        """
        if not is_plain(requirements):
            raise InstallFailedError(
                "requirements.txt has more than packages and versions (options, paths, URLs or variables), so only a "
                "training job can install it, by itself",
                needs_build=True,
            )
        pythons = [*_pythons(image.python)]
        for number, python in enumerate(pythons):
            folder = self._cache / _key(image, requirements, python)
            if folder in self._without_wheels:
                continue
            with contextlib.suppress(FileNotFoundError):
                return _read(folder)
            folder.parent.mkdir(parents=True, exist_ok=True)
            with folder.with_suffix(".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                with contextlib.suppress(FileNotFoundError):
                    return _read(folder)
                try:
                    return self._make(image, requirements, python, folder, log_line)
                except InstallFailedError:
                    if number == len(pythons) - 1:
                        raise
                    # The image's own Python is installed, but this platform has no wheels for it.
                    self._without_wheels.add(folder)
        raise RuntimeError("there is always a Python: the one that runs this")

    def _make(
        self, image: Image, requirements: str, python: str, folder: Path, log_line: Callable[[str], None]
    ) -> PythonEnvironment:
        log_line(f"Installing the packages of {image.name} once for this machine")
        shutil.rmtree(folder, ignore_errors=True)
        run = functools.partial(_run, variables=self._variables(), image=image.name)
        interpreter = folder / "bin" / "python"
        target = ["--quiet", "--no-config", "--no-build", "--python", str(interpreter)]
        run(["uv", "venv", "--quiet", "--no-config", "--no-project", "--python", python, str(folder)])
        image_list = folder / "image.txt"
        image_list.write_text(image.requirements)
        if image.locked:
            run(["uv", "pip", "sync", *target, "--require-hashes", str(image_list)])
        else:
            run(["uv", "pip", "install", *target, "pip", "--requirements", str(image_list)])
        if image.imports and requirements:
            # The same packages have been compiled without these requirements, or will be needed so.
            _link_compiled(Path(self.get(image, log_line=log_line).folder), folder)
        elif image.imports:
            run([str(interpreter), "-c", "".join(f"import {name}\n" for name in image.imports)])
        if requirements:
            own_list = folder / "requirements.txt"
            own_list.write_text(requirements)
            run(["uv", "pip", "install", *target, "--requirements", str(own_list)])
        environment = _describe(python, folder)
        # Written last: an environment without it is incomplete and is created again.
        (folder / _DONE).write_text(json.dumps(asdict(environment)))
        return environment


def _link_compiled(made: Path, folder: Path) -> None:
    """Links the compiled code of an environment into another one with the same packages.

    Python ignores what was compiled from another source
    (https://docs.python.org/3/reference/import.html#cached-bytecode-invalidation).
    """
    for compiled in made.rglob("__pycache__/*.pyc"):
        linked = folder / compiled.relative_to(made)
        if linked.parent.parent.is_dir() and not linked.exists():
            linked.parent.mkdir(exist_ok=True)
            linked.hardlink_to(compiled)


def is_plain(requirements: str) -> bool:
    """Whether a ``requirements.txt`` only names packages, so that uv can install it without running anything of it."""
    return all(_PLAIN_REQUIREMENT.fullmatch(line) for line in requirements.splitlines())


def default_cache() -> Path:
    """Where environments are kept for a user."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "sagemaker-local" / "environments"


@functools.cache
def bare_environment() -> PythonEnvironment:
    """The interpreter that runs this, with none of the packages that run this."""
    python = str(Path(getattr(sys, "_base_executable", sys.executable)))
    base = sys.base_prefix
    return PythonEnvironment(folder=base, python=platform.python_version(), base=base, executable=python, packages={})


def make_own(environment: PythonEnvironment, folder: Path, path_in_view: str) -> None:
    """Makes a job's own virtual environment on top of an image's.

    Args:
        environment: the image's.
        folder: where to make it; must not exist.
        path_in_view: where the job sees that folder.
    """
    site = folder / "lib" / environment.site_packages.parent.name / "site-packages"
    site.mkdir(parents=True)
    programs = folder / "bin"
    programs.mkdir(exist_ok=True)
    names = (*_OWN_NAMES, environment.site_packages.parent.name)
    for name in names:
        (programs / name).symlink_to(environment.executable)
    # pip's own script would run in the image's environment, which the job cannot write to.
    for name in ("pip", "pip3"):
        script = programs / name
        script.write_text(f'#!/bin/sh\nexec "{path_in_view}/bin/python" -m pip "$@"\n')
        script.chmod(0o755)
    (folder / "pyvenv.cfg").write_text(
        f"home = {Path(environment.executable).parent}\n"
        f"include-system-site-packages = false\nversion = {environment.python}\n"
    )
    (site / "_image.pth").write_text(f"import site; site.addsitedir({str(environment.site_packages)!r})\n")


def _key(image: Image, requirements: str, python: str) -> str:
    content = [_VERSION, image.name, image.requirements, requirements, _identity(python), platform.machine()]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:20]


@functools.cache
def _identity(python: str) -> str:
    """What tells one interpreter from another at the same path."""
    path = Path(python).resolve()
    return f"{path} {path.stat().st_mtime_ns}"


def _read(folder: Path) -> PythonEnvironment:
    return PythonEnvironment(**json.loads((folder / _DONE).read_text()))


@functools.cache
def _pythons(version: str | None) -> tuple[str, ...]:
    """Returns the interpreters to try: the image's version if it is installed here, then the one that runs this."""
    own = str(Path(getattr(sys, "_base_executable", sys.executable)))
    if version is None or sys.version.startswith(f"{version}."):
        return (own,)
    installed = [shutil.which(f"python{version}"), *_installed_by_uv(version)]
    return (*(path for path in installed if path and _is_version(path, version)), own)


def _installed_by_uv(version: str) -> list[str]:
    """Returns uv's own interpreters of a version; faster than ``uv python find``, which runs every one it finds."""
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    folder = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or data / "uv" / "python")
    return sorted(map(str, folder.glob(f"cpython-{version}.*/bin/python{version}")))


def _is_version(path: str, version: str) -> bool:
    """Whether a program is that Python; a version manager has programs for versions that are not installed, too."""
    command = [path, "-I", "-S", "-c", "import sys, venv; print('%d.%d' % sys.version_info[:2])"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    except OSError:
        return False
    return done.stdout.strip() == version


def _uv() -> str:
    own = Path(sys.executable).with_name("uv")
    found = str(own) if own.exists() else shutil.which("uv")
    if not found:
        raise InstallFailedError("uv is missing, which installs the packages of images: pip install uv")
    return found


_DESCRIBE = """\
import json, platform, re, sys
from importlib.metadata import distributions
packages = f"{sys.argv[1]}/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
names = {re.sub("[-_.]+", "-", one.metadata["Name"]).lower(): one.version for one in distributions(path=[packages])}
print(json.dumps({"python": platform.python_version(), "base": sys.base_prefix, "executable": sys.executable,
                  "packages": names}))
"""


def _describe(python: str, folder: Path) -> PythonEnvironment:
    # With the bare interpreter: a package that a job's requirements.txt names must not run code outside of the job.
    command = [python, "-I", "-S", "-c", _DESCRIBE, str(folder)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return PythonEnvironment(folder=str(folder), **json.loads(printed))


def _run(command: list[str], *, variables: Mapping[str, str], image: str) -> None:
    if command[0] == "uv":
        command = [_uv(), *command[1:]]
    head = f"the packages of {image} could not be installed"
    try:
        done = subprocess.run(
            command,
            # Not Python's own variables: the modules that are imported here must be compiled, from this folder alone.
            env={name: value for name, value in variables.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise InstallFailedError(f"{head} within {_INSTALL_SECONDS // 60} minutes; try again") from None
    if done.returncode:
        remedy = f"; {_UNREACHABLE_REMEDY}" if _UNREACHABLE.search(done.stdout) else ""
        printed = "\n".join(done.stdout.strip().splitlines()[-_LAST_LINES:])
        needs_build = bool(_NEEDS_BUILD.search(done.stdout))
        raise InstallFailedError(f"{head}{remedy}:\n{printed}", needs_build=needs_build)
