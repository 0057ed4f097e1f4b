"""End-to-end tests: the real CLI, the emulator, the CDK, and jobs as processes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from executions.stack import Stack
from local.deployment import deploy
from local.emulator import ACCOUNT, REGION, Emulator
from tests.conftest import SCHEDULE
from tests.e2e.checkout import PROJECT, SAMPLE, SMALL_MODEL, Checkout, make_checkout
from tests.e2e.secure import DATA, OTHERS

__all__ = ["PROJECT", "SAMPLE"]


@dataclass(frozen=True)
class LocalRun:
    """A finished ``mlops local run``."""

    code: int
    printed: str
    port: int
    folder: Path

    @property
    def summary(self) -> dict[str, Any]:
        """The run's summary.json."""
        content: dict[str, Any] = json.loads((self.folder / "summary.json").read_text())
        return content


class RunningLocalRun:
    """A running ``mlops local run``."""

    def __init__(self, folder: Path, port: int, *options: str) -> None:
        self._folder = folder
        self._port = port
        self._output = folder.with_suffix(".log")
        command = [str(Path(sys.executable).with_name("mlops")), "local", "run", "--out", str(folder)]
        with self._output.open("w") as output:
            self._process = subprocess.Popen(
                [*command, "--port", str(port), *options],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=os.environ | {"COLUMNS": "200"},
                cwd=folder.parent,
            )

    def wait_for(self, text: str, timeout: float = 120) -> None:
        """Waits until the run has printed a text."""
        deadline = time.monotonic() + timeout
        while text not in self._output.read_text():
            assert self._process.poll() is None, self._output.read_text()
            assert time.monotonic() < deadline, self._output.read_text()
            time.sleep(0.05)

    def interrupt(self) -> None:
        """Sends SIGINT, as Ctrl-C does."""
        self._process.send_signal(signal.SIGINT)

    def end(self) -> None:
        """Ends the run if it is still running after a failed test."""
        self._process.terminate()
        self._process.wait(30)

    def finish(self, timeout: float = 180) -> LocalRun:
        """Waits for the run to end."""
        code = self._process.wait(timeout)
        return LocalRun(code, self._output.read_text(), self._port, self._folder)


@pytest.fixture
def start_local_run(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Callable[..., RunningLocalRun]]:
    """Starts an ``mlops local run`` on the small sample, with a small model and additional options."""
    started: list[RunningLocalRun] = []

    def start(*options: str, port: int | None = None) -> RunningLocalRun:
        given = options if "--data" in options else ("--data", str(SAMPLE), *options)
        started.append(RunningLocalRun(tmp_path / "out", port or free_port(), *SMALL_MODEL, *given))
        return started[-1]

    yield start
    for run in started:
        run.end()


@dataclass(frozen=True)
class DeployedStack:
    """The stack on a running emulator, without SageMaker."""

    emulator: Emulator
    metadata: Stack

    @cached_property
    def _lambda(self) -> Any:
        return self.emulator.client("lambda")

    def invoke(self, *, key: str = "demo/scripts/input.yaml", **added: Any) -> tuple[dict[str, Any], bool]:
        """Invokes the start Lambda with the sample event.

        Args:
            key: the key of ``input.yaml`` in the bucket.
            added: additional parts of the event, such as ``overrides``.

        Returns:
            The answer, and whether the invocation failed.
        """
        event = {"config": {"bucket": self.metadata.bucket, "prefix": key}} | added
        response = self._lambda.invoke(FunctionName=self.metadata.function, Payload=json.dumps(event))
        return json.loads(response["Payload"].read()), "FunctionError" in response

    def page(self, name: str) -> str | None:
        """A page that the reporter has published; None if there is none yet."""
        s3 = self.emulator.client("s3")
        key = f"demo/reports/{name}"
        if not s3.list_objects_v2(Bucket=self.metadata.bucket, Prefix=key).get("Contents"):
            return None
        text: str = s3.get_object(Bucket=self.metadata.bucket, Key=key)["Body"].read().decode()
        return text


