"""Runs an image's own server, which listens on port 8080, and forwards the requests on our socket to it.

In an isolated job, the port belongs to a network namespace of the job's own, which only the inherited socket reaches:
so several such servers can run on one machine, and nothing else on the machine reaches them.
"""

from __future__ import annotations

import hmac
import http.client
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_ADDRESS = ("127.0.0.1", 8080)
_PAUSE = 0.05
_UNAUTHENTICATED_SECONDS = 10.0
"""Idle timeout of a connection before its first authorized request; later there is none."""
_HOP_BY_HOP = ("authorization", "connection", "content-length", "date", "keep-alive", "server", "transfer-encoding")
"""Headers that belong to one connection, or that we write ourselves."""


def run(descriptor: int, command: Sequence[str], *, token: str) -> None:
    """Runs the server until it exits, and exits with its exit code.

    Args:
        descriptor: the descriptor of an inherited listening socket.
        command: the server's program and arguments.
        token: the token that each request must carry.

    Raises:
        SystemExit: always, with the server's exit code, or with a message if its port is taken.
    """
    with socket.socket() as probe:
        if probe.connect_ex(_ADDRESS) == 0:
            raise SystemExit(
                "port 8080 is in use. On a machine without network namespaces, one image's own server can run at a time"
            )
    try:
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise SystemExit(f"the image's serve program cannot start: {error}") from None

    class Handler(_Handler):
        authorization = f"Bearer {token}"

    listener = socket.socket(fileno=descriptor)
    front = ThreadingHTTPServer(listener.getsockname()[:2], Handler, bind_and_activate=False)
    front.socket.close()
    front.socket = listener
    threading.Thread(target=front.serve_forever, daemon=True).start()
    code = server.wait()
    sys.stderr.write(f"The image's serve program {' '.join(command)} has exited with code {code}\n")
    sys.stderr.flush()
    raise SystemExit(code or 1)


class _Handler(BaseHTTPRequestHandler):
    authorization: str
    protocol_version = "HTTP/1.1"
    timeout = _UNAUTHENTICATED_SECONDS
    wbufsize = -1  # headers and body in one packet
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._forward()

    def do_POST(self) -> None:
        self._forward()

    def _forward(self) -> None:
        given = self.headers.get("Authorization", "").encode("latin-1", "replace")
        if not hmac.compare_digest(given, self.authorization.encode()):
            self.close_connection = True
            self._send(403, [], b"")
            return
        self.connection.settimeout(None)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        while True:
            try:
                status, headers, answer = self._ask(body)
            except (OSError, http.client.HTTPException):
                status = 0
            healthy = status == http.client.OK
            if healthy or (status and self.path != "/ping"):
                self._send(status, headers, answer)
                return
            # A server that is starting: SageMaker pings until it answers 200.
            if self.path != "/ping" or self._gone():
                self.close_connection = True
                return
            time.sleep(_PAUSE)

    def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(*_ADDRESS)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
            connection.request(self.command, self.path, body=body or None, headers=headers)
            response = connection.getresponse()
            return response.status, response.getheaders(), response.read()
        finally:
            connection.close()

    def _gone(self) -> bool:
        """Whether the client has closed the connection."""
        return bool(select.select([self.connection], [], [], 0)[0])

    def _send(self, status: int, headers: Sequence[tuple[str, str]], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Logs nothing: the image's server has a log of its own."""
