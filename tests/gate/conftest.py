"""The gate's Lambda on moto's S3."""

import importlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import boto3
import moto
import pytest

BUCKET = "mlops-bucket"
EXECUTION = "mlops-demo-0123456789abcdef"
PACKAGE = "arn:aws:sagemaker:us-east-1:123456789012:model-package/demo"
REPORT = f"s3://{BUCKET}/{EXECUTION}/evaluation.json"
CHAMPION = f"s3://{BUCKET}/champion/evaluation.json"
AUC = "binary_classification_metrics.auc.value"
AT_LEAST_90 = {"metrics": [{"name": AUC, "minimum": 0.9}]}


def quality(auc: Any, **others: Any) -> dict[str, Any]:
    """A report in the layout of the shipped evaluation script."""
    metrics = {"auc": {"value": auc, "standard_deviation": "NaN"}}
    metrics |= {name: {"value": value} for name, value in others.items()}
    return {"version": 0.0, "dataset": {"item_count": 41153}, "binary_classification_metrics": metrics}


@dataclass
class Gate:
    """The handler's module and its bucket."""

    module: ModuleType
    s3: Any

    def put(self, report: Any, uri: str = REPORT) -> None:
        """Puts a report into the bucket, as JSON unless it is bytes."""
        body = report if isinstance(report, bytes) else json.dumps(report).encode()
        self.s3.put_object(Bucket=BUCKET, Key=uri.removeprefix(f"s3://{BUCKET}/"), Body=body)

    def ask(self, approval: Any, *, report: str | None = REPORT, champion: Any = None) -> dict[str, Any]:
        """Calls the gate as the state machine does; the answer passes through JSON as in Lambda."""
        event = {
            "execution": EXECUTION,
            "report": report,
            "approval": approval,
            "model_package": f"{PACKAGE}/7",
            "champion": champion,
        }
        answer = self.module.handler(event, None)
        sent: dict[str, Any] = json.loads(json.dumps(answer, ensure_ascii=False, allow_nan=False).encode())
        return sent


def champion(report: str | None = CHAMPION) -> dict[str, Any]:
    """The champion as the state machine passes it."""
    return {"ModelPackageArn": f"{PACKAGE}/6", "report": report}


@pytest.fixture(scope="module")
def deployed() -> Iterator[Gate]:
    """The Lambda as the stack deploys it, with its bucket."""
    with pytest.MonkeyPatch.context() as environment, moto.mock_aws():
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            environment.delenv(name)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            environment.setenv(name, "testing")
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        environment.setenv("BUCKET", BUCKET)
        environment.setenv("MODEL_PREFIX", "demo/")
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        yield Gate(importlib.reload(importlib.import_module("gate.handler")), s3)


@pytest.fixture
def gate(deployed: Gate) -> Gate:
    """The Lambda, with an empty bucket."""
    for item in deployed.s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        deployed.s3.delete_object(Bucket=BUCKET, Key=item["Key"])
    return deployed
