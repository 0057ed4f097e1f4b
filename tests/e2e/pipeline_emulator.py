"""The pipeline's state machine on its own emulator, for tests of faults."""

import json
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
from tests.waiting import wait_until

ROLE = f"arn:aws:iam::{ACCOUNT}:role/pipeline"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"


def processing(*command: str, seconds: int = 600) -> dict[str, Any]:
    """An execution's input with preprocessing only, which runs this command."""
    return {
        "preprocessing": {
            "run": True,
            "input": {
                "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": list(command)},
                "ProcessingResources": {
                    "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
                },
                "StoppingCondition": {"MaxRuntimeInSeconds": seconds},
                "RoleArn": ROLE,
            },
        }
    }


def processes(marker: str) -> list[int]:
    """The ids of the processes with a word in their command line."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if marker.encode() in (process / "cmdline").read_bytes():
                found.append(int(process.name))
        except OSError:
            continue
    return found


@dataclass
class PipelineEmulator:
    """The pipeline's state machine on an emulator, without SageMaker."""

    emulator: Emulator
    folder: Path
    ends: ExitStack = field(default_factory=ExitStack)

    @cached_property
    def step_functions(self) -> Any:
        """A client of the emulator."""
        return self.emulator.client("stepfunctions")

    @cached_property
    def state_machine(self) -> str:
        """The state machine's ARN."""
        created = self.step_functions.create_state_machine(
            name="Pipeline", definition=json.dumps(definition(PLACEHOLDERS)), roleArn=ROLE
        )
        return str(created["stateMachineArn"])

    def serve(self, sagemaker: JobService) -> None:
        """Sets the service that answers as SageMaker."""
        self.emulator.services.attach(sagemaker)
        self.ends.callback(self.emulator.services.stop)

    def serve_jobs(self) -> None:
        """Attaches a SageMaker that runs jobs, as in an environment."""
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
        """Describes the execution."""
        described: dict[str, Any] = self.step_functions.describe_execution(executionArn=arn)
        return described

    def finish(self, arn: str, *, timeout: float = 60) -> dict[str, Any]:
        """Waits for the execution to end; returns its description."""
        wait_until(lambda: self.describe(arn)["status"] != "RUNNING", timeout=timeout)
        return self.describe(arn)


@contextmanager
def pipeline_emulator(folder: Path, port: int) -> Iterator[PipelineEmulator]:
    """Runs an emulator with the pipeline while the context is active."""
    with Emulator(port=port, log=folder / "emulator.log") as emulator, ExitStack() as ends:
        yield PipelineEmulator(emulator, folder, ends)
