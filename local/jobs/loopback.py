"""A small HTTP server on the loopback: what an endpoint's front and the door for AWS SDKs have in common."""

import sys
import threading
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_HOST = "127.0.0.1"
_POLL_SECONDS = 0.1
_LINE = 65536


class Requests(BaseHTTPRequestHandler):
    """One connection. A subclass has ``answer``."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet
    disable_nagle_algorithm = True

    def answer(self, body: bytes) -> None:
        """Answers one request, with ``reply``."""
        raise NotImplementedError

    def do_GET(self) -> None:
        """See ``answer``."""
        self.answer(b"")

    def do_POST(self) -> None:
        """See ``answer``."""
        try:
            body = self._body()
        except ValueError as error:
            self.close_connection = True  # where the body ends is not known, so nor where the next request begins
            self.reply(HTTPStatus.BAD_REQUEST, f"the body cannot be read: {error}\n".encode(), {})
            return
        self.answer(body)

    def reply(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """Sends an answer; as text unless the headers say otherwise."""
        self.send_response(status)
        for name, value in ({"Content-Type": "text/plain"} | dict(headers)).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _body(self) -> bytes:
        """The request's body, by its length or in chunks. Raises ValueError where it is malformed."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(_size(self.headers.get("Content-Length", "0"), 10))
        chunks = []
        while size := _size(self.rfile.readline(_LINE).decode("latin-1").partition(";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline(_LINE)
        while self.rfile.readline(_LINE).strip():  # trailing headers, up to an empty line
            pass
        return b"".join(chunks)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Nothing: standard error is the user's."""


class Server:
    """Listens on a port of this machine only, from its making to ``close``; each connection has a thread.

    Args:
        requests: what answers.
        port: where; 0: any that is free.

    Raises:
        OSError: the port is taken.
    """

    def __init__(self, requests: type[Requests], port: int = 0) -> None:
        self._server = _Server((_HOST, port), requests)
        self.url = f"http://{_HOST}:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=[_POLL_SECONDS], daemon=True).start()

    def close(self) -> None:
        """Stops listening."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone before its answer is no error of ours."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _size(text: str, base: int) -> int:
    """A number of bytes. Raises ValueError."""
    size = int(text, base)
    if size < 0:  # to read so many would be to read on for ever
        raise ValueError(f"{text!r} is no number of bytes")
    return size
