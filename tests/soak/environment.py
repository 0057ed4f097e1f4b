"""An environment for the soak: started, loaded with events, ended, and observed from outside."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import yaml
from botocore.exceptions import BotoCoreError, ClientError

from executions.defaults import PROJECT
from local.state import EnvironmentDir, State

SCRIPT = Path(__file__).parent / "job.py"
DEAD = "Z"
"""The state of a zombie process (proc_pid_stat(5))."""

_PREFIX = "demo/soak"
_LONGEST_PAUSE = 4.0
"""The maximum pause between two attempts to deliver an event, in seconds; the first pause is a quarter of a second."""
_ACCEPT_SECONDS = 120.0
"""Seconds after the last attack within which every event must be accepted."""
_END_SECONDS = 180.0
"""Seconds within which executions must end; a job that ignores SIGTERM is killed two minutes after its timeout."""
_INFERENCE = "def model_fn(folder):\n    return 1\n\ndef predict_fn(data, model):\n    return data\n"


class SoakError(Exception):
    """The soak cannot continue; the message says why."""


@dataclass
class SoakEnvironment:
    """An environment in a folder, with the events delivered to it."""

    folder: Path
    canary: Path
    accepted: dict[str, str] = field(default_factory=dict)
    """The ARN of the execution that each event started, by the event's id."""
    quiet_since: float | None = None
    """When the attacks ended, by the monotonic clock."""
    _last_reply: dict[str, str] = field(default_factory=dict)

    @property
    def untaken(self) -> dict[str, str]:
        """The events that were not accepted, each with the last reply."""
        return {event: reply for event, reply in self._last_reply.items() if event not in self.accepted}

    def forget(self) -> None:
        """Forgets all events."""
        self.accepted.clear()
        self._last_reply.clear()

    def up(self, port: int) -> None:
        """Starts the environment.

        Raises:
            SoakError: it does not start.
        """
        printed = self._mlops("up", "--port", str(port))
        state = EnvironmentDir(self.folder).live()
        if state is None:
            raise SoakError(f"the environment did not start: {printed}")
        self.state: State = state
        s3 = self._client("s3")
        for name, content in (("job.py", SCRIPT.read_bytes()), ("input.yaml", self._input())):
            s3.put_object(Bucket=state.metadata.bucket, Key=f"{_PREFIX}/{name}", Body=content)
        self._serve(s3)

    def down(self) -> None:
        """Ends the environment."""
        self._mlops("down")

    def deliver(self, identity: str, kind: str | None) -> None:
        """Delivers an event, with retries as EventBridge's, until it is accepted or the environment has ended.

        Args:
            identity: the event's id.
            kind: the kind of the execution's job; None for an execution without a job.
        """
        section: dict[str, Any] = {"run": kind is not None}
        if kind:
            section["input"] = {"AppSpecification": {"ContainerArguments": [kind, str(self.canary)]}}
        event = {
            "config": {"bucket": self.state.metadata.bucket, "prefix": f"{_PREFIX}/input.yaml"},
            "overrides": {"preprocessing": section},
            "id": identity,
        }
        # Before the delivery, so that no event is forgotten, however its delivery ends.
        self._last_reply[identity] = "nothing"
        pause = 0.25
        while self.is_up() and (self.quiet_since is None or time.monotonic() < self.quiet_since + _ACCEPT_SECONDS):
            try:
                client = self._client("lambda")
                answer = client.invoke(FunctionName=self.state.metadata.function, Payload=json.dumps(event))
                reply = json.loads(answer["Payload"].read())
                if "executionArn" in reply:
                    self.accepted[identity] = reply["executionArn"]
                    return
            except (BotoCoreError, ClientError, ValueError) as error:
                reply = str(error)
            self._last_reply[identity] = str(reply)
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def is_up(self) -> bool:
        """Whether its process is alive."""
        return EnvironmentDir(self.folder).owner() is not None

    def last_log_line(self) -> str:
        """The last line of its log."""
        return (EnvironmentDir(self.folder).log.read_text(errors="replace").splitlines() or ["nothing"])[-1]

    def executions(self) -> dict[str, str]:
        """The status of every execution, by its ARN."""
        pages = (
            self._client("stepfunctions")
            .get_paginator("list_executions")
            .paginate(stateMachineArn=self.state.metadata.state_machine)
        )
        return {item["executionArn"]: item["status"] for page in pages for item in page["executions"]}

    def settled(self) -> dict[str, str]:
        """The status of every execution, after waiting for all to end."""
        deadline = time.monotonic() + _END_SECONDS
        while "RUNNING" in (found := self.executions()).values() and time.monotonic() < deadline:
            time.sleep(0.5)
        return found

    def _client(self, service: str) -> Any:
        return self.state.connection.client(service)

    def _mlops(self, *arguments: str) -> str:
        # Not to a pipe, which processes that outlive the command would keep open.
        with TemporaryFile("w+") as printed:
            program = [sys.executable, "-c", "from cli.main import main; main()"]
            command = [*program, "local", *arguments, "--folder", str(self.folder)]
            subprocess.run(command, cwd=PROJECT, stdout=printed, stderr=subprocess.STDOUT, check=False, timeout=300)
            printed.seek(0)
            return printed.read().strip()

    def _input(self) -> bytes:
        """The shipped input with the soak's job as its only stage."""
        shipped = yaml.safe_load((PROJECT / "scripts" / "input.yaml").read_bytes())
        request = shipped["preprocessing"]["input"]
        request["AppSpecification"]["ContainerEntrypoint"] = ["python3", "/opt/ml/processing/code/job.py"]
        request["StoppingCondition"]["MaxRuntimeInSeconds"] = 5
        (code,) = (item for item in request["ProcessingInputs"] if item["InputName"] == "code")
        code["S3Input"]["S3Uri"] = f"s3://MLOPS_BUCKET/{_PREFIX}"
        request["ProcessingInputs"] = [code]
        output = request["ProcessingOutputConfig"]["Outputs"][0]
        output["S3Output"]["LocalPath"] = "/opt/ml/processing/output"
        request["ProcessingOutputConfig"]["Outputs"] = [output]
        kept = {key: shipped[key] for key in ("app_id", "model_id", "job_prefix", "preprocessing")}
        return yaml.safe_dump(kept).encode()

    def _serve(self, s3: Any) -> None:
        """Creates an endpoint, so that there is a model server."""
        archive = BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as packed:
            member = tarfile.TarInfo("code/inference.py")
            member.size = len(_INFERENCE)
            packed.addfile(member, BytesIO(_INFERENCE.encode()))
        bucket = self.state.metadata.bucket
        s3.put_object(Bucket=bucket, Key=f"{_PREFIX}/model.tar.gz", Body=archive.getvalue())
        sagemaker = self._client("sagemaker")
        image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
        sagemaker.create_model(
            ModelName="soak-demo",
            ExecutionRoleArn="arn:aws:iam::000000000000:role/soak",
            PrimaryContainer={
                "Image": image,
                "ModelDataUrl": f"s3://{bucket}/{_PREFIX}/model.tar.gz",
                "Environment": {
                    "SAGEMAKER_PROGRAM": "inference.py",
                    "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
                },
            },
        )
        variant = {"VariantName": "a", "ModelName": "soak-demo", "InstanceType": "ml.m5.large"}
        variants = [variant | {"InitialInstanceCount": 1}]
        sagemaker.create_endpoint_config(EndpointConfigName="soak-demo", ProductionVariants=variants)
        sagemaker.create_endpoint(EndpointName="soak-demo", EndpointConfigName="soak-demo")


def processes() -> dict[int, str]:
    """Returns the command of each of our descendants; none can hide, since we reap all orphans."""
    parents: dict[int, int] = {}
    states: dict[int, str] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The second field is the program's name in brackets and may contain anything, so count from its end.
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()
            pid = int(stat.parent.name)
            states[pid], parents[pid] = fields[0], int(fields[1])
    ours = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in ours} - ours:
        ours |= more
    found = {}
    for pid in ours - {os.getpid()}:
        with contextlib.suppress(OSError):
            if states[pid] == DEAD:
                os.waitpid(pid, os.WNOHANG)
            else:
                found[pid] = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return found


def matches(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Returns a predicate for commands that contain one of these texts."""
    texts = tuple(patterns)
    return lambda command: any(text in command for text in texts)


def send(pid: int, number: signal.Signals) -> None:
    """Sends a signal to a process, if it still exists."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
