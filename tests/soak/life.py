"""One life of an environment: brought up, loaded with starts, and ended, with what was seen of it."""

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

from local.state import EnvironmentDir, State

PROJECT = Path(__file__).parent.parent.parent
SCRIPT = Path(__file__).parent / "job.py"
DEAD = "Z"
"""The state of a process that has ended and is not yet waited for (proc_pid_stat(5))."""

_PREFIX = "demo/soak"
_LONGEST_PAUSE = 4.0
"""Seconds between two attempts to deliver an event, at most; it begins with a quarter of a second."""
_PATIENCE = 120.0
"""Seconds after the last attack within which every event must be taken."""
_LONGEST = 180.0
"""Seconds: a job that does not obey is killed two minutes after its time."""
_INFERENCE = "def model_fn(folder):\n    return 1\n\ndef predict_fn(data, model):\n    return data\n"


class SoakError(Exception):
    """The soak cannot go on; the message says why."""


@dataclass
class Life:
    """An environment in this folder, and what has become of the events that were delivered to it."""

    folder: Path
    canary: Path
    accepted: dict[str, str] = field(default_factory=dict)
    """The execution that each event was said to have started, by the event's id."""
    quiet_since: float | None = None
    """When the attacks ended, by the monotonic clock."""
    _last_said: dict[str, str] = field(default_factory=dict)

    @property
    def untaken(self) -> dict[str, str]:
        """Events that nobody has taken, with what was said to them last."""
        return {event: said for event, said in self._last_said.items() if event not in self.accepted}

    def forget(self) -> None:
        """Begins the account of the events anew."""
        self.accepted.clear()
        self._last_said.clear()

    def up(self, port: int) -> None:
        """Brings it up.

        Raises:
            SoakError: it does not come up.
        """
        printed = self._mlops("up", "--port", str(port))
        state = EnvironmentDir(self.folder).live()
        if state is None:
            raise SoakError(f"the environment did not come up: {printed}")
        self.state: State = state
        s3 = self._client("s3")
        for name, content in (("job.py", SCRIPT.read_bytes()), ("input.yaml", self._input())):
            s3.put_object(Bucket=state.metadata.bucket, Key=f"{_PREFIX}/{name}", Body=content)
        self._serve(s3)

    def down(self) -> None:
        """Ends it."""
        self._mlops("down")

    def deliver(self, identity: str, kind: str | None) -> None:
        """Delivers an event until it is taken, as EventBridge does for 24 hours, or the environment is gone.

        Args:
            identity: the event's id.
            kind: the job that the execution has; None: an execution without a job.
        """
        section: dict[str, Any] = {"run": kind is not None}
        if kind:
            section["input"] = {"AppSpecification": {"ContainerArguments": [kind, str(self.canary)]}}
        event = {
            "config": {"bucket": self.state.metadata.bucket, "prefix": f"{_PREFIX}/input.yaml"},
            "overrides": {"preprocessing": section},
            "id": identity,
        }
        # From the beginning, so that an event is not forgotten however its delivery ends.
        self._last_said[identity] = "nothing"
        pause = 0.25
        while self.lives() and (self.quiet_since is None or time.monotonic() < self.quiet_since + _PATIENCE):
            try:
                client = self._client("lambda")
                answer = client.invoke(FunctionName=self.state.metadata.function, Payload=json.dumps(event))
                said = json.loads(answer["Payload"].read())
                if "executionArn" in said:
                    self.accepted[identity] = said["executionArn"]
                    return
            except (BotoCoreError, ClientError, ValueError) as error:
                said = str(error)
            self._last_said[identity] = str(said)
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def lives(self) -> bool:
        """Whether its process does."""
        return EnvironmentDir(self.folder).owner() is not None

    def last_words(self) -> str:
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
        """The executions once all have ended, or have had the time for it."""
        deadline = time.monotonic() + _LONGEST
        while "RUNNING" in (found := self.executions()).values() and time.monotonic() < deadline:
            time.sleep(0.5)
        return found

    def _client(self, service: str) -> Any:
        return self.state.connection.client(service)

    def _mlops(self, *arguments: str) -> str:
        # Not to a pipe: what outlives the command would hold it open.
        with TemporaryFile("w+") as printed:
            program = [sys.executable, "-c", "from cli.main import main; main()"]
            command = [*program, "local", *arguments, "--folder", str(self.folder)]
            subprocess.run(command, cwd=PROJECT, stdout=printed, stderr=subprocess.STDOUT, check=False, timeout=300)
            printed.seek(0)
            return printed.read().strip()

    def _input(self) -> bytes:
        """The shipped input with a job of ours as its only stage."""
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
        """Serves a model, so that there is a model server."""
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
    """The command of each process that descends from us, however it hides: we are the reaper of all orphans."""
    parents: dict[int, int] = {}
    states: dict[int, str] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The second field is the program's name in brackets and may hold anything, so count from its end.
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


def those(kinds: Iterable[str]) -> Callable[[str], bool]:
    """Whether a command is of one of these kinds of process."""
    signs = tuple(kinds)
    return lambda command: any(sign in command for sign in signs)


def send(pid: int, number: signal.Signals) -> None:
    """Sends a signal to a process, if it is still there."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
