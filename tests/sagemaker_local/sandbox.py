"""A bucket and a local SageMaker that uses it."""

import io
import json
import tarfile
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from sagemaker_local.endpoint import DeployedEndpoint
from sagemaker_local.errors import TaskFailed
from sagemaker_local.job import FinishedJob
from sagemaker_local.mounts import best_view
from sagemaker_local.service import SageMaker
from tests.waiting import wait_until

REGION: Final = "eu-west-1"
KEY = "LOCALKEYOFTHETESTS"
ROLE = "arn:aws:iam::123456789012:role/SageMakerExecutionRole"
IMAGE = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
SHOUT = """
    def model_fn(model_dir):
        return open("/opt/ml/model/mark.txt").read()
    def input_fn(data, content_type):
        assert content_type == "text/csv"
        return data.splitlines()
    def predict_fn(rows, model):
        print("rows:", len(rows))
        return [row.upper() + model for row in rows]
    def output_fn(prediction, accept):
        return "\\n".join(prediction), accept
"""
"""An inference script that returns its rows in capitals, each followed by the content of the model's mark.txt."""
BROKEN = "def model_fn(model_dir):\n    raise RuntimeError('no such weights')\n"
"""An inference script that fails to load its model."""


needs_namespaces = pytest.mark.skipif(
    best_view() == "prefix", reason="no mount namespace: scripts with a hard-coded /opt/ml cannot run"
)


@dataclass
class Sandbox:
    """A bucket and a local SageMaker that uses it."""

    s3: Any
    folder: Path
    namespaces: bool | None = None
    lines: list[str] = field(default_factory=list)
    deployed: list[DeployedEndpoint] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sagemaker = SageMaker(
            s3=self.s3,
            folder=self.folder,
            key=KEY,
            job_key="LOCALJOBKEY",
            region=REGION,
            account="123456789012",
            log=lambda _action, _name, line: self.lines.append(line),
            on_deploy=self.deployed.append,
            namespaces=self.namespaces,
        )

    def put(self, key: str, text: str | bytes) -> None:
        """Puts an object; text is dedented."""
        self.s3.put_object(Bucket="bucket", Key=key, Body=textwrap.dedent(text) if isinstance(text, str) else text)

    def archive(self, key: str, **files: str | bytes) -> None:
        """Puts a .tar.gz. In a file's name, ``__`` means a slash and the last ``_`` the dot."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for name, text in files.items():
                content = textwrap.dedent(text).encode() if isinstance(text, str) else text
                path = ".".join(name.replace("__", "/").rsplit("_", 1))
                member = tarfile.TarInfo(path)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        self.put(key, packed.getvalue())

    def get(self, key: str) -> bytes:
        """Returns an object's content."""
        content: bytes = self.s3.get_object(Bucket="bucket", Key=key)["Body"].read()
        return content

    def unpacked(self, key: str) -> dict[str, bytes]:
        """Returns the files in a .tar.gz."""
        with tarfile.open(fileobj=io.BytesIO(self.get(key)), mode="r:gz") as archive:
            members = [(member.name, archive.extractfile(member)) for member in archive if member.isfile()]
            return {name: file.read() for name, file in members if file is not None}

    def keys(self, prefix: str = "") -> list[str]:
        """Returns the keys below a prefix."""
        found = self.s3.list_objects_v2(Bucket="bucket", Prefix=prefix).get("Contents", [])
        return [item["Key"] for item in found]

    def assert_removed(self, job: str) -> None:
        """Asserts that the job's folder, such as ``ProcessingJobs/name``, is removed soon."""
        wait_until(lambda: not (self.folder / "jobs" / job).exists(), timeout=10)

    def run(self, action: str, request: dict[str, Any]) -> dict[str, Any]:
        """Runs a request."""
        return self.sagemaker.run(action, request)

    def fail(self, action: str, request: dict[str, Any]) -> TaskFailed:
        """Runs a request that must fail. Returns the error."""
        with pytest.raises(TaskFailed) as failure:
            self.sagemaker.run(action, request)
        return failure.value

    def reason(self, action: str, request: dict[str, Any]) -> str:
        """Runs a request whose job must fail. Returns the FailureReason in the cause."""
        failure = self.fail(action, request)
        assert failure.error == "States.TaskFailed"
        described: dict[str, Any] = json.loads(failure.cause)
        assert len(described["FailureReason"]) <= 1024
        return str(described["FailureReason"])

    @property
    def last_job(self) -> FinishedJob:
        """The job that finished last."""
        return self.sagemaker.finished_jobs[-1]
