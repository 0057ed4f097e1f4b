"""Defines the mounts and variables of a job's command.

A view is one of three ways to give the job its own ``/opt/ml``:

- ``isolated``: a separate root file system with the system's programs and our Python, read-only, and the job's folders.
  The job sees neither the user's home nor other jobs or processes, and has no network if the request disables it. Works
  for root, and for other users if the kernel allows user namespaces (Linux 5.12 or newer).
- ``layout``: a mount namespace in which only ``/opt/ml`` is different; the job is not isolated.
- ``prefix``: no namespaces. ``SAGEMAKER_BASE_DIR``, the variable that SageMaker's toolkits read, names the folder that
  replaces ``/opt/ml``. ``/opt/ml`` is replaced in the command and in the variables, but not in paths that a script
  hard-codes.
"""

import functools
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from sagemaker_local.environments import PythonEnvironment, make_own

ROOT = "/opt/ml"
PROGRAM = "/opt/program"
"""Where a job sees the folder with the programs of a user's own image."""
_LAUNCH = "import sys; sys.path.append(sys.argv[1]); import launcher; launcher.main(sys.argv[2])"
"""Python keeps the bytecode of what is imported, not that of a program."""

ISOLATED, LAYOUT, PREFIX = "isolated", "layout", "prefix"
JOB_FOLDERS = ("home", "tmp", "work", "python")
"""A job's folders in addition to ``/opt/ml``."""

_PROGRAMS = [Path(__file__).with_name("serving"), Path(__file__).with_name("algorithms")]
"""The programs of this package that jobs run."""
_JOB_ROOT = "/job"
"""The parent of JOB_FOLDERS in the isolated view, except ``tmp``, which is ``/tmp``."""
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/nix", "/gnu", "/sys")
_DEVICES = re.compile(r"null|zero|full|random|urandom|nvidia.*|dri|kfd")
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ROOTS_IN_TEXT = {root: re.compile(rf"(?<![\w.-]){root}(?![\w.-])") for root in (ROOT, PROGRAM)}
_PYTHON = re.compile(r"python(3(\.\d+)?)?")
_PROBE_SECONDS = 10

Mount = tuple[str, str, str]
"""Kind, source and target; see ``namespaces.change_root``."""


@functools.cache
def best_view() -> str:
    """Returns the first of ``isolated``, ``layout`` and ``prefix`` that works on this machine. Takes 30 ms, once."""
    for view in (ISOLATED, LAYOUT) if sys.platform == "linux" else ():
        with tempfile.TemporaryDirectory() as folder:
            if _sees_probe(view, Path(folder)):
                return view
    return PREFIX


def isolation_warning() -> str | None:
    """Returns a warning for the user if this machine cannot isolate jobs, otherwise None."""
    view = best_view()
    if view == ISOLATED:
        return None
    note = "" if view == LAYOUT else "; /opt/ml is a folder named by SAGEMAKER_BASE_DIR"
    return (
        "jobs are not isolated on this machine, because the kernel does not allow namespaces: a job's code can do "
        f"anything that you can do{note}"
    )


def make_folders(folder: Path) -> None:
    """Creates the subfolders of a job's folder that ``launch_command`` needs."""
    for name in ("ml", "root", *JOB_FOLDERS):
        (folder / name).mkdir(parents=True, exist_ok=True)


def launch_command(
    command: list[str],
    *,
    folder: Path,
    view: str,
    status: int,
    python: PythonEnvironment | None = None,
    descriptors: Iterable[int] = (),
    cwd: str | None = None,
    offline: bool = False,
    private: Iterable[Path] = (),
    protected: Iterable[str] = (),
    program: Path | None = None,
) -> list[str]:
    """Returns the command line of the launcher that runs a command.

    Args:
        command: program and arguments.
        folder: the job's folder; see ``make_folders``.
        view: ``isolated``, ``layout`` or ``prefix``.
        status: the file descriptor for the launcher's report.
        python: the image's packages; None: the command needs no Python.
        descriptors: the file descriptors that the command inherits.
        cwd: the working directory in the view; None: the empty folder ``work``.
        offline: whether to cut off the network, which only the isolated view can do.
        private: folders to hide in the isolated view.
        protected: existing folders below /opt/ml that the command must not write to; the prefix view cannot enforce it.
        program: the folder to show as ``PROGRAM``.
    """
    isolated = view == ISOLATED
    mounts = (
        [*_system_mounts(private), *_job_mounts(folder), *_python_mounts(python)]
        if isolated
        else [*_layout_mounts(folder)]
    )
    mounts += [("protect", "", path) for path in protected]
    if program is not None:
        mounts.append(("read" if isolated else "write", str(program), PROGRAM))
    plan = {
        "command": command,
        "cwd": cwd or path_in_view(folder, "work", view),
        "status": status,
        "descriptors": list(descriptors),
        "isolated": isolated,
        "namespaces": None if view == PREFIX else {"isolated": isolated, "offline": offline and isolated},
        "root": None if view == PREFIX else {"root": str(folder / "root"), "mounts": mounts, "isolated": isolated},
    }
    return [sys.executable, "-I", "-S", "-c", _LAUNCH, str(Path(__file__).parent), repr(plan)]


