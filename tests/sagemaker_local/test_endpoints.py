"""Endpoints: created, invoked, described; and what is refused."""

import http.client
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest

from sagemaker_local.guard import endpoint_token
from tests.sagemaker_local.hosted import AUTHORIZED, invoke, post, settled
from tests.sagemaker_local.place import BROKEN, IMAGE, KEY, ROLE, SHOUT, Place, needs_namespaces

Hosted = Callable[..., None]
ARN = "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/demo"

pytestmark = needs_namespaces


def test_endpoint(place: Place, configure: Hosted) -> None:
    """An endpoint is being created at once, comes into service, and answers as the model's script says."""
    configure()
    created = place.run("createEndpoint", {"EndpointName": "demo", "EndpointConfigName": "first"})
    assert created == {"EndpointArn": ARN}
    assert place.run("describeEndpoint", {"EndpointName": "demo"})["EndpointStatus"] == "Creating"
    assert place.sagemaker.endpoint_url("demo") is None
    described = settled(place)
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", "first")
    assert described["ProductionVariants"][0]["VariantName"] == "AllTraffic"
    assert described["ProductionVariants"][0]["CurrentInstanceCount"] == 1
    assert described["LastModifiedTime"] >= described["CreationTime"]
    assert invoke(place, "a\nb") == {
        "Body": "A!\nB!",
        "ContentType": "text/csv",
        "InvokedProductionVariant": "AllTraffic",
    }
    until = time.monotonic() + 10
    while "rows: 2" not in place.lines:  # the log runs beside the answer
        assert time.monotonic() < until
        time.sleep(0.01)
    assert "rows: 2" in (place.folder / "logs/Endpoints/demo.log").read_text()


def test_port(place: Place, endpoint: Hosted) -> None:
    """Each endpoint has a port of its own, which answers as SageMaker's containers do."""
    endpoint()
    url = place.sagemaker.endpoint_url("demo")
    assert url is not None
    assert post(url) == (200, "text/csv", b"A!")
    token = endpoint_token(KEY, "demo")
    for path, status in (("/ping", 200), ("/elsewhere", 404)):
        with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=5)) as connection:
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
            assert connection.getresponse().status == status


def test_chunks(place: Place, endpoint: Hosted) -> None:
    """A body may come in chunks; one whose chunks are none is refused."""
    endpoint()
    netloc = urlsplit(place.sagemaker.endpoint_url("demo") or "").netloc
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


def test_model_does_not_load(place: Place, endpoint: Hosted) -> None:
    """An endpoint whose model does not load has failed, says why, is not invoked, and can only be deleted."""
    endpoint(script=BROKEN)
    described = settled(place)
    assert described["EndpointStatus"] == "Failed"
    assert "production variant AllTraffic did not pass the ping health check" in described["FailureReason"]
    assert "no such weights" in described["FailureReason"]
    failure = place.fail("invokeEndpoint", {"EndpointName": "demo", "Body": "a"})
    assert failure.error == "SageMakerRuntime.ValidationErrorException"
    assert failure.cause.startswith("Endpoint demo of account 123456789012 not found. (Service: SageMakerRuntime")
    assert place.fail("updateEndpoint", {"EndpointName": "demo", "EndpointConfigName": "first"}).error == (
        "SageMaker.SageMakerException"
    )
    place.run("deleteEndpoint", {"EndpointName": "demo"})


def test_model_data_is_gone(place: Place, configure: Hosted) -> None:
    """An endpoint whose model data has been deleted meanwhile has failed, and names the data."""
    configure()
    place.s3.delete_object(Bucket="bucket", Key="first.tar.gz")
    place.run("createEndpoint", {"EndpointName": "demo", "EndpointConfigName": "first"})
    assert "s3://bucket/first.tar.gz" in settled(place)["FailureReason"]


@pytest.mark.parametrize(
    ("script", "kind", "text"),
    [
        (SHOUT.replace("return data.splitlines()", "raise ValueError('no rows')"), "server error (500)", "no rows"),
        ("def model_fn(model_dir):\n    return 1\n", "client error (415)", "Content type text/x is not supported"),
    ],
)
def test_model_error(place: Place, endpoint: Hosted, script: str, kind: str, text: str) -> None:
    """What the container answers instead of a prediction is the error's cause, with its status and where the log is."""
    endpoint(script=script)
    content_type = "text/x" if "415" in kind else "text/csv"
    failure = place.fail("invokeEndpoint", {"EndpointName": "demo", "Body": "a", "ContentType": content_type})
    assert failure.error == "SageMakerRuntime.ModelErrorException"
    assert f'Received {kind} from primary with message "' in failure.cause
    assert text in failure.cause
    assert "logs/Endpoints/demo.log" in failure.cause
    assert "Status Code: 424" in failure.cause


