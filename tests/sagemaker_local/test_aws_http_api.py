"""The HTTP API for AWS SDKs, used through boto3."""

import http.client
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from sagemaker_local.aws_http_api import Api
from tests.sagemaker_local.demo_endpoint import wait_until_settled
from tests.sagemaker_local.sandbox import BROKEN, IMAGE, KEY, ROLE, SHOUT, Sandbox, needs_namespaces

TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/demo/variant/AllTraffic",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Api]:
    """The API server of the sandbox's SageMaker."""
    with Api(sandbox.sagemaker) as api:
        yield api


@pytest.fixture
def client(s3_client: Any) -> Callable[[str, Api], Any]:
    """Creates real clients; moto does not intercept requests to other hosts than AWS's."""
    assert s3_client is not None
    config = Config(retries={"total_max_attempts": 1})

    def make(service: str, api: Api) -> Any:
        session = boto3.Session(KEY, "of-nobody", region_name="eu-west-1")
        return session.client(service, endpoint_url=api.url, config=config)  # type: ignore[call-overload] # any service

    return make


@pytest.fixture
def sagemaker(api: Api, client: Callable[[str, Api], Any]) -> Any:
    """A SageMaker client."""
    return client("sagemaker", api)


@pytest.fixture
def runtime(api: Api, client: Callable[[str, Api], Any]) -> Any:
    """A SageMaker Runtime client."""
    return client("sagemaker-runtime", api)


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    """Returns the error code."""
    return str(error.value.response["Error"]["Code"])


def test_registry(sagemaker: Any) -> None:
    """All actions of the registry work, and times are parsed as times."""
    group = sagemaker.create_model_package_group(ModelPackageGroupName="demo")["ModelPackageGroupArn"]
    described = sagemaker.describe_model_package_group(ModelPackageGroupName="demo")
    assert described["ModelPackageGroupArn"] == group
    assert abs(datetime.now(UTC) - described["CreationTime"]) < timedelta(minutes=1)
    specification = {"Containers": [{"Image": IMAGE}], "SupportedContentTypes": ["text/csv"]}
    arn = sagemaker.create_model_package(ModelPackageGroupName="demo", InferenceSpecification=specification)
    arn = arn["ModelPackageArn"]
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    package = sagemaker.describe_model_package(ModelPackageName=arn)
    assert (package["ModelApprovalStatus"], package["ModelPackageVersion"]) == ("Approved", 1)
    assert package["LastModifiedTime"] >= package["CreationTime"]
    assert len(sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]) == 1
    since = datetime.now(UTC) - timedelta(hours=1)
    listed = sagemaker.list_model_packages(ModelPackageGroupName="demo", CreationTimeAfter=since)
    assert [summary["ModelPackageArn"] for summary in listed["ModelPackageSummaryList"]] == [arn]


@needs_namespaces
def test_endpoint(sandbox: Sandbox, sagemaker: Any, runtime: Any) -> None:
    """An endpoint is created, invoked with bytes, updated and deleted."""
    sandbox.archive("model.tar.gz", mark_txt="!", code__inference_py=SHOUT)
    container = {"Image": IMAGE, "ModelDataUrl": "s3://bucket/model.tar.gz"}
    model = sagemaker.create_model(ModelName="my-model", PrimaryContainer=container, ExecutionRoleArn=ROLE)
    assert model["ModelArn"].endswith(":model/my-model")
    variant = {"VariantName": "AllTraffic", "ModelName": "my-model", "InstanceType": "ml.m5.large"}
    for name in ("one", "two"):
        sagemaker.create_endpoint_config(
            EndpointConfigName=name, ProductionVariants=[variant | {"InitialInstanceCount": 1}]
        )
    assert sagemaker.describe_endpoint_config(EndpointConfigName="one")["ProductionVariants"][0]["ModelName"]
    sagemaker.create_endpoint(EndpointName="demo", EndpointConfigName="one")
    wait_until_settled(sandbox)
    answer = runtime.invoke_endpoint(
        EndpointName="demo", Body="ü\n".encode(), ContentType="text/csv", Accept="text/csv"
    )
    assert answer["Body"].read() == "Ü!".encode()
    assert (answer["ContentType"], answer["InvokedProductionVariant"]) == ("text/csv", "AllTraffic")
    sagemaker.update_endpoint(EndpointName="demo", EndpointConfigName="two")
    wait_until_settled(sandbox)
    described = sagemaker.describe_endpoint(EndpointName="demo")
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", "two")
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="demo")
    (listed,) = sagemaker.list_endpoints(NameContains="DEM")["Endpoints"]
    assert listed["CreationTime"] == described["CreationTime"]
    sagemaker.delete_endpoint_config(EndpointConfigName="one")
    sagemaker.delete_endpoint(EndpointName="demo")
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName="demo")


