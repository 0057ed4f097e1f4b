"""What a job's command sees of this machine: which view of it there is to give, and its variables.

A view is the way in which ``/opt/ml`` becomes the job's own:

- ``isolated``: a root of its own, with the system's programs and our Python read-only, the job's folders, and nothing
  else: not the user's home, no other job, no process but its own; without a network where the request asks for that.
  For root, and for an ordinary user where the kernel lets one have a user namespace (Linux 5.12 or newer).
- ``layout``: a mount namespace in which only ``/opt/ml`` differs from what the user sees, for want of more.
- ``prefix``: no namespace to be had. ``SAGEMAKER_BASE_DIR`` names the folder that stands for ``/opt/ml`` (the name that
  SageMaker's own toolkits read) and ``/opt/ml`` is replaced in the command and in the variables; a path that a script
  itself spells out is not.
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
LAUNCHER = Path(__file__).with_name("launcher.py")

ISOLATED, LAYOUT, PREFIX = "isolated", "layout", "prefix"
OWN_FOLDERS = ("home", "tmp", "work", "python")
"""What a job has beside ``/opt/ml``, in its folder."""

_PROGRAMS = [Path(__file__).with_name("serving")]
"""What of this package a job runs."""
_INSIDE = "/job"
"""Where the folders of its own are in the isolated view, but for ``tmp``, which is ``/tmp`` there."""
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/nix", "/gnu", "/sys")
_DEVICES = re.compile(r"null|zero|full|random|urandom|nvidia.*|dri|kfd")
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ROOT_IN_TEXT = re.compile(r"(?<![\w.-])/opt/ml(?![\w.-])")
_PYTHON = re.compile(r"python(3(\.\d+)?)?")
_PROBE_SECONDS = 10

Place = tuple[str, str, str]
"""A kind, a source and a target: see ``namespaces.enter``."""


@functools.cache
def view_of_this_machine() -> str:
    """``isolated``, ``layout`` or ``prefix``: the first that works here, tried once, in some 30 ms."""
    for view in (ISOLATED, LAYOUT) if sys.platform == "linux" else ():
        with tempfile.TemporaryDirectory() as folder:
            if _sees_probe(view, Path(folder)):
                return view
    return PREFIX


def isolation_warning() -> str | None:
    """What a user should know before jobs run, where this machine cannot isolate them; None where it can."""
    view = view_of_this_machine()
    if view == ISOLATED:
        return None
    place = "" if view == LAYOUT else "; /opt/ml is a folder named by SAGEMAKER_BASE_DIR"
    return (
        "jobs are not isolated on this machine: the kernel gives no namespaces for it, so a job's code can do what you "
        f"can (docs/security.md){place}"
    )


def make_folders(folder: Path) -> None:
    """Makes what ``launch_command`` expects in a job's folder."""
    for name in ("ml", "root", *OWN_FOLDERS):
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
) -> list[str]:
    """The command line of the launcher that runs a command.

    Args:
        command: program and arguments.
        folder: the job's, see ``make_folders``.
        view: see above.
        status: the file descriptor for the launcher's report.
        python: the image's packages; None: the command needs no Python.
        descriptors: those that the command inherits.
        cwd: the working directory as the command sees it; None: its empty folder ``work``.
        offline: whether to keep the network from it, which only the isolated view can.
        private: folders to hide in the isolated view, wherever they lie.
    """
    isolated = view == ISOLATED
    places = [*_system(private), *_own(folder), *_python(python)] if isolated else [*_all_but_opt_ml(folder)]
    plan = {
        "command": command,
        "cwd": cwd or seen_at(folder, "work", view),
        "status": status,
        "descriptors": list(descriptors),
        "isolated": isolated,
        "namespaces": None if view == PREFIX else {"isolated": isolated, "offline": offline and isolated},
        "root": None if view == PREFIX else {"root": str(folder / "root"), "places": places, "isolated": isolated},
    }
    return [sys.executable, "-I", "-S", str(LAUNCHER), json.dumps(plan)]


