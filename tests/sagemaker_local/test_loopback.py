"""The HTTP server on the loopback interface: authentication and limits."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from urllib.parse import urlsplit

import pytest

from sagemaker_local import loopback
from sagemaker_local.loopback import RequestHandler, Server

AUTHORIZED = "Authorization: Bearer key"


class Echo(RequestHandler):
    """Replies with the request's body."""

    def answer(self, body: bytes) -> None:
        """See ``RequestHandler``."""
        self.reply(200, body, {})


@pytest.fixture
def port() -> Iterator[int]:
    """The port of a server that requires the key ``key``."""
    with closing(Server(Echo, key="key")) as server:
        yield urlsplit(server.url).port or 0


def send(port: int, *lines: str, body: bytes = b"") -> bytes:
    """Sends a request. Returns everything that the server sends until it closes the connection."""
    head = [lines[0], f"Host: 127.0.0.1:{port}", *lines[1:], "Connection: close", "", ""]
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall("\r\n".join(head).encode() + body)
        return connection.makefile("rb").read()


def test_key(port: int) -> None:
    """Requests without the key are rejected, and a client that is still sending can read the response."""
    assert send(port, "POST / HTTP/1.1", AUTHORIZED, "Content-Length: 2", body=b"hi").endswith(b"\r\n\r\nhi")
    refused = send(port, "POST / HTTP/1.1", "Content-Length: 5000000", body=b"x" * 5_000_000)
    assert refused.startswith(b"HTTP/1.1 403 ")
    assert b"access-control" not in refused.lower()
    assert send(port, "GET / HTTP/1.1", "Authorization: Bearer schlüssel").startswith(b"HTTP/1.1 403 ")


def test_other_methods(port: int) -> None:
    """The response to a preflight request does not allow a page to continue."""
    answer = send(port, "OPTIONS / HTTP/1.1", "Origin: http://evil.example", "Access-Control-Request-Method: POST")
    assert answer.startswith(b"HTTP/1.1 501 ")
    assert b"access-control" not in answer.lower()


@pytest.mark.parametrize(
    ("header", "body"),
    [
        (f"Content-Length: {loopback.BODY_BYTES + 1}", b""),
        ("Transfer-Encoding: chunked", b"7fffffff\r\n"),
        ("Transfer-Encoding: chunked", b"1\r\nx\r\n%x\r\n" % loopback.BODY_BYTES),
    ],
)
def test_body_is_bounded(port: int, header: str, body: bytes) -> None:
    """A body that exceeds the limit is rejected before it is read."""
    answer = send(port, "POST / HTTP/1.1", AUTHORIZED, header, body=body)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"the body cannot be read: it has more than 33,554,432 bytes" in answer


def test_headers_are_bounded(port: int) -> None:
    """Too many header fields are rejected."""
    assert send(port, "GET / HTTP/1.1", *[f"X-{n}: x" for n in range(200)]).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    "begun", [b"", b"POST / HTTP/1.1\r\nHost: 127", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nx"]
)
def test_idle_timeout_without_key(port: int, monkeypatch: pytest.MonkeyPatch, begun: bytes) -> None:
    """A silent connection that has not sent the key is closed."""
    monkeypatch.setattr(Echo, "timeout", 0.2)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(begun)
        assert connection.makefile("rb").read() == b""


def test_connections_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections beyond the limit are closed without a response, until others close."""
    monkeypatch.setattr(loopback, "CONNECTIONS", 3)
    with closing(Server(Echo, key="key")) as server:
        port = urlsplit(server.url).port or 0
        with ExitStack() as held:
            for _ in range(3):
                held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            with pytest.raises((ConnectionError, AssertionError)):  # which one is a race
                assert send(port, "GET / HTTP/1.1", AUTHORIZED)
        until = time.monotonic() + 10
        while not responds(port):
            assert time.monotonic() < until


def responds(port: int) -> bool:
    """Whether the server responds."""
    try:
        return send(port, "GET / HTTP/1.1", AUTHORIZED).startswith(b"HTTP/1.1 200 ")
    except ConnectionError:
        return False
