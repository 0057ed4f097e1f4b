"""The monitor's Lambda on moto's S3 and DynamoDB, with a SageMaker that serves a registered model."""

import importlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import boto3
import moto
import pytest
from botocore.exceptions import ClientError
from moto.backends import get_backend

BUCKET = "mlops-bucket"
TABLE = "windows"
VERSION = "arn:aws:sagemaker:us-east-1:123456789012:model-package/demo/2"
OTHER = VERSION.replace("/2", "/1")
KEPT = f"s3://{BUCKET}/demo/registered/mlops-demo-1"
NOW = datetime.now(UTC)
CAPTURES = f"demo/data-capture/demo/AllTraffic/{NOW:%Y/%m/%d/%H}"
HOUR = timedelta(hours=1)


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

    since: datetime = NOW - 2 * HOUR
    """When the endpoint's configuration was created."""
    models: dict[str, str] = field(default_factory=lambda: {"model-mlops-demo-0": "s3://other/old.tar.gz"})
    """The artefacts of other models."""
    transforms: list[dict[str, Any]] = field(default_factory=list)

    def describe_endpoint(self, *, EndpointName: str) -> dict[str, Any]:  # noqa: N803 - boto3's
        """Only the endpoint demo exists."""
        if EndpointName != "demo":
            error: Any = {"Code": "ValidationException", "Message": "Could not find endpoint"}
            raise ClientError({"Error": error}, "DescribeEndpoint")
        return {"EndpointConfigName": "mlops-demo-1"}

    def describe_endpoint_config(self, *, EndpointConfigName: str) -> dict[str, Any]:  # noqa: N803 - as above
        """One variant."""
        assert EndpointConfigName == "mlops-demo-1"
        variant = {"VariantName": "AllTraffic", "ModelName": "model-mlops-demo-1"}
        found: dict[str, Any] = {"ProductionVariants": [variant], "CreationTime": self.since}
        return found | ({"DataCaptureConfig": self.capture} if self.capture else {})

    def describe_model(self, *, ModelName: str) -> dict[str, Any]:  # noqa: N803 - as above
        """The model that the variant serves, which is three hours old, and others."""
        models = self.models | {"model-mlops-demo-1": self.artefact}
        if ModelName not in models:
            raise ClientError(
                {"Error": {"Code": "ValidationException", "Message": "Could not find model"}}, "DescribeModel"
            )
        return {"PrimaryContainer": {"ModelDataUrl": models[ModelName]}, "CreationTime": NOW - 3 * HOUR}

    def describe_transform_job(self, *, TransformJobName: str) -> dict[str, Any]:  # noqa: N803 - as above
        """A job, by its name."""
        return next(each for each in self.transforms if each["TransformJobName"] == TransformJobName)

    def get_paginator(self, name: str) -> "Listing":
        """Of versions or of transform jobs."""
        return Listing({"list_model_packages": self._packages, "list_transform_jobs": self._transforms}[name])

    def _packages(self, **_request: Any) -> list[dict[str, Any]]:
        return [{"ModelPackageSummaryList": [{"ModelPackageArn": each["ModelPackageArn"]}]} for each in self.packages]

    def _transforms(self, **request: Any) -> list[dict[str, Any]]:
        assert request.pop("PaginationConfig") == {"PageSize": 100}
        after, name = request.pop("LastModifiedTimeAfter"), request.pop("NameContains")
        assert request == {"StatusEquals": "Completed"}
        return [
            {"TransformJobSummaries": [{key: each[key] for key in ("TransformJobName", "TransformEndTime")}]}
            for each in self.transforms
            if each["TransformEndTime"] > after and name in each["TransformJobName"]
        ]

    def describe_model_package(self, *, ModelPackageName: str) -> dict[str, Any]:  # noqa: N803 - as above
        """A version, by its ARN."""
        return next(each for each in self.packages if each["ModelPackageArn"] == ModelPackageName)


