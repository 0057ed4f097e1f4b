"""``mlops invoke``, with a small server that implements SageMaker's protocols."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.errors import CommandError
from cli.invoke import LIMIT, cut
from cli.main import main

STATUSES = {"demo": "InService", "broken": "InService", "new": "Creating"}


class Service(BaseHTTPRequestHandler):
    """Endpoints: ``demo`` returns the length of each line, ``broken`` has a faulty model, ``new`` is not ready."""

    requests: list[dict[str, Any]]

    def do_POST(self) -> None:
        """InvokeEndpoint or DescribeEndpoint."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("X-Amz-Target") == "SageMaker.DescribeEndpoint":
            self._describe(json.loads(body)["EndpointName"])
            return
        name = self.path.split("/")[2]
        self.requests.append({"type": self.headers["Content-Type"], "accept": self.headers["Accept"], "body": body})
        if STATUSES.get(name) != "InService":
            self._answer(400, {"Message": f"Endpoint {name} of account 000000000000 not found."}, "ValidationError")
        elif name == "broken":
            content = {"OriginalStatusCode": 500, "OriginalMessage": "no\nsuch column", "LogStreamArn": "arn:log"}
            self._answer(424, content | {"Message": "Received server error (500)"}, "ModelError")
        else:
            self._send(200, b"\n".join(b"%d" % len(line) for line in body.splitlines()))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Disables logging."""

    def _describe(self, name: str) -> None:
        if name in STATUSES:
            self._answer(200, {"EndpointName": name, "EndpointStatus": STATUSES[name]})
        else:
            self._answer(400, {"__type": "ValidationException", "message": f'Could not find endpoint "arn:{name}".'})

    def _answer(self, status: int, content: dict[str, Any], error: str | None = None) -> None:
        self._send(status, json.dumps(content).encode(), {"x-amzn-errortype": error} if error else {})

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def requests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """The requests that the endpoints have received; the SDK's variables direct commands to them."""
    received: list[dict[str, Any]] = []
    handler = type("Handler", (Service,), {"requests": received})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        variables = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
            "AWS_CONFIG_FILE": str(tmp_path / "none"),
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_MAX_ATTEMPTS": "1",
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        yield received
        server.shutdown()


def invoke(*arguments: str, records: str | bytes = "1,2\n3,4,5\n") -> Result:
    """Sends records from standard input."""
    return CliRunner().invoke(main, ["invoke", arguments[0], "-", *arguments[1:]], input=records)


def test_response_is_printed(requests: list[dict[str, Any]]) -> None:
    """Records are sent, and the response is printed, unchanged."""
    result = invoke("demo")
    assert (result.exit_code, result.stdout) == (0, "3\n5"), result.output
    assert requests == [{"type": "text/csv", "accept": "text/csv", "body": b"1,2\n3,4,5\n"}]


def test_types_are_passed_on(requests: list[dict[str, Any]], tmp_path: Path) -> None:
    """The model gets the media types of the file and of the response."""
    file = tmp_path / "records.json"
    file.write_text("{}")
    command = ["invoke", "demo", str(file), "--content-type", "application/json", "--accept", "text/csv"]
    assert CliRunner().invoke(main, command).exit_code == 0
    assert requests == [{"type": "application/json", "accept": "text/csv", "body": b"{}"}]


def test_large_file_is_split(requests: list[dict[str, Any]]) -> None:
    """A file over the limit is sent in several requests of whole lines, and the responses are joined."""
    lines = [b"x" * 1_000_000 + b"\n"] * 7
    result = invoke("demo", records=b"".join(lines))
    assert (result.exit_code, result.stdout) == (0, "1000000\n" * 7), result.output
    assert [len(request["body"]) for request in requests] == [6_000_006, 1_000_001]


@pytest.mark.usefixtures("requests")
@pytest.mark.parametrize(
    ("endpoint", "message"),
    [
        ("nobody", "there is no endpoint nobody in us-east-1"),
        ("new", "the endpoint new is not in service: its status is Creating"),
        ("broken", "the model of endpoint broken answered 500: no such column; its log: arn:log"),
    ],
)
def test_error_is_explained(endpoint: str, message: str) -> None:
    """An error of an endpoint or its model is explained on one line."""
    result = invoke(endpoint)
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", f"error: {message}\n")


@pytest.mark.parametrize("body", [b"", b"\n \n"])
def test_nothing_to_send(body: bytes) -> None:
    """An empty file is rejected."""
    with pytest.raises(CommandError, match="no records"):
        cut(body, by_lines=True)


def test_pieces_are_whole_lines() -> None:
    """Pieces are as large as possible, complete, and end at line breaks."""
    body = b"".join(b"%d\n" % number for number in range(1000))
    pieces = cut(body, by_lines=True, limit=100)
    assert b"".join(pieces) == body
    assert all(len(piece) <= 100 and piece.endswith(b"\n") for piece in pieces)
    assert len(pieces) <= len(body) / 96 + 1


def test_indivisible_body_is_rejected() -> None:
    """A body over the limit without lines, and a line over the limit, are rejected; the message has the limit."""
    with pytest.raises(CommandError, match=r"6,291,457 bytes; one request to an endpoint has at most 6,291,456"):
        cut(b"x" * (LIMIT + 1), by_lines=False)
    with pytest.raises(CommandError, match="line 2 has 11 bytes; one request to an endpoint has at most 10"):
        cut(b"short\n" + b"x" * 11, by_lines=True, limit=10)
