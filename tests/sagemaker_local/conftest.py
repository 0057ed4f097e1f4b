"""Fixtures: the local SageMaker on moto's S3, and requests for it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from sagemaker_local.container import Container
from tests import image_packages  # noqa: F401 - makes numpy importable
from tests.sagemaker_local.demo_endpoint import wait_until_settled
from tests.sagemaker_local.sandbox import IMAGE, REGION, ROLE, SHOUT, Sandbox


@pytest.fixture(scope="module")
def s3_client() -> Iterator[Any]:
    """An S3 client, shared because creating one takes longer than most tests."""
    with pytest.MonkeyPatch.context() as monkeypatch, mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "of-the-user")
        yield boto3.client("s3", region_name=REGION)


@pytest.fixture
def s3(s3_client: Any) -> Iterator[Any]:
    """An S3 client with an empty bucket called ``bucket``."""
    s3_client.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": REGION})
    yield s3_client
    for item in s3_client.list_objects_v2(Bucket="bucket").get("Contents", []):
        s3_client.delete_object(Bucket="bucket", Key=item["Key"])
    s3_client.delete_bucket(Bucket="bucket")


@pytest.fixture
def sandbox(s3: Any, tmp_path: Path) -> Sandbox:
    """A bucket and a local SageMaker, with namespaces if this machine supports them."""
    return Sandbox(s3, tmp_path)


@pytest.fixture
def prefix_sandbox(s3: Any, tmp_path: Path) -> Sandbox:
    """A bucket and a local SageMaker without namespaces."""
    return Sandbox(s3, tmp_path, namespaces=False)


@pytest.fixture
def make_container(tmp_path: Path) -> Iterator[Callable[..., Container]]:
    """Creates containers and closes them after the test."""
    made: list[Container] = []

    def make(name: str = "job", log: Callable[[str], None] = lambda _: None, **options: Any) -> Container:
        container = Container(folder=tmp_path / name, log_file=tmp_path / f"{name}.log", log=log, **options)
        made.append(container)
        return container

    yield make
    for container in made:
        container.close()


@pytest.fixture
def processing_request() -> Callable[..., dict[str, Any]]:
    """Creates CreateProcessingJob requests for the script ``s3://bucket/scripts/job.py``."""

    def make(**changes: Any) -> dict[str, Any]:
        request: dict[str, Any] = {
            "ProcessingJobName": "mlops-demo-1",
            "AppSpecification": {
                "ImageUri": IMAGE,
                "ContainerEntrypoint": ["python3", "/opt/ml/processing/code/job.py"],
            },
            "ProcessingResources": {
                "ClusterConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 50}
            },
            "ProcessingInputs": [
                s3_input("code", "s3://bucket/scripts"),
                s3_input("input", "s3://bucket/data"),
            ],
            "ProcessingOutputConfig": {
                "Outputs": [
                    {
                        "OutputName": "train",
                        "AppManaged": False,
                        "S3Output": {
                            "S3Uri": "s3://bucket/out/train",
                            "LocalPath": "/opt/ml/processing/train",
                            "S3UploadMode": "EndOfJob",
                        },
                    }
                ]
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
            "RoleArn": ROLE,
        }
        return request | changes

    return make


def s3_input(name: str, uri: str, **changes: Any) -> dict[str, Any]:
    """Returns a processing input with a LocalPath of its name."""
    source = {"S3Uri": uri, "LocalPath": f"/opt/ml/processing/{name}", "S3DataType": "S3Prefix", "S3InputMode": "File"}
    return {"InputName": name, "AppManaged": False, "S3Input": source | changes}


@pytest.fixture
def training_data(sandbox: Sandbox) -> None:
    """A training channel and a script that does nothing."""
    sandbox.put("data/train.csv", "1,2\n3,4\n")
    sandbox.put("scripts/train.py", "")


@pytest.fixture
def training_request() -> Callable[..., dict[str, Any]]:
    """Creates CreateTrainingJob requests for the script ``s3://bucket/scripts/train.py``."""

    def channel(name: str, uri: str) -> dict[str, Any]:
        source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
        return {"ChannelName": name, "DataSource": {"S3DataSource": source}}

    def make(**changes: Any) -> dict[str, Any]:
        request: dict[str, Any] = {
            "TrainingJobName": "mlops-demo-1",
            "AlgorithmSpecification": {
                "TrainingImage": IMAGE,
                "ContainerEntrypoint": ["python3", "/opt/ml/input/data/code/train.py"],
                "TrainingInputMode": "FastFile",
            },
            "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 50},
            "InputDataConfig": [
                channel("training", "s3://bucket/data"),
                channel("code", "s3://bucket/scripts"),
            ],
            "OutputDataConfig": {"S3OutputPath": "s3://bucket/model/"},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
            "RoleArn": ROLE,
        }
        return request | changes

    return make


@pytest.fixture
def transform_request() -> Callable[..., dict[str, Any]]:
    """Creates CreateTransformJob requests for the model ``my-model`` and the files below ``s3://bucket/in/``."""

    def make(name: str = "batch-1", **changes: Any) -> dict[str, Any]:
        request: dict[str, Any] = {
            "TransformJobName": name,
            "ModelName": "my-model",
            "TransformInput": {
                "ContentType": "text/csv",
                "SplitType": "Line",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/in/"}},
            },
            "TransformOutput": {
                "Accept": "text/csv",
                "AssembleWith": "Line",
                "S3OutputPath": "s3://bucket/predictions/",
            },
            "TransformResources": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
        }
        return request | changes

    return make


@pytest.fixture
def model_request() -> Callable[..., dict[str, Any]]:
    """Creates CreateModel requests for the model ``my-model``, with changes to its container."""

    def make(**changes: Any) -> dict[str, Any]:
        environment = {
            "SAGEMAKER_PROGRAM": "inference.py",
            "SAGEMAKER_SUBMIT_DIRECTORY": "s3://bucket/source.tar.gz",
        }
        container = {"Image": IMAGE, "ModelDataUrl": "s3://bucket/model.tar.gz", "Environment": environment}
        return {"ModelName": "my-model", "PrimaryContainer": container | changes, "ExecutionRoleArn": ROLE}

    return make


@pytest.fixture
def serve(sandbox: Sandbox, model_request: Callable[..., dict[str, Any]]) -> Callable[..., None]:
    """Creates the model ``my-model`` from an inference script."""

    def make(script: str = SHOUT) -> None:
        sandbox.archive("model.tar.gz", mark_txt="!")
        sandbox.archive("source.tar.gz", inference_py=script)
        sandbox.run("createModel", model_request())

    return make


@pytest.fixture
def configure(sandbox: Sandbox, model_request: Callable[..., dict[str, Any]]) -> Iterator[Callable[..., None]]:
    """Creates a model from a script, and an endpoint configuration of the same name; stops endpoints after the test."""

    def make(
        name: str = "first", script: str = SHOUT, mark: str = "!", *, isolated: bool = False, **changes: Any
    ) -> None:
        sandbox.archive(f"{name}.tar.gz", mark_txt=mark, code__inference_py=script)
        container = model_request(ModelDataUrl=f"s3://bucket/{name}.tar.gz", Environment={})["PrimaryContainer"]
        model = {"ModelName": name, "PrimaryContainer": container, "ExecutionRoleArn": ROLE}
        sandbox.run("createModel", model | {"EnableNetworkIsolation": isolated})
        variant = {"VariantName": "AllTraffic", "ModelName": name, "InstanceType": "ml.m5.large"}
        config = {"EndpointConfigName": name, "ProductionVariants": [variant | {"InitialInstanceCount": 1}]}
        sandbox.run("createEndpointConfig", config | changes)

    yield make
    sandbox.sagemaker.stop()


@pytest.fixture
def endpoint(sandbox: Sandbox, configure: Callable[..., None]) -> Callable[..., None]:
    """Creates the endpoint ``demo`` and waits until it is in service or has failed."""

    def make(**changes: Any) -> None:
        configure(**changes)
        sandbox.run("createEndpoint", {"EndpointName": "demo", "EndpointConfigName": changes.get("name", "first")})
        wait_until_settled(sandbox)

    return make
