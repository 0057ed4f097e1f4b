"""The monitor's Lambda on moto's S3 and DynamoDB, with a SageMaker that serves a registered model."""

import importlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import boto3
import moto
import pytest
from botocore.exceptions import ClientError

BUCKET = "mlops-bucket"
TABLE = "windows"
VERSION = "arn:aws:sagemaker:us-east-1:123456789012:model-package/demo/2"
OTHER = VERSION.replace("/2", "/1")
KEPT = f"s3://{BUCKET}/demo/registered/mlops-demo-1"
NOW = datetime.now(UTC)
CAPTURES = f"demo/data-capture/demo/AllTraffic/{NOW:%Y/%m/%d/%H}"


def package(arn: str, artefact: str) -> dict[str, Any]:
    """DescribeModelPackage's response for a version with a baseline."""
    files = {name: {"S3Uri": f"{KEPT}/{name.lower()}.json"} for name in ("Statistics", "Constraints")}
    return {
        "ModelPackageArn": arn,
        "InferenceSpecification": {"Containers": [{"ModelDataUrl": artefact}]},
        "DriftCheckBaselines": {"ModelDataQuality": files},
    }


@dataclass
class SageMaker:
    """The calls that the function makes, with the client's signatures."""

    artefact: str = f"{KEPT}/model.tar.gz"
    capture: dict[str, Any] | None = field(
        default_factory=lambda: {"DestinationS3Uri": f"s3://{BUCKET}/demo/data-capture/"}
    )
    packages: list[dict[str, Any]] = field(
        default_factory=lambda: [
            package("arn:aws:sagemaker:us-east-1:123456789012:model-package/demo/3", "s3://other/new.tar.gz"),
            package(VERSION, f"{KEPT}/model.tar.gz"),
        ]
    )

    def describe_endpoint(self, *, EndpointName: str) -> dict[str, Any]:  # noqa: N803 - boto3's
        """Only the endpoint demo exists."""
        if EndpointName != "demo":
            error: Any = {"Code": "ValidationException", "Message": "Could not find endpoint"}
            raise ClientError({"Error": error}, "DescribeEndpoint")
        return {"EndpointConfigName": "mlops-demo-1"}

    def describe_endpoint_config(self, *, EndpointConfigName: str) -> dict[str, Any]:  # noqa: N803 - as above
        """One variant, created two hours ago."""
        assert EndpointConfigName == "mlops-demo-1"
        variant = {"VariantName": "AllTraffic", "ModelName": "model-mlops-demo-1"}
        found: dict[str, Any] = {"ProductionVariants": [variant], "CreationTime": NOW - timedelta(hours=2)}
        return found | ({"DataCaptureConfig": self.capture} if self.capture else {})

    def describe_model(self, *, ModelName: str) -> dict[str, Any]:  # noqa: N803 - as above
        """The model that the variant serves."""
        assert ModelName == "model-mlops-demo-1"
        return {"PrimaryContainer": {"ModelDataUrl": self.artefact}}

    def get_paginator(self, name: str) -> "SageMaker":
        """Of the one listing."""
        assert name == "list_model_packages"
        return self

    def paginate(self, **_request: Any) -> list[dict[str, Any]]:
        """One version per page."""
        return [{"ModelPackageSummaryList": [{"ModelPackageArn": each["ModelPackageArn"]}]} for each in self.packages]

    def describe_model_package(self, *, ModelPackageName: str) -> dict[str, Any]:  # noqa: N803 - as above
        """A version, by its ARN."""
        return next(each for each in self.packages if each["ModelPackageArn"] == ModelPackageName)


@dataclass
class Monitor:
    """The handler's module and the services that it calls."""

    module: ModuleType
    s3: Any
    sagemaker: SageMaker

    def capture(self, name: str = "00-00-000-a.jsonl") -> str:
        """Puts a file of captured requests into the bucket. Returns its key."""
        key = f"{CAPTURES}/{name}"
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=b"{}\n")
        return key

    def open(self, execution: str = "first", endpoint: str = "demo") -> dict[str, Any]:
        """Opens a window."""
        return self._call({"execution": execution, "endpoint": endpoint, "group": "demo"})

    def close(
        self, opened: dict[str, Any], outcome: str = "drift", execution: str = "first", **policy: Any
    ) -> dict[str, Any]:
        """Closes a window."""
        event = {"execution": execution, "endpoint": "demo", "window": opened["window"], "outcome": outcome}
        return self._call(event | {"policy": {"retrain": True} | policy})

    def files(self, opened: dict[str, Any]) -> list[str]:
        """The keys in a window's manifest."""
        location = opened["inputs"]["records"]["S3Uri"].removeprefix(f"s3://{BUCKET}/")
        prefix, *keys = json.loads(self.s3.get_object(Bucket=BUCKET, Key=location)["Body"].read())
        assert prefix == {"prefix": f"s3://{BUCKET}/"}
        return list(keys)

    def _call(self, event: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(json.dumps(self.module.handler(event, None)))
        return answer


@pytest.fixture(scope="session")
def module() -> Iterator[ModuleType]:
    """The handler's module, imported with the function's environment."""
    before = dict(os.environ)
    os.environ |= {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    os.environ |= {"BUCKET": BUCKET, "MODEL_PREFIX": "demo/", "TABLE": TABLE}
    yield importlib.import_module("monitor.handler")
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def monitor(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[Monitor]:
    """The function with an empty bucket, an empty table and its SageMaker."""
    with moto.mock_aws():
        session = boto3.Session(region_name="us-east-1")
        s3, dynamodb = session.client("s3"), session.client("dynamodb")
        s3.create_bucket(Bucket=BUCKET)
        dynamodb.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "endpoint", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "endpoint", "AttributeType": "S"}],
        )
        found = Monitor(module, s3, SageMaker())
        for name, client in {"s3": s3, "dynamodb": dynamodb, "sagemaker": found.sagemaker}.items():
            monkeypatch.setattr(module, name, client)
        # What a test has just put into the bucket is in the window.
        monkeypatch.setattr(module, "_SETTLED", timedelta(seconds=-10))
        yield found
