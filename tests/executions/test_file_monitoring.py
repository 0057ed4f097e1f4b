"""Monitoring a file of records: what is uploaded, and what is started."""

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from executions.aws import Aws
from executions.errors import ExecutionsError
from executions.file_monitoring import monitor_file
from executions.job_logs import LocalLogs
from executions.stack import Stack
from executions.state_machine import Executions
from executions.target import Target
from pipeline.input.execution import ExecutionInput, execution_input
from pipeline.input.samples import SAMPLE_TOKENS
from tests.conftest import PROJECT

BUCKET = SAMPLE_TOKENS["MLOPS_BUCKET"]
VERSION = "arn:aws:sagemaker:us-east-1:123456789012:model-package/demo/3"
KEPT = f"s3://{BUCKET}/demo/registered/mlops-demo-1"
INPUT = "demo/scripts/input.yaml"
SHIPPED = (PROJECT / "scripts" / "input.yaml").read_bytes()


class SageMaker:
    """The registry's two calls."""

    def __init__(self) -> None:
        self.approved = [{"ModelPackageArn": VERSION}]
        self.baselines: dict[str, Any] = {"ModelDataQuality": {"Statistics": {"S3Uri": f"{KEPT}/statistics.json"}}}

    def list_model_packages(self, **request: Any) -> dict[str, Any]:
        """Those of the model's group that are approved, the newest first."""
        order = {"SortBy": "CreationTime", "SortOrder": "Descending", "MaxResults": 1}
        assert request == order | {"ModelPackageGroupName": "demo", "ModelApprovalStatus": "Approved"}
        return {"ModelPackageSummaryList": self.approved}

    def describe_model_package(self, **request: Any) -> dict[str, Any]:
        """The version."""
        assert request == {"ModelPackageName": VERSION}
        containers = [{"ModelDataUrl": f"{KEPT}/model.tar.gz"}]
        return {"DriftCheckBaselines": self.baselines, "InferenceSpecification": {"Containers": containers}}


class Lambda:
    """The start function, which makes the execution's input as the deployed one does."""

    started: ExecutionInput | None = None
    file = SHIPPED

    def get_function_configuration(self, **_: Any) -> dict[str, Any]:
        """Has the tokens."""
        return {"Environment": {"Variables": SAMPLE_TOKENS}}

    def invoke(self, *, FunctionName: str, Payload: str) -> dict[str, Any]:  # noqa: ARG002, N803 - boto3's
        """Starts an execution."""
        event = json.loads(Payload)
        self.started = execution_input(
            self.file, tokens=SAMPLE_TOKENS, event_id=event["id"], overrides=event["overrides"]
        )
        answer = {"executionArn": "arn", "name": self.started.name, "started": True}
        return {"Payload": BytesIO(json.dumps(answer).encode())}


class Deployment:
    """A deployment with a bucket, a registry and the start function."""

    def __init__(self, s3: Any, folder: Path) -> None:
        self.s3 = s3
        self.sagemaker = SageMaker()
        self.function = Lambda()
        clients = {"s3": s3, "sagemaker": self.sagemaker, "lambda": self.function}
        stack = Stack(name="mlops-demo", state_machine="arn", function="starter", bucket=BUCKET)
        self.target = Target(
            aws=Aws(client=clients.__getitem__, default_stack="mlops-demo", where="in us-east-1"),
            stack=stack,
            step_functions=None,
            executions=Executions(step_functions=None, state_machine="arn"),
            logs=LocalLogs(folder),
            is_local=False,
        )

    def put(self, key: str, body: bytes) -> None:
        """Puts an object."""
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)

    def text(self, uri: str) -> str:
        """An object's content."""
        key = uri.removeprefix(f"s3://{BUCKET}/")
        return str(self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode())

    def uploaded(self) -> list[str]:
        """The keys of what a command has uploaded."""
        listed = self.s3.list_objects_v2(Bucket=BUCKET, Prefix="demo/executions/").get("Contents", ())
        return [item["Key"] for item in listed]


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    """The shipped input.yaml, and an approved version with the baseline of two features."""
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket=BUCKET)
        found = Deployment(s3, tmp_path)
        found.put(INPUT, SHIPPED)
        statistics = json.dumps({"features": [{"name": "age"}, {"name": "work"}]}).encode()
        found.put("demo/registered/mlops-demo-1/statistics.json", statistics)
        yield found


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """A file with a label, and with the features in another order."""
    file = tmp_path / "july.csv"
    file.write_text("work,income,age\nState,high,41\nNone,low,7\n")
    return file


