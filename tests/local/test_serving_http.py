"""The model server over HTTP."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from local.serving.server import serve_on


@pytest.fixture
def ask() -> Iterator[Callable[..., tuple[int, str, bytes]]]:
    """Sends requests to a server with a module of the user's, over one connection."""

    def echo(body: bytes, content_type: str, accept: str) -> tuple[bytes, str, int]:
        if body == b"fail":
            raise ZeroDivisionError("by zero")
        return json.dumps([body.decode(), content_type, accept]).encode(), "application/json", 200

    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    # A daemon, as the server goes on for ever; the process of a job just ends.
    threading.Thread(target=serve_on, args=(listener, echo), daemon=True).start()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

    def send(method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, str, bytes]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
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


def test_no_delay(ask: Callable[..., tuple[int, str, bytes]]) -> None:
    """Small answers are not held back: a hundred take no time."""
    began = time.monotonic()
    for _ in range(100):
        ask("POST", "/invocations", b"x")
    assert time.monotonic() - began < 1