def seen_at(folder: Path, name: str, view: str) -> str:
    """Where the command sees one of its ``OWN_FOLDERS``."""
    if view != ISOLATED:
        return str(folder / name)
    return "/tmp" if name == "tmp" else f"{_INSIDE}/{name}"  # noqa: S108 - the job's own


def _system(private: Iterable[Path]) -> Iterator[Place]:
    """What the isolated view shows of this machine, read-only, and what of that it hides."""
    resolver = os.path.realpath("/etc/resolv.conf")  # often below /run, where nothing else is of use to a job
    opt = [str(entry) for entry in _entries("/opt") if str(entry) != ROOT]
    yield from (place for path in [*_SYSTEM, resolver, *opt] for place in _shown("read", Path(path)))
    hidden = {os.path.normpath(path) for path in (Path.home(), *private)} - {"/", *_SYSTEM}
    yield from (("hide", "", path) for path in sorted(hidden))


def _python(environment: PythonEnvironment | None) -> Iterator[Place]:
    """The image's packages and the interpreter that they are for, read-only, and the programs of this package."""
    places = environment.places if environment else ()
    yield from (place for path in [*places, *map(str, _PROGRAMS)] for place in _shown("read", Path(path)))


def _own(folder: Path) -> Iterator[Place]:
    """What belongs to the job alone."""
    yield "folder", "", "/proc"
    yield "memory", "", "/dev/shm"  # noqa: S108 - the job's own
    yield from (place for path in _entries("/dev") if _DEVICES.fullmatch(path.name) for place in _shown("write", path))
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        yield "link", f"/proc/self/fd/{number}", f"/dev/{name}"
    yield "link", "/proc/self/fd", "/dev/fd"
    yield "link", "/tmp", "/var/tmp"  # noqa: S108 - the job's own
    yield from (("write", str(folder / name), seen_at(folder, name, ISOLATED)) for name in OWN_FOLDERS)
    yield "write", str(folder / "ml"), ROOT


def _all_but_opt_ml(folder: Path) -> Iterator[Place]:
    yield "write", str(folder / "ml"), ROOT
    entries = [*(entry for entry in _entries("/") if entry.name != "opt"), *_entries("/opt")]
    yield from (place for entry in entries if str(entry) != ROOT for place in _shown("write", entry))


def _shown(kind: str, path: Path) -> Iterator[Place]:
    """A path of this machine at the same place in the job's root."""
    if path.is_symlink():
        yield "link", str(path.readlink()), str(path)
    elif path.exists():
        yield kind, str(path), str(path)


def _entries(folder: str) -> Sequence[Path]:
    try:
        return sorted(Path(folder).iterdir())
    except OSError:
        return []


def with_root(text: str, folder: Path) -> str:
    """The text with every ``/opt/ml`` in it replaced by a folder of this machine."""
    return _ROOT_IN_TEXT.sub(lambda _: str(folder), text)


def interpreter(program: str) -> str:
    """``python3`` for a Python interpreter named by a path that only the container image has, else the program."""
    path = Path(program)
    missing = path.is_absolute() and not program.startswith(ROOT) and not path.exists()
    return "python3" if missing and _PYTHON.fullmatch(path.name) else program


def base_environment(folder: Path, view: str, python: PythonEnvironment) -> dict[str, str]:
    """The variables that every command gets; nothing of ours is among them.

    Args:
        folder: the job's, see ``make_folders``.
        view: see above.
        python: the image's packages, on top of which the job gets an environment of its own.
    """
    own = seen_at(folder, "python", view)
    make_own(python, folder / "python", own)
    # The scikit-learn image sets the locale and PYTHONUNBUFFERED too; without the latter, lines would not stream.
    return {
        "PATH": f"{own}/bin:{python.folder}/bin:{_SYSTEM_PATH}",
        "HOME": seen_at(folder, "home", view),
        "TMPDIR": seen_at(folder, "tmp", view),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "PYTHONUNBUFFERED": "TRUE",
        "PYTHONIOENCODING": "UTF-8",
        # An instance of SageMaker's has its cores for the job alone; here, threads that spin while they wait for one
        # whose core another program has took gradient boosting from 2 to 12 s on two cores. A request may override it.
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
