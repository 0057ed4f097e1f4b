"""Deploys the stack to its own emulator, and starts environments with ``mlops local up``."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.processes import PYTHON, Usage, environment, usage
from executions.defaults import PROJECT
from executions.stack import Stack
from local.deployment import deploy
from local.emulator import Emulator
from pipeline.stages import STAGES

NOTHING_RUNS = {stage.key: {"run": False} for stage in STAGES}
"""Overrides that make an execution end immediately."""


@dataclass(frozen=True)
class Deployed:
    """A running emulator and the stack deployed to it."""

    emulator: Emulator
    metadata: Stack

    @property
    def event(self) -> dict[str, object]:
        """The sample event with overrides that make its execution end immediately."""
        config = {"bucket": self.metadata.bucket, "prefix": "demo/scripts/input.yaml"}
        return {"config": config, "overrides": NOTHING_RUNS}


@contextmanager
def deployed() -> Iterator[Deployed]:
    """Deploys the stack to an emulator, which ends with the context."""
    with TemporaryDirectory() as made:
        folder = Path(made)
        work = folder / "cdk"
        work.mkdir()
        with Emulator(port=free_port(), log=folder / "emulator.log") as emulator:
            yield Deployed(emulator, deploy(emulator, model_name="demo", folder=work, log=folder / "cdk.log"))


@contextmanager
def local_environment(folder: Path) -> Iterator[None]:
    """Runs an environment in the given folder while the context is active."""
    mlops(folder, "local", "up", "--port", str(free_port()))
    try:
        yield
    finally:
        mlops(folder, "local", "down")


def mlops(folder: Path, *arguments: str) -> Usage:
    """Runs an ``mlops`` command for the environment in the given folder."""
    command: list[str | Path] = [PYTHON.with_name("mlops"), *arguments]
    return usage(command, cwd=PROJECT, variables=environment(MLOPS_LOCAL_FOLDER=str(folder)))


def free_port() -> int:
    """Returns a TCP port that is currently unused on the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