def _running(content: dict[str, Any]) -> list[str]:
    return [key for key, section in content.items() if isinstance(section, dict) and section.get("run")]


def _inputs(content: dict[str, Any]) -> dict[str, str]:
    given = content["monitoring"]["input"]["ProcessingInputs"]
    return {one["InputName"]: one["S3Input"]["S3Uri"] for one in given}


def test_a_file_is_compared_with_the_baseline(deployment: Deployment, records: Path) -> None:
    """Only monitoring runs, on the uploaded rows and the approved version's baseline; both expire with executions."""
    answer = monitor_file(deployment.target, records)
    made = deployment.function.started
    assert made is not None
    assert answer["name"] == made.name
    assert _running(made.content) == ["monitoring"]
    inputs = _inputs(made.content)
    assert inputs.keys() == {"baseline", "records", "code"}
    assert inputs["baseline"] == KEPT
    assert inputs["code"] == f"s3://{BUCKET}/demo/scripts"
    assert deployment.text(inputs["records"]) == "41,State\n7,None\n"


def test_with_labels_the_model_answers_first(deployment: Deployment, records: Path, tmp_path: Path) -> None:
    """The registered model answers the rows in a batch transform; the job gets its answers and the labels."""
    labels = tmp_path / "late.csv"
    labels.write_text("high\n\n")  # the second is not known yet
    monitor_file(deployment.target, records, labels=labels)
    made = deployment.function.started
    assert made is not None
    assert _running(made.content) == ["CreateModel", "batchTransform", "monitoring"]
    inputs = _inputs(made.content)
    assert inputs.keys() == {"baseline", "records", "answers", "labels", "code"}
    assert deployment.text(inputs["labels"]) == "high\n\n"
    assert inputs["labels"].rpartition("/")[2] == inputs["records"].rpartition("/")[2]
    assert made.content["CreateModel"]["input"]["PrimaryContainer"]["ModelDataUrl"] == f"{KEPT}/model.tar.gz"
    transform = made.content["batchTransform"]["input"]
    assert transform["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"] == inputs["records"]
    assert transform["TransformOutput"]["S3OutputPath"] == inputs["answers"]


def test_labels_without_a_partner(deployment: Deployment, records: Path, tmp_path: Path) -> None:
    """Nothing is uploaded or started if records and labels do not have the same number."""
    labels = tmp_path / "late.csv"
    labels.write_text("high\nlow\nlow\n")
    with pytest.raises(ExecutionsError, match=r"late\.csv has 3 labels, but .*july\.csv has 2 records"):
        monitor_file(deployment.target, records, labels=labels)
    assert (deployment.uploaded(), deployment.function.started) == ([], None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda found: found.sagemaker.approved.clear(), "the model package group demo in us-east-1 has no approved"),
        (lambda found: found.sagemaker.baselines.clear(), f"{VERSION} has no baseline statistics.json"),
        (lambda found: found.put("demo/registered/mlops-demo-1/statistics.json", b"{}"), "statistics.json is no basel"),
        (
            lambda found: found.put(INPUT, b"model_id: MODEL_NAME"),
            "has no monitoring.input.ProcessingInputs called bas",
        ),
        (lambda found: found.put(INPUT, b"a: ["), f"s3://{BUCKET}/{INPUT}: "),
    ],
    ids=["no version", "no baseline", "another file", "no monitoring", "no YAML"],
)
def test_what_is_missing(change: Any, message: str, deployment: Deployment, records: Path) -> None:
    """The error names it, and nothing is uploaded or started."""
    change(deployment)
    with pytest.raises(ExecutionsError) as error:
        monitor_file(deployment.target, records)
    assert message in str(error.value)
    assert (deployment.uploaded(), deployment.function.started) == ([], None)
