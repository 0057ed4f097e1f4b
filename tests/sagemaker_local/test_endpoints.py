"""Endpoints: creation, invocation, description and rejected requests."""

import http.client
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest

from sagemaker_local.guard import endpoint_token
from tests.sagemaker_local.demo_endpoint import AUTHORIZED, invoke, post, wait_until_settled
from tests.sagemaker_local.sandbox import BROKEN, IMAGE, KEY, ROLE, SHOUT, Sandbox, needs_namespaces

Make = Callable[..., None]
ARN = "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/demo"

pytestmark = needs_namespaces


def test_endpoint(sandbox: Sandbox, configure: Make) -> None:
    """A new endpoint is Creating, then InService, and responds as its model's script defines."""
    configure()
    created = sandbox.run("createEndpoint", {"EndpointName": "demo", "EndpointConfigName": "first"})
    assert created == {"EndpointArn": ARN}
    assert sandbox.run("describeEndpoint", {"EndpointName": "demo"})["EndpointStatus"] == "Creating"
    assert sandbox.sagemaker.endpoint_url("demo") is None
    described = wait_until_settled(sandbox)
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", "first")
    assert described["ProductionVariants"][0]["VariantName"] == "AllTraffic"
    assert described["ProductionVariants"][0]["CurrentInstanceCount"] == 1
    assert described["LastModifiedTime"] >= described["CreationTime"]
    assert invoke(sandbox, "a\nb") == {
        "Body": "A!\nB!",
        "ContentType": "text/csv",
        "InvokedProductionVariant": "AllTraffic",
    }
    until = time.monotonic() + 10
    while "rows: 2" not in sandbox.lines:  # the log arrives asynchronously
        assert time.monotonic() < until
        time.sleep(0.01)
    assert "rows: 2" in (sandbox.folder / "logs/Endpoints/demo.log").read_text()


def test_port(sandbox: Sandbox, endpoint: Make) -> None:
    """An endpoint has its own port, which responds like SageMaker's containers."""
    endpoint()
    url = sandbox.sagemaker.endpoint_url("demo")
    assert url is not None
    assert post(url) == (200, "text/csv", b"A!")
    token = endpoint_token(KEY, "demo")
    for path, status in (("/ping", 200), ("/elsewhere", 404)):
        with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=5)) as connection:
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
            assert connection.getresponse().status == status


def test_chunks(sandbox: Sandbox, endpoint: Make) -> None:
    """A chunked body is accepted; malformed chunks are rejected."""
    endpoint()
    netloc = urlsplit(sandbox.sagemaker.endpoint_url("demo") or "").netloc
    headers = {"Content-Type": "text/csv", "Accept": "text/csv", "Transfer-Encoding": "chunked"} | AUTHORIZED
    for body, status, content in (
        (b"2\r\na\n\r\n1;x=y\r\nb\r\n0\r\nTrailer: x\r\n\r\n", 200, b"A!\nB!"),
        (b"none\r\n", 400, b"the body cannot be read"),
        (b"-1\r\n", 400, b"the body cannot be read"),
    ):
        with closing(http.client.HTTPConnection(netloc, timeout=5)) as connection:
            connection.request("POST", "/invocations", body=body, headers=headers)
            answer = connection.getresponse()
            assert answer.status == status
            assert answer.read().startswith(content)


def test_model_does_not_load(sandbox: Sandbox, endpoint: Make) -> None:
    """An endpoint whose model does not load fails with a reason and can only be deleted."""
    endpoint(script=BROKEN)
    described = wait_until_settled(sandbox)
    assert described["EndpointStatus"] == "Failed"
    assert "production variant AllTraffic did not pass the ping health check" in described["FailureReason"]
    assert "no such weights" in described["FailureReason"]
    failure = sandbox.fail("invokeEndpoint", {"EndpointName": "demo", "Body": "a"})
    assert failure.error == "SageMakerRuntime.ValidationErrorException"
    assert failure.cause.startswith("Endpoint demo of account 123456789012 not found. (Service: SageMakerRuntime")
    assert sandbox.fail("updateEndpoint", {"EndpointName": "demo", "EndpointConfigName": "first"}).error == (
        "SageMaker.SageMakerException"
    )
    sandbox.run("deleteEndpoint", {"EndpointName": "demo"})


