"""What a job's command sees of this machine: which view of the files there is to give, and its variables.

A view is the way in which ``/opt/ml`` becomes the job's own:

- ``mount``: a mount namespace, for root;
- ``user``: a user and mount namespace, for an ordinary user where the kernel lets one have it;
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
from pathlib import Path

ROOT = "/opt/ml"
LAUNCHER = Path(__file__).with_name("launcher.py")

_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ROOT_IN_TEXT = re.compile(r"(?<![\w.-])/opt/ml(?![\w.-])")
_PYTHON = re.compile(r"python(3(\.\d+)?)?")
_PROBE_SECONDS = 10


@functools.cache
def view_of_this_machine() -> str:
    """``mount``, ``user`` or ``prefix``: the first that works here, tried once, in some 30 ms."""
    if sys.platform == "linux":
        for view in (["mount"] if os.geteuid() == 0 else []) + ["user"]:
            with tempfile.TemporaryDirectory() as folder:
                (Path(folder) / "probe").touch()
                if _sees_probe(view, folder):
                    return view
    return "prefix"


def launch_command(command: list[str], *, folder: Path, view: str, status: int, cwd: str) -> list[str]:
    """The command line of the launcher that runs ``command``; see there for the meaning of each part."""
    plan = {"command": command, "cwd": cwd, "ml": str(folder), "view": view, "status": status}
    return [sys.executable, "-I", "-S", str(LAUNCHER), json.dumps(plan)]


def with_root(text: str, folder: Path) -> str:
    """The text with every ``/opt/ml`` in it replaced by a folder of this machine."""
    return _ROOT_IN_TEXT.sub(lambda _: str(folder), text)


def interpreter(program: str) -> str:
    """``python3`` for a Python interpreter named by a path that only the container image has, else the program."""
    path = Path(program)
    missing = path.is_absolute() and not program.startswith(ROOT) and not path.exists()
    return "python3" if missing and _PYTHON.fullmatch(path.name) else program


def base_environment(folder: Path) -> dict[str, str]:
    """The variables that every command gets; nothing of ours is among them.

    Args:
        folder: the job's, with the folders bin, home and tmp in it.
    """
    # The scikit-learn image sets the locale and PYTHONUNBUFFERED too; without the latter, lines would not stream.
    return {
        "PATH": f"{_python_path(folder / 'bin')}:{_SYSTEM_PATH}",
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "PYTHONUNBUFFERED": "TRUE",
        "PYTHONIOENCODING": "UTF-8",
        # An instance of SageMaker's has its cores for the job alone; here, threads that spin while they wait for one
        # whose core another program has took gradient boosting from 2 to 12 s on two cores. A request may override it.
        "OMP_WAIT_POLICY": "PASSIVE",
    }


def _python_path(wrappers: Path) -> str:
    """The PATH of the interpreter that runs us, with wrappers where it goes by another name only."""
    own = Path(sys.executable)
    for name in ("python", "python3"):
        if not (own.parent / name).exists():
            # Not a link: a virtual environment is recognised by the folder that its interpreter is started from.
            wrapper = wrappers / name
            wrapper.write_text(f'#!/bin/sh\nexec "{own}" "$@"\n')
            wrapper.chmod(0o755)
    return f"{wrappers}:{own.parent}"


def _sees_probe(view: str, folder: str) -> bool:
    status, writer = os.pipe()
    command = ["/bin/sh", "-c", f"test -f {ROOT}/probe"]
    with os.fdopen(status, "rb") as report:
        try:
            process = subprocess.Popen(
                launch_command(command, folder=Path(folder), view=view, status=writer, cwd="/"),
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
