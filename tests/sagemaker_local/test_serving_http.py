"""The model server over HTTP."""

import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from sagemaker_local.serving.server import serve_on


@pytest.fixture
def port() -> int:
    """The port of a server that echoes requests."""

    def echo(body: bytes, content_type: str, accept: str) -> tuple[bytes, str, int]:
        if body == b"fail":
            raise ZeroDivisionError("by zero")
        return json.dumps([body.decode(), content_type, accept]).encode(), "application/json", 200

    listener = socket.create_server(("127.0.0.1", 0))
    # A daemon, because the server runs forever.
    threading.Thread(target=serve_on, args=(listener, echo), kwargs={"token": "token"}, daemon=True).start()
    return int(listener.getsockname()[1])


@pytest.fixture
def send(port: int) -> Iterator[Callable[..., tuple[int, str, bytes]]]:
    """Sends requests to the server over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

    def request(method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, str, bytes]:
        named = {"Authorization": "Bearer token"} | {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body=body, headers=named)
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read()

    yield request
    connection.close()


def test_http(send: Callable[..., tuple[int, str, bytes]], capfd: pytest.CaptureFixture[str]) -> None:
    """GET /ping and POST /invocations work; an exception is a 500 with its traceback in the log."""
    assert send("GET", "/ping")[0::2] == (200, b"")
    assert send("POST", "/invocations", b"x", Content_Type="text/csv", Accept="text/csv") == (
        200,
        "application/json",
        b'["x", "text/csv", "text/csv"]',
    )
    assert send("POST", "/invocations", b"x")[2] == b'["x", "application/json", "application/json"]'
    assert send("POST", "/invocations", b"x", Accept="*/*")[2] == b'["x", "application/json", "application/json"]'
    assert send("POST", "/invocations", b"fail")[0::2] == (500, b"ZeroDivisionError('by zero')")
    assert "ZeroDivisionError: by zero" in capfd.readouterr().err
    assert (send("GET", "/none")[0], send("POST", "/none", b"")[0]) == (404, 404)


def test_no_delay(port: int) -> None:
    """A small response is sent in one packet, because the kernel may delay a second until the first is acknowledged."""
    request = b"POST /invocations HTTP/1.1\r\nHost: model\r\nAuthorization: Bearer token\r\nContent-Length: 1\r\n\r\nx"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        for _ in range(100):
            connection.sendall(request)
            assert connection.recv(65536).endswith(b'["x", "application/json", "application/json"]')
