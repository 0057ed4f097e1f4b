"""A small HTTP server on the loopback: what an endpoint's front and the door for AWS SDKs have in common."""

import sys
import threading
import urllib.parse
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sagemaker_local.guard import Refusal, refusal

_HOST = "127.0.0.1"
_POLL_SECONDS = 0.1
_LINE = 65536
"""Bytes of a line; http.server takes a hundred header lines of as many."""
BODY_BYTES = 32 << 20
"""Of a request: InvokeEndpoint's 6 MB, with room for those who try more and want to read why it was refused."""
STRANGER_SECONDS = 10.0
"""How long a connection may be silent that has not shown the key yet."""
IDLE_SECONDS = 75.0
"""How long any other may be: as long as the emulator keeps its own."""
CONNECTIONS = 512
"""Open at once, each of which has a thread: twice what one boto3 client of ours opens at most."""


class RequestHandler(BaseHTTPRequestHandler):
    """One connection. A subclass has ``answer``; ``key`` is what each request must carry."""

    key: str
    server: "_Server"
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet
    disable_nagle_algorithm = True
    timeout = STRANGER_SECONDS

    def answer(self, body: bytes) -> None:
        """Answers one request, with ``reply``."""
        raise NotImplementedError

    def refuse(self, refusal: Refusal) -> None:
        """Answers a request that the guard has refused, with ``reply``."""
        self.reply(refusal.status, f"{refusal.message}\n".encode(), {})

    def do_GET(self) -> None:
        """See ``answer``."""
        if self._admitted():
            self.answer(b"")

    def do_POST(self) -> None:
        """See ``answer``."""
        if not self._admitted():
            return
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

    def _admitted(self) -> bool:
        query = urllib.parse.urlsplit(self.path).query
        refused = refusal(self.headers.items(), query, port=self.server.server_port, key=self.key)
        if refused is None:
            self.connection.settimeout(IDLE_SECONDS)
            return True
        self.close_connection = True
        self._drop_body()
        self.refuse(refused)
        return False

    def _drop_body(self) -> None:
        """Reads what a client is sending, which would otherwise not read why it was refused."""
        length = self.headers.get("Content-Length", "0")
        left = min(int(length), BODY_BYTES) if length.isdecimal() else 0
        while left > 0 and (chunk := self.rfile.read1(min(left, _LINE))):
            left -= len(chunk)

    def _body(self) -> bytes:
        """The request's body, by its length or in chunks. Raises ValueError where it is malformed."""
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
        """Nothing: standard error is the user's."""


class Server:
    """Listens on a port of this machine only, from its making to ``close``; each connection has a thread.

    Args:
        requests: what answers.
        port: where; 0: any that is free.
        key: what each request must carry; see ``sagemaker_local.guard``.

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
        self._room = threading.Semaphore(CONNECTIONS)
        super().__init__(address, requests)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Has a thread of its own serve the connection, if there is room."""
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serves the connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone before its answer is no error of ours."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _size(text: str, base: int, *, limit: int = BODY_BYTES) -> int:
    """A number of bytes. Raises ValueError."""
    size = int(text, base)
    if size < 0:  # to read so many would be to read on for ever
        raise ValueError(f"{text!r} is no number of bytes")
    if size > limit:
        raise ValueError(f"it has more than {BODY_BYTES:,} bytes")
    return size
