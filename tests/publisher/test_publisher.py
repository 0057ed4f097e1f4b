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
    "Record": ".published.json",
    "Overwrite": "false",
}
BUCKET = "mlops-bucket"


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
    for bucket in ("assets", BUCKET):
        s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket="assets", Key="scripts.zip", Body=content.getvalue())
    return s3


def change(s3: Any, name: str, text: str) -> None:
    """Changes a script in the bucket by hand."""
    s3.put_object(Bucket=BUCKET, Key=f"demo/scripts/{name}", Body=text.encode())


def text(s3: Any, name: str) -> str:
    content: bytes = s3.get_object(Bucket=BUCKET, Key=f"demo/scripts/{name}")["Body"].read()
    return content.decode()


def deploy(publisher: Any, files: dict[str, str], *, overwrite: str = "false") -> list[str]:
    """Publishes these files; returns the names of those that were kept."""
    kept: list[str] = publisher.publish(put_archive(files), PROPERTIES | {"Overwrite": overwrite})
    return kept


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
    return {item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])}


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_every_file_is_uploaded(kind: str, publisher: Any, cloudformation: CloudFormation) -> None:
    """Create and update upload the archive's files under the prefix and leave other files alone."""
    s3 = put_archive({"train.py": "new", "package/deep.py": "deep"})
    change(s3, "users.py", "the user's")
    publisher.handler(request(kind, cloudformation), None)
    names = ("train.py", "package/deep.py", "users.py", ".published.json")
    assert keys(s3) == {f"demo/scripts/{name}" for name in names}
    assert text(s3, "train.py") == "new"
    (answer,) = cloudformation.answers
    assert answer["Status"] == "SUCCESS"
    assert answer["PhysicalResourceId"] == "s3://mlops-bucket/demo/scripts/"
    assert answer["Data"] == {"Kept": "none"}


def test_what_was_changed_in_the_bucket_is_kept(publisher: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A redeployment updates what the last one published, and keeps and names what was changed since, however often."""
    assert deploy(publisher, {"input.yaml": "1", "train.py": "1"}) == []
    change(boto3.client("s3"), "input.yaml", "mine")
    for version in ("2", "3"):
        assert deploy(publisher, {"input.yaml": version, "train.py": version}) == ["input.yaml"]
        assert (text(boto3.client("s3"), "input.yaml"), text(boto3.client("s3"), "train.py")) == ("mine", version)
    assert "kept s3://mlops-bucket/demo/scripts/input.yaml: it was changed" in capsys.readouterr().out


def test_what_was_changed_is_replaced_if_asked(publisher: Any) -> None:
    """With Overwrite, the folder's file is published, and from then on updated again."""
    deploy(publisher, {"input.yaml": "1"})
    change(boto3.client("s3"), "input.yaml", "mine")
    assert deploy(publisher, {"input.yaml": "2"}, overwrite="true") == []
    assert deploy(publisher, {"input.yaml": "3"}) == []
    assert text(boto3.client("s3"), "input.yaml") == "3"


def test_the_same_change_in_the_folder_is_no_conflict(publisher: Any) -> None:
    """A file that is the same in the bucket and in the folder is the deployment's again."""
    deploy(publisher, {"input.yaml": "1"})
    change(boto3.client("s3"), "input.yaml", "2")
    assert deploy(publisher, {"input.yaml": "2"}) == []
    assert deploy(publisher, {"input.yaml": "3"}) == []
    assert text(boto3.client("s3"), "input.yaml") == "3"


def test_a_deleted_script_is_published_again(publisher: Any) -> None:
    """What was deleted in the bucket is in the folder, so it is published."""
    deploy(publisher, {"train.py": "1"})
    boto3.client("s3").delete_object(Bucket=BUCKET, Key="demo/scripts/train.py")
    assert deploy(publisher, {"train.py": "1"}) == []
    assert text(boto3.client("s3"), "train.py") == "1"


def test_without_a_record_only_what_is_the_same_is_the_deployments(publisher: Any) -> None:
    """After an upgrade from a release without a record, files that differ from the folder's are kept."""
    s3 = put_archive({"input.yaml": "2", "train.py": "1"})
    change(s3, "input.yaml", "1")
    change(s3, "train.py", "1")
    assert publisher.publish(s3, PROPERTIES) == ["input.yaml"]
    assert deploy(publisher, {"train.py": "2"}) == []
    assert (text(s3, "input.yaml"), text(s3, "train.py")) == ("1", "2")


def test_the_record_names_the_commit(publisher: Any) -> None:
    """It is the record's user metadata, and gone when a deployment does not know it."""
    commit = {"commit": "315ccf7", "uncommitted-changes": "true"}
    for metadata in ({"Metadata": commit}, {}):
        s3 = put_archive({"train.py": "1"})
        publisher.publish(s3, {**PROPERTIES, **metadata})
        found = s3.head_object(Bucket=BUCKET, Key="demo/scripts/.published.json")["Metadata"]
        assert found == metadata.get("Metadata", {})


def test_many_kept_files_fit_an_output(publisher: Any) -> None:
    """CloudFormation limits a response's length, so the rest is counted."""
    shown = publisher.as_text([f"package/script-{number}.py" for number in range(200)])
    assert len(shown) < 1000
    assert shown.startswith("package/script-0.py, ")
    assert shown.endswith(" more")


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