def test_deleted_model_data(sandbox: Sandbox, configure: Make) -> None:
    """An endpoint fails if its model data has been deleted; the reason names the data."""
    configure()
    sandbox.s3.delete_object(Bucket="bucket", Key="first.tar.gz")
    sandbox.run("createEndpoint", {"EndpointName": "demo", "EndpointConfigName": "first"})
    assert "s3://bucket/first.tar.gz" in wait_until_settled(sandbox)["FailureReason"]


@pytest.mark.parametrize(
    ("script", "kind", "text"),
    [
        (SHOUT.replace("return data.splitlines()", "raise ValueError('no rows')"), "server error (500)", "no rows"),
        ("def model_fn(model_dir):\n    return 1\n", "client error (415)", "Content type text/x is not supported"),
    ],
)
def test_model_error(sandbox: Sandbox, endpoint: Make, script: str, kind: str, text: str) -> None:
    """A container's error response is in the error's cause, with its status and the log's path."""
    endpoint(script=script)
    content_type = "text/x" if "415" in kind else "text/csv"
    failure = sandbox.fail("invokeEndpoint", {"EndpointName": "demo", "Body": "a", "ContentType": content_type})
    assert failure.error == "SageMakerRuntime.ModelErrorException"
    assert f'Received {kind} from primary with message "' in failure.cause
    assert text in failure.cause
    assert "logs/Endpoints/demo.log" in failure.cause
    assert "Status Code: 424" in failure.cause


def test_configuration(sandbox: Sandbox, configure: Make) -> None:
    """A configuration is stored as given until it is deleted; a running endpoint no longer needs it."""
    capture = {"InitialSamplingPercentage": 20, "DestinationS3Uri": "s3://bucket/capture", "CaptureOptions": []}
    configure(DataCaptureConfig=capture | {"CaptureOptions": [{"CaptureMode": "Input"}]})
    name = {"EndpointConfigName": "first"}
    described = sandbox.run("describeEndpointConfig", name)
    assert described["EndpointConfigArn"].endswith(":endpoint-config/first")
    assert described["DataCaptureConfig"]["InitialSamplingPercentage"] == 20
    sandbox.run("createEndpoint", {"EndpointName": "demo"} | name)
    assert wait_until_settled(sandbox)["DataCaptureConfig"]["CaptureStatus"] == "Started"
    (listed,) = sandbox.run("listEndpointConfigs", {"NameContains": "fir"})["EndpointConfigs"]
    assert listed["EndpointConfigName"] == "first"
    sandbox.run("deleteEndpointConfig", name)
    assert sandbox.run("listEndpointConfigs", {})["EndpointConfigs"] == []
    assert 'Could not find endpoint configuration "arn' in sandbox.fail("describeEndpointConfig", name).cause
    assert invoke(sandbox)["Body"] == "A!"


@pytest.mark.parametrize(
    ("action", "request_", "message"),
    [
        ("createEndpoint", {"EndpointName": "demo", "EndpointConfigName": "first"}, "Cannot create already existing e"),
        ("createEndpoint", {"EndpointName": "b", "EndpointConfigName": "c"}, "Could not find endpoint configuration"),
        ("updateEndpoint", {"EndpointName": "b", "EndpointConfigName": "first"}, "Could not find endpoint "),
        ("updateEndpoint", {"EndpointName": "demo", "EndpointConfigName": "c"}, "Could not find endpoint conf"),
        ("deleteEndpoint", {"EndpointName": "b"}, "Could not find endpoint "),
        ("deleteEndpointConfig", {"EndpointConfigName": "b"}, "Could not find endpoint configuration"),
        (
            "createEndpointConfig",
            {"EndpointConfigName": "first", "ProductionVariants": [{"VariantName": "a", "ModelName": "first"}]},
            "Cannot create already existing endpoint configuration",
        ),
        (
            "createEndpointConfig",
            {"EndpointConfigName": "b", "ProductionVariants": [{"VariantName": "a", "ModelName": "none"}]},
            'Could not find model "arn:aws:sagemaker:eu-west-1:123456789012:model/none".',
        ),
        ("createEndpoint", {"EndpointName": "a b", "EndpointConfigName": "c"}, "failed to satisfy constraint"),
    ],
)
def test_rejected(sandbox: Sandbox, endpoint: Make, action: str, request_: dict[str, Any], message: str) -> None:
    """Requests that SageMaker rejects are rejected with its message and the AWS SDK integrations' error name."""
    endpoint()
    failure = sandbox.fail(action, request_)
    assert failure.error == "SageMaker.SageMakerException"
    assert message in failure.cause