def path_in_view(folder: Path, name: str, view: str) -> str:
    """Returns the path of one of the ``JOB_FOLDERS`` in a view."""
    if view != ISOLATED:
        return str(folder / name)
    return "/tmp" if name == "tmp" else f"{_JOB_ROOT}/{name}"  # noqa: S108 - the job's own


def _system_mounts(private: Iterable[Path]) -> Iterator[Mount]:
    """Yields the isolated view's read-only system mounts, and the folders that it hides in them."""
    resolver = os.path.realpath("/etc/resolv.conf")  # often below /run, from which a job needs nothing else
    opt = [str(entry) for entry in _entries("/opt") if str(entry) not in (ROOT, PROGRAM)]
    yield from (mount for path in [*_SYSTEM, resolver, *opt] for mount in _same_path("read", Path(path)))
    hidden = {os.path.normpath(path) for path in (Path.home(), *private)} - {"/", *_SYSTEM}
    yield from (("hide", "", path) for path in sorted(hidden))


def _python_mounts(environment: PythonEnvironment | None) -> Iterator[Mount]:
    """Yields the mounts of the image's packages, of their interpreter, and of this package's own programs."""
    places = environment.places if environment else ()
    yield from (mount for path in [*places, *map(str, _PROGRAMS)] for mount in _same_path("read", Path(path)))


def _job_mounts(folder: Path) -> Iterator[Mount]:
    """Yields the mounts that are private to the job."""
    yield "folder", "", "/proc"
    yield "memory", "", "/dev/shm"  # noqa: S108 - the job's own
    yield from (
        mount for path in _entries("/dev") if _DEVICES.fullmatch(path.name) for mount in _same_path("write", path)
    )
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        yield "link", f"/proc/self/fd/{number}", f"/dev/{name}"
    yield "link", "/proc/self/fd", "/dev/fd"
    yield "link", "/tmp", "/var/tmp"  # noqa: S108 - the job's own
    yield from (("write", str(folder / name), path_in_view(folder, name, ISOLATED)) for name in JOB_FOLDERS)
    yield "write", str(folder / "ml"), ROOT


def _layout_mounts(folder: Path) -> Iterator[Mount]:
    yield "write", str(folder / "ml"), ROOT
    entries = [*(entry for entry in _entries("/") if entry.name != "opt"), *_entries("/opt")]
    yield from (mount for entry in entries if str(entry) != ROOT for mount in _same_path("write", entry))


def _same_path(kind: str, path: Path) -> Iterator[Mount]:
    """Yields the mount of a path at the same path in the job's root."""
    if path.is_symlink():
        yield "link", str(path.readlink()), str(path)
    elif path.exists():
        yield kind, str(path), str(path)


def _entries(folder: str) -> Sequence[Path]:
    try:
        return sorted(Path(folder).iterdir())
    except OSError:
        return []


def with_root(text: str, folder: Path, root: str = ROOT) -> str:
    """Replaces every ``/opt/ml``, or every ``PROGRAM``, in a text with a folder on this machine."""
    return _ROOTS_IN_TEXT[root].sub(lambda _: str(folder), text)


def interpreter(program: str) -> str:
    """Returns ``python3`` for the path of a Python that exists only in the container image, otherwise the program."""
    path = Path(program)
    missing = path.is_absolute() and not program.startswith(ROOT) and not path.exists()
    return "python3" if missing and _PYTHON.fullmatch(path.name) else program


def base_environment(folder: Path, view: str, python: PythonEnvironment) -> dict[str, str]:
    """Returns the variables that every command gets, none of them from our environment.

    Args:
        folder: the job's folder; see ``make_folders``.
        view: ``isolated``, ``layout`` or ``prefix``.
        python: the image's packages; the job's own environment is made on top of them.
    """
    own = path_in_view(folder, "python", view)
    make_own(python, folder / "python", own)
    # As in the scikit-learn image, which also sets the locale and PYTHONUNBUFFERED; without it, lines would not stream.
    return {
        "PATH": f"{own}/bin:{python.folder}/bin:{_SYSTEM_PATH}",
        "HOME": path_in_view(folder, "home", view),
        "TMPDIR": path_in_view(folder, "tmp", view),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "PYTHONUNBUFFERED": "TRUE",
        "PYTHONIOENCODING": "UTF-8",
        # A SageMaker instance runs nothing but the job. Here other programs compete for the cores, and threads that
        # spin while waiting slowed gradient boosting on two cores from 2 to 12 s. A request may override this.
        "OMP_WAIT_POLICY": "PASSIVE",
    }


def _sees_probe(view: str, folder: Path) -> bool:
    make_folders(folder)
    (folder / "ml" / "probe").touch()
    status, writer = os.pipe()
    command = ["/bin/sh", "-c", f"test -f {ROOT}/probe"]
    with os.fdopen(status, "rb") as report:
        try:
            process = subprocess.Popen(
                launch_command(command, folder=folder, view=view, status=writer, cwd="/", offline=True),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[writer],
            )
        finally:
            os.close(writer)
        with process:
            code = json.loads(report.read() or '{"code": null}')["code"]
    return bool(code == 0)
