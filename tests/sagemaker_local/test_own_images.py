"""Images of a user's ``images.yaml`` that train and serve with programs of their own."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sagemaker_local.images import Images, own_images
from sagemaker_local.mounts import ISOLATED, best_view
from sagemaker_local.service import SageMaker
from tests.sagemaker_local.demo_endpoint import invoke, wait_until_settled
from tests.sagemaker_local.sandbox import KEY, REGION, ROLE, Sandbox, needs_namespaces

IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/mine:1"
TRAIN = """
import pathlib, sys
lines = pathlib.Path("/opt/ml/input/data/training/train.csv").read_text().split()
pathlib.Path("/opt/ml/model/mark.txt").write_text(f"{sys.argv[1]} {len(lines)}")
"""
SERVE = """
import http.server, pathlib, sys, time
mark = pathlib.Path("/opt/ml/model/mark.txt").read_text()
if mark == "broken":
    sys.exit("the model is broken")
time.sleep(0.3)
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.answer(200 if self.path == "/ping" else 404, b"")
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert "Authorization" not in self.headers
        self.answer(500 if body == b"bad" else 200, body.upper() + mark.encode())
    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", self.headers.get("Accept") or "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
"""

pytestmark = needs_namespaces


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """The folder with the image's programs."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "train.py").write_text(TRAIN)
    (folder / "serve.py").write_text(SERVE)
    return folder


def make_sandbox(s3: Any, tmp_path: Path, programs: Path, *, namespaces: bool | None = None) -> Sandbox:
    """Returns a local SageMaker that knows the image ``mine`` with a training program and a server."""
    content = {
        "mine": {
            "packages": [],
            "folder": programs.name,
            "train": ["python", "/opt/program/train.py", "train"],
            "serve": ["python", "/opt/program/serve.py"],
        },
        "bare": {"packages": []},
    }
    sandbox = Sandbox(s3, tmp_path / "state")
    sandbox.sagemaker = SageMaker(
        s3=s3,
        folder=tmp_path / "state",
        key=KEY,
        job_key="LOCALJOBKEY",
        region=REGION,
        account="123456789012",
        log=lambda _action, _name, line: sandbox.lines.append(line),
        images=Images(lambda: own_images(content, tmp_path)),
        namespaces=namespaces,
    )
    return sandbox


@pytest.fixture
def own(s3: Any, tmp_path: Path, programs: Path) -> Iterator[Sandbox]:
    """A local SageMaker that knows the image ``mine`` with a training program and a server."""
    sandbox = make_sandbox(s3, tmp_path, programs)
    yield sandbox
    sandbox.sagemaker.stop()


def model(sandbox: Sandbox, name: str = "my-model", mark: str = "!") -> None:
    """Creates a model that the image's own server serves."""
    sandbox.archive(f"{name}.tar.gz", mark_txt=mark)
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://bucket/{name}.tar.gz"}
    sandbox.run("createModel", {"ModelName": name, "PrimaryContainer": container, "ExecutionRoleArn": ROLE})


