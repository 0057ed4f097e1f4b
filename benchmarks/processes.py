"""Runs programs and measures wall-clock time, CPU time and memory."""

import functools
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from pipeline.images import DEFAULT_VERSION, REPOSITORY
from sagemaker_local.environments import Environments
from sagemaker_local.images import Images

PYTHON = Path(sys.executable)
_LAST = 2000


@functools.cache
def image_python() -> Path:
    """The interpreter with the packages of the image that the shipped scripts run in."""
    return Path(Environments().get(Images().find(f"{REPOSITORY}:{DEFAULT_VERSION}")).interpreter)


class BenchmarkError(Exception):
    """A measurement failed; the message says which and why."""


@dataclass(frozen=True, kw_only=True)
class Usage:
    """The resources used by a program and all child processes that it waited for."""

    wall: float
    """Seconds."""
    cpu: float
    """Seconds across all processors."""
    memory: float
    """Peak memory of its largest process, in MB. Linux includes our own usage at the time of the fork."""
    printed: str
    """Standard output."""

    @property
    def figures(self) -> dict[str, float]:
        """The usage as figures of a measurement."""
        return {"wall": self.wall, "cpu": self.cpu, "memory": self.memory}


def environment(**variables: str) -> dict[str, str]:
    """Returns this process's environment plus the given variables, without settings for AWS clients and the CDK."""
    others = ("AWS_", "CDK_", "MLOPS_", "SEEDFARMER_", "JSII_", "PYTHON")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    return kept | {"JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1"} | variables


def usage(command: Sequence[str | Path], *, cwd: Path, variables: Mapping[str, str]) -> Usage:
    """Runs a program to completion.

    Args:
        command: program and arguments.
        cwd: its working directory.
        variables: its environment.

    Raises:
        BenchmarkError: its exit code is not 0; the message has the end of its output.
    """
    with TemporaryFile("w+") as output, TemporaryFile("w+") as errors:
        began = time.perf_counter()
        process = subprocess.Popen(
            [*map(str, command)], cwd=cwd, env=dict(variables), stdin=subprocess.DEVNULL, stdout=output, stderr=errors
        )
        try:
            _, status, used = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        printed = output.read()
        if process.returncode:
            said = (printed + errors.read())[-_LAST:].strip()
            raise BenchmarkError(f"{' '.join(map(str, command))} ended with exit code {process.returncode}:\n{said}")
    # Kilobytes on Linux, bytes on macOS: https://man7.org/linux/man-pages/man2/getrusage.2.html
    memory = used.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e6 / 1024)
    return Usage(wall=wall, cpu=used.ru_utime + used.ru_stime, memory=memory, printed=printed)
