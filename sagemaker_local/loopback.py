"""A small HTTP server on the loopback interface, for endpoints and for AWS SDKs."""

import sys
import threading
import urllib.parse
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sagemaker_local.guard import Rejection, rejection

_HOST = "127.0.0.1"
_POLL_SECONDS = 0.1
_LINE = 65536
"""Bytes of a line; http.server accepts a hundred header lines of this length."""
BODY_BYTES = 32 << 20
"""Limit of a request's body: InvokeEndpoint's 6 MB, and more so that a client can read why a larger one is rejected."""
UNAUTHENTICATED_SECONDS = 10.0
"""Idle timeout of a connection before its first authorized request."""
IDLE_SECONDS = 75.0
"""Idle timeout of any other connection, the same as the emulator's."""
CONNECTIONS = 512
"""Maximum number of open connections, each with a thread: twice the maximum of one of our boto3 clients."""


class RequestHandler(BaseHTTPRequestHandler):
    """One connection. A subclass implements ``answer``; each request must carry ``key``."""

    key: str
    server: "_Server"
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet
    disable_nagle_algorithm = True
    timeout = UNAUTHENTICATED_SECONDS

    def answer(self, body: bytes) -> None:
        """Answers a request by calling ``reply``."""
        raise NotImplementedError

    def reject(self, rejected: Rejection) -> None:
        """Answers a request that the guard has rejected by calling ``reply``."""
        self.reply(rejected.status, f"{rejected.message}\n".encode(), {})

    def do_GET(self) -> None:
        """See ``answer``."""
        if self._authorized():
            self.answer(b"")

    def do_POST(self) -> None:
        """See ``answer``."""
        if not self._authorized():
            return
        try:
            body = self._body()
        except ValueError as error:
            self.close_connection = True  # the end of the body, and so the start of the next request, is unknown
            self.reply(HTTPStatus.BAD_REQUEST, f"the body cannot be read: {error}\n".encode(), {})
            return
        self.answer(body)

    def reply(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """Sends a response, by default as text."""
        self.send_response(status)
        for name, value in ({"Content-Type": "text/plain"} | dict(headers)).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _authorized(self) -> bool:
        query = urllib.parse.urlsplit(self.path).query
        rejected = rejection(self.headers.items(), query, port=self.server.server_port, key=self.key)
        if rejected is None:
            self.connection.settimeout(IDLE_SECONDS)
            return True
        self.close_connection = True
        self._drop_body()
        self.reject(rejected)
        return False

    def _drop_body(self) -> None:
        """Reads and drops the body, so that a client that is still sending can read the rejection."""
        length = self.headers.get("Content-Length", "0")
        left = min(int(length), BODY_BYTES) if length.isdecimal() else 0
        while left > 0 and (chunk := self.rfile.read1(min(left, _LINE))):
            left -= len(chunk)

    def _body(self) -> bytes:
        """Reads the request's body, by its length or in chunks. Raises ValueError if it is malformed."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(_size(self.headers.get("Content-Length", "0"), 10))
        chunks = []
        left = BODY_BYTES
        while size := _size(self.rfile.readline(_LINE).decode("latin-1").partition(";")[0], 16, limit=left):
            chunks.append(self.rfile.read(size))
            left -= size
            self.rfile.readline(_LINE)
        while self.rfile.readline(_LINE).strip():  # trailing headers, up to an empty line
            pass
        return b"".join(chunks)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Logs nothing, because stderr is the user's."""


class Server:
    """Listens on 127.0.0.1 until ``close``, with a thread for each connection.

    Args:
        requests: the handler class.
        port: the port to listen on; 0: any free one.
        key: the key that each request must carry; see ``sagemaker_local.guard``.

    Raises:
        OSError: the port is taken.
    """

    def __init__(self, requests: type[RequestHandler], port: int = 0, *, key: str) -> None:
        self._server = _Server((_HOST, port), type(requests.__name__, (requests,), {"key": key}))
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

    def __init__(self, address: tuple[str, int], requests: type[RequestHandler]) -> None:
        self._slots = threading.Semaphore(CONNECTIONS)
        super().__init__(address, requests)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serves the connection in a new thread, or closes it if there are too many."""
        if self._slots.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serves the connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignores clients that disconnect before the response."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _size(text: str, base: int, *, limit: int = BODY_BYTES) -> int:
    """Parses a number of bytes. Raises ValueError if it is invalid or exceeds the limit."""
    size = int(text, base)
    if size < 0:  # reading a negative number of bytes would read until the connection closes
        raise ValueError(f"{text!r} is not a number of bytes")
    if size > limit:
        raise ValueError(f"it has more than {BODY_BYTES:,} bytes")
    return size