@needs_namespaces
def test_scaling(api: Api, client: Callable[[str, Api], Any], endpoint: Callable[..., None]) -> None:
    """Application Auto Scaling is served at the same port."""
    endpoint()
    scaling = client("application-autoscaling", api)
    scaling.register_scalable_target(**TARGET, MinCapacity=1, MaxCapacity=2)
    policy = {"TargetValue": 1.0, "CustomizedMetricSpecification": {"MetricName": "a", "Namespace": "b"}}
    scaling.put_scaling_policy(
        **TARGET,
        PolicyName="p",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=policy,
    )
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert (target["MaxCapacity"], target["CreationTime"].tzinfo is not None) == (2, True)
    (described,) = scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    assert described["TargetTrackingScalingPolicyConfiguration"] == policy
    with pytest.raises(scaling.exceptions.ValidationException, match="Unsupported service namespace"):
        scaling.register_scalable_target(**TARGET | {"ResourceId": "x"}, MinCapacity=1, MaxCapacity=2)


def test_errors(sagemaker: Any, runtime: Any) -> None:
    """Errors have SageMaker's codes and messages."""
    with pytest.raises(ClientError, match='Could not find endpoint "arn:aws:sagemaker') as error:
        sagemaker.describe_endpoint(EndpointName="none")
    assert code(error) == "ValidationException"
    with pytest.raises(ClientError, match="1 validation error detected: Value 'a b' at 'endpointName'") as error:
        sagemaker.create_endpoint(EndpointName="a b", EndpointConfigName="c")
    assert code(error) == "ValidationException"
    with pytest.raises(runtime.exceptions.ValidationError, match="Endpoint none of account 123456789012 not found"):
        runtime.invoke_endpoint(EndpointName="none", Body=b"")


@needs_namespaces
def test_model_error(sandbox: Sandbox, runtime: Any, endpoint: Callable[..., None]) -> None:
    """A container's error response is returned with its status."""
    endpoint(script=SHOUT.replace("return data.splitlines()", "raise ValueError('no rows')"))
    with pytest.raises(runtime.exceptions.ModelError) as error:
        runtime.invoke_endpoint(EndpointName="demo", Body=b"a", ContentType="text/csv")
    assert error.value.response["OriginalStatusCode"] == 500
    assert "no rows" in error.value.response["OriginalMessage"]
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert wait_until_settled(sandbox)["EndpointStatus"] == "InService"


@needs_namespaces
def test_failed(sagemaker: Any, endpoint: Callable[..., None]) -> None:
    """A failed endpoint's reason is in Describe's response."""
    endpoint(script=BROKEN)
    described = sagemaker.describe_endpoint(EndpointName="demo")
    assert (described["EndpointStatus"], "ping health check" in described["FailureReason"]) == ("Failed", True)


def test_not_supported(sagemaker: Any) -> None:
    """An unsupported action is rejected with its name and the supported ones."""
    with pytest.raises(ClientError, match=r"'ListTrials'.*DescribeModelPackage") as error:
        sagemaker.list_trials()
    assert code(error) == "Local.NotSupported"
    with pytest.raises(ClientError) as error:
        sagemaker.create_model_package(ModelPackageName="loose")
    assert code(error) == "Local.NotSupported"


@pytest.mark.parametrize(
    ("target", "body", "expected"),
    [
        ("SageMaker.ListEndpoints", b"{", "SerializationException"),
        ("SageMaker.ListEndpoints", b"[]", "SerializationException"),
        ("SageMaker.ListEndpoints", b'{"MaxResults": "a"}', "ValidationException"),
        ("SageMaker.InvokeEndpoint", b"{}", "Local.NotSupported"),
        ("Elsewhere.ListEndpoints", b"{}", "UnknownOperationException"),
        ("", b"{}", "UnknownOperationException"),
    ],
)
def test_malformed(api: Api, target: str, body: bytes, expected: str) -> None:
    """Requests that no SDK would send are rejected in the protocol's form, and the server keeps running."""
    connection = http.client.HTTPConnection(urlsplit(api.url).netloc, timeout=5)
    for _ in range(2):
        connection.request("POST", "/", body=body, headers={"X-Amz-Target": target, "Authorization": f"Bearer {KEY}"})
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["__type"]) == (400, expected)
    connection.close()


def test_start_and_stop(sandbox: Sandbox) -> None:
    """The server listens on the given port, on 127.0.0.1 only, and frees it when it stops."""
    with Api(sandbox.sagemaker) as api:
        url = urlsplit(api.url)
        assert url.hostname == "127.0.0.1"
        with pytest.raises(OSError, match="in use"):
            Api(sandbox.sagemaker, port=url.port or 0).start()
    again = Api(sandbox.sagemaker, port=url.port or 0)
    again.start()
    assert again.url == url.geturl()
    again.stop()
    with pytest.raises(RuntimeError, match="not running"):
        _ = again.url
