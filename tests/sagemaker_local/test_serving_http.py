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
    """The port of a server with a module of the user's."""

    def echo(body: bytes, content_type: str, accept: str) -> tuple[bytes, str, int]:
        if body == b"fail":
            raise ZeroDivisionError("by zero")
        return json.dumps([body.decode(), content_type, accept]).encode(), "application/json", 200

    listener = socket.create_server(("127.0.0.1", 0))
    # A daemon, as the server goes on for ever; the process of a job just ends.
    threading.Thread(target=serve_on, args=(listener, echo), kwargs={"token": "token"}, daemon=True).start()
    return int(listener.getsockname()[1])


@pytest.fixture
def ask(port: int) -> Iterator[Callable[..., tuple[int, str, bytes]]]:
    """Sends requests to the server over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

    def send(method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, str, bytes]:
        named = {"Authorization": "Bearer token"} | {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body=body, headers=named)
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read()

    yield send
    connection.close()


def test_http(ask: Callable[..., tuple[int, str, bytes]], capfd: pytest.CaptureFixture[str]) -> None:
    """GET /ping is 200 and empty, POST /invocations answers, what raises is 500 with its traceback in the log."""
    assert ask("GET", "/ping")[0::2] == (200, b"")
    assert ask("POST", "/invocations", b"x", Content_Type="text/csv", Accept="text/csv") == (
        200,
        "application/json",
        b'["x", "text/csv", "text/csv"]',
    )
    assert ask("POST", "/invocations", b"x")[2] == b'["x", "application/json", "application/json"]'
    assert ask("POST", "/invocations", b"x", Accept="*/*")[2] == b'["x", "application/json", "application/json"]'
    assert ask("POST", "/invocations", b"fail")[0::2] == (500, b"ZeroDivisionError('by zero')")
    assert "ZeroDivisionError: by zero" in capfd.readouterr().err
    assert (ask("GET", "/none")[0], ask("POST", "/none", b"")[0]) == (404, 404)


def test_no_delay(port: int) -> None:
    """A small answer comes in one packet: of two, the kernel may hold back the second until the first is confirmed."""
    request = b"POST /invocations HTTP/1.1\r\nHost: model\r\nAuthorization: Bearer token\r\nContent-Length: 1\r\n\r\nx"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        for _ in range(100):
            connection.sendall(request)
            assert connection.recv(65536).endswith(b'["x", "application/json", "application/json"]')