def deploy(sandbox: Sandbox, *models: str) -> dict[str, Any]:
    """Deploys a variant for each model behind the endpoint ``demo``. Returns DescribeEndpoint's response."""
    variants = [
        {"VariantName": name, "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        for name in models
    ]
    sandbox.run("createEndpointConfig", {"EndpointConfigName": "demo", "ProductionVariants": variants})
    sandbox.run("createEndpoint", {"EndpointName": "demo", "EndpointConfigName": "demo"})
    return wait_until_settled(sandbox)


def test_train(own: Sandbox, training_request: Callable[..., dict[str, Any]], programs: Path) -> None:
    """A request without an entry point runs the image's training program, which cannot change its folder."""
    (programs / "train.py").write_text(
        f"{TRAIN}\ntry:\n    open('/opt/program/x', 'w')\nexcept OSError:\n    print('read-only')\n"
    )
    own.put("data/train.csv", "1,2\n3,4\n")
    own.put("scripts/train.py", "")
    request = training_request(AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"})
    own.run("createTrainingJob", request)
    assert own.unpacked("model/mlops-demo-1/output/model.tar.gz") == {"mark.txt": b"train 2"}
    assert (best_view() == ISOLATED) == (not (programs / "x").exists())


def test_batch(own: Sandbox, transform_request: Callable[..., dict[str, Any]]) -> None:
    """A transform job sends its records to the image's own server once that answers pings."""
    model(own)
    own.put("in/a.csv", "a\nb\n")
    own.run("createTransformJob", transform_request(BatchStrategy="SingleRecord"))
    assert own.get("predictions/a.csv.out") == b"A\n!\nB\n!\n"
    assert any("has port 8080 of a network of its own" in line for line in own.lines)


def test_two_servers(own: Sandbox) -> None:
    """Two servers of the same image, which both take port 8080, serve at the same time."""
    model(own, "first", "1")
    model(own, "second", "2")
    assert deploy(own, "first", "second")["EndpointStatus"] == "InService"
    answers = {name: invoke(own, "a", TargetVariant=name, Accept="text/plain")["Body"] for name in ("first", "second")}
    assert answers == {"first": "A1", "second": "A2"}
    # Many requests at a time.
    threads = [threading.Thread(target=invoke, args=(own, "b")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_error_of_the_server(own: Sandbox) -> None:
    """The server's status reaches the client."""
    model(own)
    deploy(own, "my-model")
    request = {"EndpointName": "demo", "Body": "bad", "ContentType": "text/csv", "Accept": "text/csv"}
    assert "(500)" in own.fail("invokeEndpoint", request).cause


def test_server_dies(own: Sandbox, transform_request: Callable[..., dict[str, Any]]) -> None:
    """A server that exits fails the job; the reason has what it said, its exit code and the log's path."""
    model(own, mark="broken")
    own.put("in/a.csv", "a\n")
    failure = own.fail("createTransformJob", transform_request())
    reason = json.loads(failure.cause)["FailureReason"]
    assert "exit code: 1" in reason
    assert "the model is broken" in reason
    assert "batch-1.log" in reason


def test_no_server(own: Sandbox, transform_request: Callable[..., dict[str, Any]]) -> None:
    """An image without a server, and a model without inference.py, are refused with what to write in images.yaml."""
    own.archive("model.tar.gz", mark_txt="!")
    container = {"Image": "bare", "ModelDataUrl": "s3://bucket/model.tar.gz"}
    own.run("createModel", {"ModelName": "my-model", "PrimaryContainer": container, "ExecutionRoleArn": ROLE})
    own.put("in/a.csv", "a\n")
    reason = own.reason("createTransformJob", transform_request())
    assert "images.yaml: {bare: {packages: [...], folder: my-image, serve: [python, /opt/program/serve]}}" in reason


def test_port_in_use(s3: Any, tmp_path: Path, programs: Path, transform_request: Callable[..., dict[str, Any]]) -> None:
    """Without network namespaces the server takes the machine's port 8080; if that is in use, the reason says so."""
    sandbox = make_sandbox(s3, tmp_path, programs, namespaces=False)
    model(sandbox)
    sandbox.put("in/a.csv", "a\n")
    with socket.socket() as other:
        with contextlib.suppress(OSError):  # another program has it, which is as good
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.0.0.1", 8080))
            other.listen()
        reason = sandbox.reason("createTransformJob", transform_request())
    assert "port 8080 is in use" in reason


def test_no_train(own: Sandbox, training_request: Callable[..., dict[str, Any]]) -> None:
    """An image without a training program is refused, with what to write in images.yaml."""
    request = training_request(AlgorithmSpecification={"TrainingImage": "bare", "TrainingInputMode": "File"})
    cause = own.fail("createTrainingJob", request).cause
    assert "images.yaml: {bare: {packages: [...], folder: my-image, train: [python, /opt/program/train]}}" in cause


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"folder": "none"}, "mine.folder must be a folder next to this file; it is 'none'"),
        ({"serve": "python serve.py"}, "mine.serve must be a list of strings"),
        ({"entrypoint": []}, "mine.entrypoint is not known"),
    ],
)
def test_images_yaml(tmp_path: Path, given: dict[str, Any], message: str) -> None:
    """A wrong value in images.yaml is refused by its name."""
    with pytest.raises(Exception, match=message.replace(".", r"\.")):
        own_images({"mine": given}, tmp_path)
