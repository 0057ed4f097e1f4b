"""A state machine of the pipeline on an emulator of its own, and jobs that misbehave, for tests of faults."""

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from local.activities import JobService, Worker
from local.connection import ACCOUNT, REGION, Connection
from local.emulator import Emulator
from local.recorded import Orphans, RecordedSageMaker
from local.tasks import Tasks
from pipeline.asl.resources import PLACEHOLDERS
from pipeline.definition import definition
from sagemaker_local.guard import job_key
from sagemaker_local.service import SageMaker

PROJECT = Path(__file__).parent.parent.parent
ROLE = f"arn:aws:iam::{ACCOUNT}:role/pipeline"

_WORKER = "import sys; from tests.e2e.places import serve_for_ever; serve_for_ever(*sys.argv[1:])"


def processing(*command: str, seconds: int = 600) -> dict[str, Any]:
    """An execution's input of which only preprocessing runs, and that is this command."""
    return {
        "preprocessing": {
            "run": True,
            "input": {
                "AppSpecification": {"ImageUri": "image", "ContainerEntrypoint": list(command)},
                "ProcessingResources": {
                    "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
                },
                "StoppingCondition": {"MaxRuntimeInSeconds": seconds},
                "RoleArn": ROLE,
            },
        }
    }


def processes(marker: str) -> list[int]:
    """The ids of the processes that have a word in their command line."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if marker.encode() in (process / "cmdline").read_bytes():
                found.append(int(process.name))
        except OSError:
            continue
    return found


def wait_until(happened: Any, *, timeout: float = 60) -> Any:
    """The function's value, once there is one that counts as true."""
    deadline = time.monotonic() + timeout
    while not (value := happened()):
        assert time.monotonic() < deadline, "it has not happened"
        time.sleep(0.05)
    return value


@dataclass
class Place:
    """The pipeline's state machine on an emulator, with no worker yet."""

    emulator: Emulator
    folder: Path
    ends: ExitStack = field(default_factory=ExitStack)

    @cached_property
    def step_functions(self) -> Any:
        """A client of the emulator."""
        return self.emulator.client("stepfunctions")

    @cached_property
    def state_machine(self) -> str:
        """Its ARN."""
        created = self.step_functions.create_state_machine(
            name="Pipeline", definition=json.dumps(definition(PLACEHOLDERS)), roleArn=ROLE
        )
        return str(created["stateMachineArn"])

    def serve(self, sagemaker: JobService, *, tasks: Tasks | None = None) -> None:
        """Starts a worker."""
        worker = Worker(
            step_functions=self.step_functions,
            dynamodb=self.emulator.client("dynamodb"),
            sagemaker=sagemaker,
            tasks=tasks,
        )
        self.ends.callback(worker.stop)
        worker.serve(self.state_machine)

    def serve_jobs(self, *, tasks: Tasks | None = None) -> None:
        """Starts a worker that runs jobs, and stops those of stopped executions, as an environment does."""
        recorded = RecordedSageMaker(_sagemaker(self.emulator.connection, self.folder))
        orphans = Orphans(step_functions=self.step_functions, sagemaker=recorded)
        self.ends.callback(orphans.stop)
        self.serve(recorded, tasks=tasks)
        orphans.watch(self.state_machine)

    def worker_process(self) -> "subprocess.Popen[bytes]":
        """Starts a worker in a process of its own; it serves when this returns."""
        place = self.emulator.connection
        command = [sys.executable, "-c", _WORKER, place.endpoint, place.key, str(self.folder), self.state_machine]
        process = subprocess.Popen(command, cwd=PROJECT)
        self.ends.callback(process.wait)
        self.ends.callback(process.kill)
        wait_until(self._is_served)
        return process

    def _is_served(self) -> bool:
        described = self.step_functions.describe_state_machine(stateMachineArn=self.state_machine)
        return ":activity:" in described["definition"]

    def start(self, data: dict[str, Any]) -> str:
        """Starts an execution. Returns its ARN."""
        started = self.step_functions.start_execution(
            stateMachineArn=self.state_machine, name=f"mlops-demo-{uuid.uuid4().hex[:16]}", input=json.dumps(data)
        )
        return str(started["executionArn"])

    def describe(self, arn: str) -> dict[str, Any]:
        """The execution."""
        described: dict[str, Any] = self.step_functions.describe_execution(executionArn=arn)
        return described

    def finish(self, arn: str, *, timeout: float = 60) -> dict[str, Any]:
        """The execution, once it has ended."""
        wait_until(lambda: self.describe(arn)["status"] != "RUNNING", timeout=timeout)
        return self.describe(arn)


@contextmanager
def place(folder: Path, port: int) -> Iterator[Place]:
    """A place, there as long as the context is."""
    with Emulator(port=port, log=folder / "emulator.log") as emulator, ExitStack() as ends:
        yield Place(emulator, folder, ends)


def serve_for_ever(endpoint: str, key: str, folder: str, state_machine: str) -> None:
    """A worker that runs jobs until its process ends."""
    connection = Connection(endpoint=endpoint, key=key)
    Worker(
        step_functions=connection.client("stepfunctions"),
        dynamodb=connection.client("dynamodb"),
        sagemaker=_sagemaker(connection, Path(folder)),
        tasks=Tasks(Path(folder, "tasks")),
    ).serve(state_machine)
    while True:
        time.sleep(60)


def _sagemaker(connection: Connection, folder: Path) -> SageMaker:
    return SageMaker(
        s3=connection.client("s3"),
        folder=folder,
        key=connection.key,
        job_key=job_key(connection.key),
        region=REGION,
        account=ACCOUNT,
        log=lambda _action, _name, _line: None,
    )