@pytest.fixture(scope="session")
def emulator_assembly(synthesised: Callable[..., Path]) -> Path:
    """The cloud assembly that ``mlops local`` would synthesise."""
    return synthesised(SEEDFARMER_PARAMETER_SCHEDULE=SCHEDULE, CDK_DEFAULT_ACCOUNT=ACCOUNT, CDK_DEFAULT_REGION=REGION)


@pytest.fixture(scope="session")
def deployed_stack(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int], emulator_assembly: Path
) -> Iterator[DeployedStack]:
    """The production template, deployed once for all tests that need it."""
    folder = tmp_path_factory.mktemp("deployed")
    with Emulator(port=free_port(), log=folder / "emulator.log") as emulator:
        work = folder / "cdk"
        work.mkdir()
        log = folder / "cdk.log"
        metadata = deploy(emulator, model_name="demo", folder=work, log=log, assembly=emulator_assembly)
        yield DeployedStack(emulator, metadata)


YEARS_AHEAD = "0 6 1 1 ? 2199"
"""A schedule that starts nothing during the tests."""


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[Checkout]:
    """A checkout with a running environment, which must end without leftovers."""
    made = make_checkout(tmp_path_factory.mktemp("up") / "checkout", free_port())
    try:
        schedule = ("--monitoring-schedule", YEARS_AHEAD)
        printed = made.mlops("local", "up", "--port", str(made.port), *schedule)
        assert f"http://127.0.0.1:{made.port}" in printed
        assert "mlops local down" in printed
        yield made
        assert f"ended: emulator at http://127.0.0.1:{made.port}" in made.mlops("local", "down")
        made.assert_nothing_left()
        assert made.mlops("local", "down") == "no environment is up\n"
    finally:
        made.mlops("local", "down")


@dataclass(frozen=True)
class FirstRun:
    """A finished run in the environment that is up."""

    printed: str
    summary: dict[str, Any]


@pytest.fixture(scope="session")
def first_run(checkout: Checkout, tmp_path_factory: pytest.TempPathFactory) -> FirstRun:
    """The environment's first run, through every stage; its results lie in a folder of their own."""
    folder = tmp_path_factory.mktemp("first-run")
    printed = checkout.run("--out", str(folder))
    return FirstRun(printed, json.loads((folder / "summary.json").read_text()))


@pytest.fixture(scope="session")
def secure_stack(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int], emulator_assembly: Path
) -> Iterator[DeployedStack]:
    """The production template, deployed with enforced policies, with the sample data and another team's bucket."""
    folder = tmp_path_factory.mktemp("secure")
    with Emulator(port=free_port(), log=folder / "emulator.log", secure=True) as emulator:
        work = folder / "cdk"
        work.mkdir()
        log = folder / "cdk.log"
        metadata = deploy(emulator, model_name="demo", folder=work, log=log, assembly=emulator_assembly)
        s3 = emulator.client("s3")
        for bucket in (DATA, OTHERS):
            s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=DATA, Key="processing/census/sample.csv", Body=SAMPLE.read_bytes())
        s3.put_object(Bucket=OTHERS, Key="input.yaml", Body=b"job_prefix: mlops\nmodel_id: demo\n")
        yield DeployedStack(emulator, metadata)


@pytest.fixture(scope="session")
def roles(secure_stack: DeployedStack) -> dict[str, str]:
    """The names of the deployed roles by construct."""
    listed = secure_stack.emulator.client("cloudformation").list_stack_resources(StackName="mlops-demo")
    return {
        item["LogicalResourceId"].partition("Role")[0]: item["PhysicalResourceId"]
        for item in listed["StackResourceSummaries"]
        if item["ResourceType"] == "AWS::IAM::Role"
    }


@pytest.fixture(scope="session")
def acting_as(secure_stack: DeployedStack, roles: dict[str, str]) -> Callable[[str, str], Any]:
    """Makes a client of a service with the credentials of a construct's role."""

    def client(construct: str, service: str) -> Any:
        return secure_stack.emulator.client(service, role=f"arn:aws:iam::{ACCOUNT}:role/{roles[construct]}")

    return client
