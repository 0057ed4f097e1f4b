"""Checks this machine before ``mlops local``: what ``make demo`` and a local run need."""

import os
import platform
import resource
import shutil
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from doctor.result import Result, failure, ok, warning
from executions.defaults import EMULATOR_PORT, PROJECT
from local.environment import OPEN_FILES
from local.errors import LocalError
from local.state import EnvironmentDir
from requirements.install import BIN, NEWEST, OLDEST
from sagemaker_local.mounts import isolation_warning

_GB = 1e9
_DISK = 2.0
"""Gigabytes for the packages of the tool and of the jobs' image; the set-up's error names the same."""
_MEMORY = 2.0
"""Gigabytes for the synthesis, the emulator and a job at the same time (docs/performance.md)."""
_NODE = 22
"""The oldest Node that the CDK CLI supports."""
_SECONDS = 10


def examine_machine(folder: Path) -> list[Result]:
    """Checks this machine.

    Args:
        folder: the folder of the environment.
    """
    checks = (_python, _uv, _node, _isolation, lambda: _port(folder), lambda: _disk(folder), _memory, _open_files)
    with ThreadPoolExecutor(max_workers=len(checks)) as pool:
        return [future.result() for future in [pool.submit(check) for check in checks]]


def _python() -> Result:
    version = platform.python_version()
    allowed = f"{'.'.join(map(str, OLDEST))} to {'.'.join(map(str, NEWEST))}"
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return ok("Python", f"{version}; {allowed} are supported")
    return failure("Python", f"{version}; {allowed} are supported", "choose another one: make demo PYTHON=python3.12")


def _uv() -> Result:
    version = _version(BIN / "uv")
    if version is None:
        return failure("uv", f"{BIN / 'uv'} does not run; it installs the packages of the jobs' image", "make demo")
    return ok("uv", version.removeprefix("uv ").partition(" ")[0])


def _node() -> Result:
    remedy = "make demo, which installs both"
    version = _version(BIN / "node")
    if version is None:
        return failure("Node", f"{BIN / 'node'} does not run; the CDK CLI needs it", remedy)
    if int(version.lstrip("v").partition(".")[0]) < _NODE:
        return failure("Node", f"{version}; the CDK CLI needs {_NODE} or newer", remedy)
    cdk = PROJECT / "node_modules" / ".bin" / "cdk"
    if not cdk.exists():
        return failure("Node", f"{version}, but the CDK CLI is not installed", remedy)
    return ok("Node", f"{version}, with the CDK CLI")


def _isolation() -> Result:
    unsafe = isolation_warning()
    if unsafe is None:
        return ok("namespaces", "jobs are isolated")
    return warning("namespaces", unsafe, "run only code that you trust, or allow user namespaces: docs/security.md")


def _port(folder: Path) -> Result:
    """The emulator's port, and a free one for SageMaker."""
    try:
        live = EnvironmentDir(folder).live()
    except LocalError as error:
        return warning("ports", str(error), "mlops local down")
    if live is not None:
        return ok("ports", f"an environment is up at {live.endpoint}")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", EMULATOR_PORT))
        except OSError as error:
            detail = f"{EMULATOR_PORT} cannot be used: {os.strerror(error.errno or 0)}"
            return failure("ports", detail, f"use another: mlops local up --port {EMULATOR_PORT + 1}")
    return ok("ports", f"{EMULATOR_PORT} is free")


def _disk(folder: Path) -> Result:
    places = {"environment": folder, "packages": Path.home() / ".cache"}
    free = {name: shutil.disk_usage(_existing(place)).free / _GB for name, place in places.items()}
    name = min(free, key=lambda each: free[each])
    if free[name] < _DISK:
        detail = f"{free[name]:.1f} GB free for the {name}, in {places[name]}; {_DISK:g} GB are needed"
        return failure("disk", detail, "free some space, or choose another folder: --folder")
    return ok("disk", f"{free[name]:,.0f} GB free")


def _memory() -> Result:
    available = _available_memory()
    if available is None:
        return ok("memory", f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / _GB:.0f} GB in all")
    if available < _MEMORY:
        detail = f"{available:.1f} GB available; a run needs {_MEMORY:g} GB"
        return warning("memory", detail, "end some programs first")
    return ok("memory", f"{available:.0f} GB available")


def _open_files() -> Result:
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit != resource.RLIM_INFINITY and limit < OPEN_FILES:
        return failure("open files", f"at most {limit}; {OPEN_FILES} are needed", f"ulimit -n {OPEN_FILES}")
    return ok("open files", "no limit" if limit == resource.RLIM_INFINITY else f"at most {limit:,}")


def _version(program: Path) -> str | None:
    """What a program prints as its version; None if it does not run."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _existing(path: Path) -> Path:
    """The path, or the nearest of its parents that exists."""
    return next(place for place in (path, *path.parents) if place.exists())


def _available_memory() -> float | None:
    """Gigabytes that programs can still use; None if the system does not tell, as macOS."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    values = dict(line.split(":", 1) for line in lines)
    return int(values["MemAvailable"].split()[0]) * 1024 / _GB