def test_body_too_large(sandbox: Sandbox, endpoint: Make) -> None:
    """A body that exceeds the service's limit is rejected with a message that does not contain it."""
    endpoint()
    failure = sandbox.fail("invokeEndpoint", {"EndpointName": "demo", "Body": "x" * 6291457})
    assert failure.error == "SageMakerRuntime.ValidationErrorException"
    assert len(failure.cause) < 1000
    assert "6291456" in failure.cause


def test_invalid_header(sandbox: Sandbox, endpoint: Make) -> None:
    """A content type that is not a valid header is rejected."""
    endpoint()
    for content_type in ("text/csv\r\nX-Evil: 1", "text/ü"):
        failure = sandbox.fail("invokeEndpoint", {"EndpointName": "demo", "Body": "a", "ContentType": content_type})
        assert failure.error == "SageMakerRuntime.ValidationErrorException"
        assert "at 'contentType'" in failure.cause


def test_without_namespaces(prefix_sandbox: Sandbox) -> None:
    """Without namespaces, a script that uses its model_dir argument works."""
    script = SHOUT.replace('open("/opt/ml/model/mark.txt")', 'open(model_dir + "/mark.txt")')
    prefix_sandbox.archive("model.tar.gz", mark_txt="!", code__inference_py=script)
    container = {"Image": IMAGE, "ModelDataUrl": "s3://bucket/model.tar.gz"}
    prefix_sandbox.run("createModel", {"ModelName": "m", "PrimaryContainer": container, "ExecutionRoleArn": ROLE})
    variants = [{"VariantName": "a", "ModelName": "m"}]
    prefix_sandbox.run("createEndpointConfig", {"EndpointConfigName": "c", "ProductionVariants": variants})
    prefix_sandbox.run("createEndpoint", {"EndpointName": "demo", "EndpointConfigName": "c"})
    assert wait_until_settled(prefix_sandbox)["EndpointStatus"] == "InService"
    assert invoke(prefix_sandbox)["Body"] == "A!"
    prefix_sandbox.sagemaker.stop()


def test_list(sandbox: Sandbox, endpoint: Make) -> None:
    """Endpoints are listed and can be filtered by status."""
    endpoint()
    (listed,) = sandbox.run("listEndpoints", {"StatusEquals": "InService"})["Endpoints"]
    assert (listed["EndpointName"], listed["EndpointArn"]) == ("demo", ARN)
    assert sandbox.run("listEndpoints", {"StatusEquals": "Failed"})["Endpoints"] == []


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "s3://bucket/out"}}}, "AsyncInferenceConfig"),
        ({"ProductionVariants": [{"VariantName": "a"}]}, "ProductionVariants[0].ModelName"),
    ],
)
def test_not_supported(sandbox: Sandbox, configure: Make, changes: dict[str, Any], key: str) -> None:
    """SageMaker features that this machine does not support are rejected by name."""
    configure()
    variants = [{"VariantName": "a", "ModelName": "first"}]
    failure = sandbox.fail(
        "createEndpointConfig", {"EndpointConfigName": "b", "ProductionVariants": variants} | changes
    )
    assert (failure.error, failure.cause.startswith(f"{key} is ")) == ("Local.NotSupported", True)