def test_configuration(place: Place, configure: Hosted) -> None:
    """A configuration is kept as it was given, until it is deleted; an endpoint does not need it any longer."""
    capture = {"InitialSamplingPercentage": 20, "DestinationS3Uri": "s3://bucket/capture", "CaptureOptions": []}
    configure(DataCaptureConfig=capture | {"CaptureOptions": [{"CaptureMode": "Input"}]})
    name = {"EndpointConfigName": "first"}
    described = place.run("describeEndpointConfig", name)
    assert described["EndpointConfigArn"].endswith(":endpoint-config/first")
    assert described["DataCaptureConfig"]["InitialSamplingPercentage"] == 20
    place.run("createEndpoint", {"EndpointName": "demo"} | name)
    assert settled(place)["DataCaptureConfig"]["CaptureStatus"] == "Stopped"
    assert any("nothing is captured" in line for line in place.lines)
    place.run("deleteEndpointConfig", name)
    assert 'Could not find endpoint configuration "arn' in place.fail("describeEndpointConfig", name).cause
    assert invoke(place)["Body"] == "A!"


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
def test_refused(place: Place, endpoint: Hosted, action: str, request_: dict[str, Any], message: str) -> None:
    """What SageMaker refuses is refused with its words, under the name that the AWS SDK integrations give."""
    endpoint()
    failure = place.fail(action, request_)
    assert failure.error == "SageMaker.SageMakerException"
    assert message in failure.cause


def test_body_too_large(place: Place, endpoint: Hosted) -> None:
    """A body larger than the service takes is refused, and the message does not hold it."""
    endpoint()
    failure = place.fail("invokeEndpoint", {"EndpointName": "demo", "Body": "x" * 6291457})
    assert failure.error == "SageMakerRuntime.ValidationErrorException"
    assert len(failure.cause) < 1000
    assert "6291456" in failure.cause


def test_header_that_is_none(place: Place, endpoint: Hosted) -> None:
    """A content type that cannot be a header is refused, and not sent in part."""
    endpoint()
    for content_type in ("text/csv\r\nX-Evil: 1", "text/ü"):
        failure = place.fail("invokeEndpoint", {"EndpointName": "demo", "Body": "a", "ContentType": content_type})
        assert failure.error == "SageMakerRuntime.ValidationErrorException"
        assert "at 'contentType'" in failure.cause


def test_without_namespaces(prefix_place: Place) -> None:
    """Without namespaces a script that uses the model_dir it is given is served too."""
    script = SHOUT.replace('open("/opt/ml/model/mark.txt")', 'open(model_dir + "/mark.txt")')
    prefix_place.archive("model.tar.gz", mark_txt="!", code__inference_py=script)
    container = {"Image": IMAGE, "ModelDataUrl": "s3://bucket/model.tar.gz"}
    prefix_place.run("createModel", {"ModelName": "m", "PrimaryContainer": container, "ExecutionRoleArn": ROLE})
    variants = [{"VariantName": "a", "ModelName": "m"}]
    prefix_place.run("createEndpointConfig", {"EndpointConfigName": "c", "ProductionVariants": variants})
    prefix_place.run("createEndpoint", {"EndpointName": "demo", "EndpointConfigName": "c"})
    assert settled(prefix_place)["EndpointStatus"] == "InService"
    assert invoke(prefix_place)["Body"] == "A!"
    prefix_place.sagemaker.stop()


def test_list(place: Place, endpoint: Hosted) -> None:
    """Endpoints are listed, narrowed by their status."""
    endpoint()
    (listed,) = place.run("listEndpoints", {"StatusEquals": "InService"})["Endpoints"]
    assert (listed["EndpointName"], listed["EndpointArn"]) == ("demo", ARN)
    assert place.run("listEndpoints", {"StatusEquals": "Failed"})["Endpoints"] == []


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "s3://bucket/out"}}}, "AsyncInferenceConfig"),
        ({"ProductionVariants": [{"VariantName": "a"}]}, "ProductionVariants[0].ModelName"),
    ],
)
def test_not_supported(place: Place, configure: Hosted, changes: dict[str, Any], key: str) -> None:
    """What SageMaker can and this machine cannot is refused by name."""
    configure()
    variants = [{"VariantName": "a", "ModelName": "first"}]
    failure = place.fail("createEndpointConfig", {"EndpointConfigName": "b", "ProductionVariants": variants} | changes)
    assert (failure.error, failure.cause.startswith(f"{key} is ")) == ("Local.NotSupported", True)