@dataclass
class Listing:
    """A paginator, with one item on each page."""

    paginate: Callable[..., list[dict[str, Any]]]


@dataclass
class Monitor:
    """The handler's module and the services that it calls."""

    module: ModuleType
    s3: Any
    sagemaker: SageMaker
    monkeypatch: pytest.MonkeyPatch

    def capture(self, name: str = "00-00-000-a.jsonl") -> str:
        """Puts a file of captured requests into the bucket. Returns its key."""
        key = f"{CAPTURES}/{name}"
        self.put(key)
        return key

    def put(self, key: str, written: datetime | None = None) -> None:
        """Puts a file into the bucket, as if it had been written at another time."""
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=b"{}\n")
        if written:
            found = get_backend("s3")["123456789012"]["aws"].buckets[BUCKET].keys[key]
            found.last_modified = written

    def end(self, moment: datetime) -> None:
        """Lets windows that are opened from now on end at this moment."""
        self.monkeypatch.setattr(self.module, "_SETTLED", datetime.now(UTC) - moment)

    def transform(self, name: str = "batch-mlops-demo-2", **changes: Any) -> dict[str, Any]:
        """Adds a batch transform of the file ``july.csv``, which has just completed. Returns its description.

        Args:
            name: the job's.
            changes: fields of its description, ``TransformInput.ContentType`` among them.
        """
        self.put("demo/data/july.csv")
        self.put(f"demo/predictions/{name}/july.csv.out")
        job: dict[str, Any] = {
            "TransformJobName": name,
            "ModelName": "model-mlops-demo-1",
            "CreationTime": datetime.now(UTC),
            "TransformStartTime": datetime.now(UTC),
            "TransformEndTime": datetime.now(UTC),
            "TransformInput": {
                "ContentType": "text/csv",
                "SplitType": "Line",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/demo/data/"}},
            },
            "TransformOutput": {
                "Accept": "text/csv",
                "AssembleWith": "Line",
                "S3OutputPath": f"s3://{BUCKET}/demo/predictions/{name}",
            },
        }
        for path, value in changes.items():
            *folders, last = path.split("__")
            part = job
            for folder in folders:
                part = part.setdefault(folder, {})
            part[last] = value
        self.sagemaker.transforms.append(job)
        return job

    def open(self, execution: str = "first", endpoint: str = "demo") -> dict[str, Any]:
        """Opens a window."""
        return self._call({"execution": execution, "endpoint": endpoint, "group": "demo"})

    def close(
        self, opened: dict[str, Any], outcome: str = "drift", execution: str = "first", waiting: Any = (), **policy: Any
    ) -> dict[str, Any]:
        """Closes a window."""
        event: dict[str, Any] = {"execution": execution, "endpoint": "demo", "window": opened["window"]}
        event |= {"outcome": outcome, "waiting": [*waiting]}
        return self._call(event | {"policy": {"retrain": True} | policy})

    def files(self, opened: dict[str, Any], name: str = "records") -> list[str]:
        """The keys in a manifest of a window; none if it has no such input."""
        if name not in opened["inputs"]:
            return []
        assert opened["inputs"][name]["S3DataType"] == "ManifestFile"
        prefix, *keys = self.read(opened, name)
        assert prefix == {"prefix": f"s3://{BUCKET}/"}
        return list(keys)

    def read(self, opened: dict[str, Any], name: str) -> Any:
        """The JSON file of one of a window's inputs."""
        location = opened["inputs"][name]["S3Uri"].removeprefix(f"s3://{BUCKET}/")
        return json.loads(self.s3.get_object(Bucket=BUCKET, Key=location)["Body"].read())

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
        found = Monitor(module, s3, SageMaker(), monkeypatch)
        for name, client in {"s3": s3, "dynamodb": dynamodb, "sagemaker": found.sagemaker}.items():
            monkeypatch.setattr(module, name, client)
        # What a test has just put into the bucket is in the window.
        found.end(datetime.now(UTC) + timedelta(seconds=10))
        yield found
