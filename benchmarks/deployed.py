"""The stack deployed to an emulator of its own, and environments of ``mlops local up``."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.processes import PROJECT, PYTHON, Usage, environment, usage
from executions.stack import Stack
from local.deployment import deploy
from local.emulator import Emulator
from pipeline.stages import STAGES

NOTHING_RUNS = {stage.key: {"run": False} for stage in STAGES}
"""The overrides with which an execution ends at once."""


@dataclass(frozen=True)
class Deployed:
    """An emulator that is up, and what is deployed there."""

    emulator: Emulator
    metadata: Stack

    @property
    def event(self) -> dict[str, object]:
        """The sample event, of an execution that ends at once."""
        config = {"bucket": self.metadata.bucket, "prefix": "demo/scripts/input.yaml"}
        return {"config": config, "overrides": NOTHING_RUNS}


@contextmanager
def deployed() -> Iterator[Deployed]:
    """The deployed stack, as long as the context is."""
    with TemporaryDirectory() as made:
        folder = Path(made)
        work = folder / "cdk"
        work.mkdir()
        with Emulator(port=free_port(), log=folder / "emulator.log") as emulator:
            yield Deployed(emulator, deploy(emulator, model_name="demo", folder=work, log=folder / "cdk.log"))


@contextmanager
def local_environment(folder: Path) -> Iterator[None]:
    """An environment in this folder, up as long as the context is."""
    mlops(folder, "local", "up", "--port", str(free_port()))
    try:
        yield
    finally:
        mlops(folder, "local", "down")


def mlops(folder: Path, *arguments: str) -> Usage:
    """Runs an ``mlops`` command for the environment in this folder."""
    command: list[str | Path] = [PYTHON.with_name("mlops"), *arguments]
    return usage(command, cwd=PROJECT, variables=environment(MLOPS_LOCAL_FOLDER=str(folder)))


def free_port() -> int:
    """A TCP port of the loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
