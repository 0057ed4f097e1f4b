"""A small HTTP server on the loopback: what an endpoint's front and the door for AWS SDKs have in common."""

import threading
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_HOST = "127.0.0.1"
_POLL_SECONDS = 0.1


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
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            self.close_connection = True  # where the body ends is not known, so nor where the next request begins
            self.reply(HTTPStatus.LENGTH_REQUIRED, b"send the body with a Content-Length\n", {})
            return
        self.answer(self.rfile.read(int(length)))

    def reply(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """Sends an answer; as text unless the headers say otherwise."""
        self.send_response(status)
        for name, value in ({"Content-Type": "text/plain"} | dict(headers)).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

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
