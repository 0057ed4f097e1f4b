"""The scripts as SageMaker runs them: as processes, in a folder laid out like ``/opt/ml``."""

from __future__ import annotations

import csv
import os
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.image_packages import IMAGE

PROJECT = Path(__file__).parents[2]
SCRIPTS = PROJECT / "scripts"
SAMPLE = PROJECT / "tests" / "data" / "census-sample.csv"

_OF_BOTO3 = "ignore:datetime.datetime.utcnow:DeprecationWarning"
"""The image's boto3 warns on a Python later than the image's."""

OPTIONS: dict[str, str] = yaml.safe_load((SCRIPTS / "input.yaml").read_text())["preprocessing"]["input"]["Environment"]
"""The options that input.yaml has for the census records."""


@dataclass(frozen=True)
class Container:
    """A job's container, with ``base`` for its ``/opt/ml``."""

    base: Path

    def put(self, path: str, content: str | bytes) -> Path:
        """Writes a file under ``/opt/ml``."""
        file = self.base / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    def read(self, path: str) -> str:
        """Reads a file under ``/opt/ml``."""
        return (self.base / path).read_text(encoding="utf-8")

    def lines(self, path: str) -> list[str]:
        """Reads the lines of a file under ``/opt/ml``."""
        return self.read(path).splitlines()

    def start(self, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs a job's entry point. Warnings are errors."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SM_")}
        return subprocess.run(
            [IMAGE.interpreter, "-W", "error", "-W", _OF_BOTO3, str(SCRIPTS / script)],
            env={**inherited, "SAGEMAKER_BASE_DIR": str(self.base), **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def run(self, script: str, **environment: str) -> str:
        """Runs a job that must succeed without output on stderr. Returns its log."""
        job = self.start(script, **environment)
        assert (job.returncode, job.stderr) == (0, "")
        return job.stdout

    def fail(self, script: str, failure: str, **environment: str) -> str:
        """Runs a job that must fail with one line, on stderr and in its failure file. Returns the reason."""
        job = self.start(script, **environment)
        assert job.returncode == 1
        assert job.stderr.startswith("error: ")
        assert job.stderr.count("\n") == 1
        reason = job.stderr[len("error: ") : -1]
        assert self.read(failure) == reason[:1024]  # SageMaker shows no more
        return reason

    def pack_model(self) -> Path:
        """Packs ``/opt/ml/model`` as SageMaker does after training, where an evaluation job looks for it."""
        archive = self.put("processing/model/model.tar.gz", "")
        with tarfile.open(archive, "w:gz") as members:
            members.add(self.base / "model", arcname=".")
        return archive


@pytest.fixture
def container(tmp_path: Path) -> Container:
    """An empty container."""
    return Container(tmp_path)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Container:
    """A container after preprocessing and training on the sample, for tests that only read."""
    container = Container(tmp_path_factory.mktemp("trained"))
    container.put("processing/input/census.csv", SAMPLE.read_bytes())
    container.run("preprocessing.py", **OPTIONS)
    container.put("log", container.run("train.py", SM_CHANNEL_TRAINING=str(container.base / "processing" / "train")))
    container.pack_model()
    return container


@pytest.fixture(scope="session")
def sample() -> list[list[str]]:
    """The lines of the sample, header first, with values as published."""
    with SAMPLE.open(newline="", encoding="utf-8") as lines:
        return list(csv.reader(lines))


@pytest.fixture(scope="session")
def as_csv() -> Callable[[list[list[str]]], str]:
    """Writes lines as the data is published."""
    return lambda lines: "".join(",".join(line) + "\n" for line in lines)
