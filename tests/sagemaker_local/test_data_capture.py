"""Endpoint data capture, in SageMaker's own layout."""

import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.sagemaker_local.demo_endpoint import invoke
from tests.sagemaker_local.sandbox import Sandbox, needs_namespaces

pytestmark = needs_namespaces

BOTH = [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}]
HEADERS = {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]}


def capture(**changes: Any) -> dict[str, Any]:
    """Returns a DataCaptureConfig of every invocation."""
    config = {
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": "s3://bucket/captured/",
        "CaptureOptions": BOTH,
        "CaptureContentTypeHeader": HEADERS,
    }
    return config | changes


def events(sandbox: Sandbox) -> list[dict[str, Any]]:
    """Returns the captured events."""
    return [json.loads(line) for key in sandbox.keys("captured/") for line in sandbox.get(key).splitlines()]


def test_capture(sandbox: Sandbox, endpoint: Callable[..., None]) -> None:
    """Within seconds, each invocation is a line of a file that is named after endpoint, variant and hour."""
    endpoint(DataCaptureConfig=capture())
    invoke(sandbox, "a")
    invoke(sandbox, "b", InferenceId="call-1")
    until = time.monotonic() + 10
    while len(events(sandbox)) < 2:
        assert time.monotonic() < until
        time.sleep(0.05)
    for key in sandbox.keys("captured/"):
        assert re.fullmatch(r"captured/demo/AllTraffic/\d{4}/\d\d/\d\d/\d\d/\d\d-\d\d-\d{3}-[0-9a-f-]{36}\.jsonl", key)
    first, second = sorted(events(sandbox), key=lambda event: str(event["captureData"]["endpointInput"]["data"]))
    assert first["captureData"] == {
        "endpointInput": {"observedContentType": "text/csv", "mode": "INPUT", "data": "a", "encoding": "CSV"},
        "endpointOutput": {"observedContentType": "text/csv", "mode": "OUTPUT", "data": "A!", "encoding": "CSV"},
    }
    assert re.fullmatch(r"[0-9a-f-]{36}", first["eventMetadata"]["eventId"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", first["eventMetadata"]["inferenceTime"])
    assert first["eventVersion"] == "0"
    assert second["eventMetadata"]["inferenceId"] == "call-1"
    assert "inferenceId" not in first["eventMetadata"]


def test_capture_at_the_end(sandbox: Sandbox, endpoint: Callable[..., None]) -> None:
    """What was captured is written when the endpoint stops; content of an unnamed type is base64."""
    endpoint(DataCaptureConfig=capture(CaptureOptions=BOTH[:1], CaptureContentTypeHeader={"JsonContentTypes": ["x/y"]}))
    invoke(sandbox, "a")
    sandbox.sagemaker.stop()
    (event,) = events(sandbox)
    data = {"observedContentType": "text/csv", "mode": "INPUT", "data": "YQ==", "encoding": "BASE64"}
    assert event["captureData"] == {"endpointInput": data}


@pytest.mark.parametrize("changes", [{"InitialSamplingPercentage": 0}, {"EnableCapture": False}], ids=str)
def test_nothing_is_captured(sandbox: Sandbox, endpoint: Callable[..., None], changes: dict[str, Any]) -> None:
    """Nothing is captured if capture is disabled, or of no request."""
    endpoint(DataCaptureConfig=capture(**changes))
    invoke(sandbox, "a")
    sandbox.sagemaker.stop()
    assert sandbox.keys("captured/") == []


def test_a_failed_capture_is_logged(sandbox: Sandbox, endpoint: Callable[..., None]) -> None:
    """Where the data cannot be written, invocations go on and the log says so."""
    endpoint(DataCaptureConfig=capture(DestinationS3Uri="s3://no-such-bucket/captured"))
    assert invoke(sandbox, "a")["Body"] == "A!"
    sandbox.sagemaker.stop()
    assert any("1 captured invocations could not be written to s3://no-such-bucket/" in line for line in sandbox.lines)
