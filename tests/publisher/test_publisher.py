import importlib
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import boto3
import moto
import pytest

PROPERTIES = {
    "ArchiveBucket": "assets",
    "ArchiveKey": "scripts.zip",
    "Bucket": "mlops-bucket",
    "Prefix": "demo/scripts/",
}


class CloudFormation(HTTPServer):
    """Receives a custom resource's responses as CloudFormation does: by PUT to a URL in the request."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.answers: list[dict[str, Any]] = []


class _Answer(BaseHTTPRequestHandler):
    server: CloudFormation

    def do_PUT(self) -> None:
        length = int(self.headers["Content-Length"])
        self.server.answers.append(json.loads(self.rfile.read(length)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def cloudformation() -> Iterator[CloudFormation]:
    server = CloudFormation()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with moto.mock_aws():
        moto.core.config.default_user_config["core"]["passthrough"] = {"urls": [r"http://127\.0\.0\.1"]}
        yield importlib.reload(importlib.import_module("publisher.handler"))


def put_archive(files: dict[str, str]) -> Any:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.mkdir("package")
        for name, text in files.items():
            archive.writestr(name, text)
    s3 = boto3.client("s3")
    for bucket in ("assets", "mlops-bucket"):
        s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket="assets", Key="scripts.zip", Body=content.getvalue())
    return s3


def request(kind: str, cloudformation: CloudFormation) -> dict[str, Any]:
    return {
        "RequestType": kind,
        "ResponseURL": f"http://127.0.0.1:{cloudformation.server_port}/answer",
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "Publication",
        "ResourceProperties": PROPERTIES,
    }


def keys(s3: Any) -> set[str]:
    return {item["Key"] for item in s3.list_objects_v2(Bucket="mlops-bucket").get("Contents", [])}


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_every_file_is_uploaded(kind: str, publisher: Any, cloudformation: CloudFormation) -> None:
    """Create and update upload the archive's files under the prefix and leave other files alone."""
    s3 = put_archive({"train.py": "new", "package/deep.py": "deep"})
    s3.put_object(Bucket="mlops-bucket", Key="demo/scripts/train.py", Body=b"old")
    s3.put_object(Bucket="mlops-bucket", Key="demo/scripts/users.py", Body=b"the user's")
    publisher.handler(request(kind, cloudformation), None)
    assert keys(s3) == {f"demo/scripts/{name}" for name in ("train.py", "package/deep.py", "users.py")}
    assert s3.get_object(Bucket="mlops-bucket", Key="demo/scripts/train.py")["Body"].read() == b"new"
    (answer,) = cloudformation.answers
    assert answer["Status"] == "SUCCESS"
    assert answer["PhysicalResourceId"] == "s3://mlops-bucket/demo/scripts/"


def test_destroy_leaves_everything(publisher: Any, cloudformation: CloudFormation) -> None:
    """Deleting the stack deletes no objects."""
    s3 = put_archive({"train.py": "new"})
    s3.put_object(Bucket="mlops-bucket", Key="demo/scripts/train.py", Body=b"old")
    publisher.handler(request("Delete", cloudformation), None)
    assert keys(s3) == {"demo/scripts/train.py"}
    assert cloudformation.answers[0]["Status"] == "SUCCESS"


def test_failure_is_reported_to_cloudformation(publisher: Any, cloudformation: CloudFormation) -> None:
    """The error becomes the resource's status reason, and the deployment fails immediately."""
    publisher.handler(request("Create", cloudformation), None)
    (answer,) = cloudformation.answers
    assert answer["Status"] == "FAILED"
    assert "NoSuchBucket" in answer["Reason"]
    assert (answer["StackId"], answer["RequestId"], answer["LogicalResourceId"]) == ("stack", "request", "Publication")
