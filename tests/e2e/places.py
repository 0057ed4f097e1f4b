"""A state machine of the pipeline on an emulator of its own, and jobs that misbehave, for tests of faults."""

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from local.connection import ACCOUNT, REGION
from local.emulator import Emulator
from local.service_backend import JobService
from pipeline.asl.resources import PLACEHOLDERS
from pipeline.definition import definition
from sagemaker_local.guard import job_key
from sagemaker_local.service import SageMaker

ROLE = f"arn:aws:iam::{ACCOUNT}:role/pipeline"


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
    """The pipeline's state machine on an emulator, with no SageMaker yet."""

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

    def serve(self, sagemaker: JobService) -> None:
        """Has this one answer as SageMaker."""
        self.emulator.services.attach(sagemaker)
        self.ends.callback(self.emulator.services.stop)

    def serve_jobs(self) -> None:
        """Has jobs run, as an environment does."""
        connection = self.emulator.connection
        self.serve(
            SageMaker(
                s3=connection.client("s3"),
                folder=self.folder,
                key=connection.key,
                job_key=job_key(connection.key),
                region=REGION,
                account=ACCOUNT,
                log=lambda _action, _name, _line: None,
            )
        )

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
