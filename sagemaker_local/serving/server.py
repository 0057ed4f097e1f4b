"""The model server's HTTP server."""

from __future__ import annotations

import gc
import hmac
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from . import formats, handler, toolkits

_UNAUTHENTICATED_SECONDS = 10.0
"""Idle timeout of a connection before its first authorized request; later there is none."""

if TYPE_CHECKING:  # Python 3.8 cannot evaluate it
    Answerer = Callable[[bytes, str, str], tuple[bytes, str, int]]


def serve(descriptor: int, environment: Mapping[str, str], *, token: str, algorithm: Any = None) -> None:
    """Loads this container's model and serves requests on an inherited listening socket until the process is killed.

    Args:
        descriptor: the socket's descriptor.
        environment: see ``handler.load``; may have ``SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT``.
        token: see ``serve_on``.
        algorithm: a built-in algorithm's ``predict`` module, which serves where no ``SAGEMAKER_PROGRAM`` is set.

    Raises:
        Exception: the model failed to load.
    """
    # What loading creates stays, so the garbage collector need not look at it, which would take a tenth of the time.
    gc.disable()
    toolkits.install()
    default_type = default_accept = formats.JSON
    if algorithm is None:
        answer: Answerer = handler.load(environment)
    elif environment.get("SAGEMAKER_PROGRAM"):
        answer = handler.load(environment, algorithm.DEFAULTS)
    else:
        answer = algorithm.load(environment)
        default_type, default_accept = algorithm.DEFAULT_CONTENT_TYPE, algorithm.DEFAULT_ACCEPT
    default_accept = environment.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", default_accept)
    gc.freeze()
    gc.enable()
    listener = socket.socket(fileno=descriptor)
    serve_on(listener, answer, token=token, default_accept=default_accept, default_type=default_type)


def serve_on(
    listener: socket.socket,
    answer: Answerer,
    *,
    token: str,
    default_accept: str = formats.JSON,
    default_type: str = formats.JSON,
) -> None:
    """Serves requests on a listening socket forever.

    Args:
        listener: bound and listening.
        answer: takes body, content type and accepted types; returns body, content type and status. Called by one
            thread at a time, because a user's module need not be thread-safe: the container's workers are processes.
        token: the token that each request must carry, because any user and any web page can reach the port.
        default_accept: the accepted type of a request without ``Accept``.
        default_type: the content type of a request without ``Content-Type``.
    """
    lock = threading.Lock()

    class RequestHandler(_RequestHandler):
        authorization = f"Bearer {token}"

        def answer(self, body: bytes) -> tuple[bytes, str, int]:
            content_type = self.headers.get("Content-Type") or default_type
            accept = self.headers.get("Accept") or formats.ANY
            with lock:
                return answer(body, content_type, default_accept if accept == formats.ANY else accept)

    server = ThreadingHTTPServer(listener.getsockname()[:2], RequestHandler, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    server.serve_forever()


class _RequestHandler(BaseHTTPRequestHandler):
    authorization: str
    protocol_version = "HTTP/1.1"
    timeout = _UNAUTHENTICATED_SECONDS
    wbufsize = -1  # headers and body in one packet
    disable_nagle_algorithm = True

    def answer(self, body: bytes) -> tuple[bytes, str, int]:
        raise NotImplementedError

    def do_GET(self) -> None:
        if not self._authorized():
            return
        known = self.path == "/ping"
        self._send(b"", formats.JSON, HTTPStatus.OK if known else HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        if not self._authorized():
            return
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path != "/invocations":
            self._send(b"", formats.JSON, HTTPStatus.NOT_FOUND)
            return
        try:
            self._send(*self.answer(body))
        except Exception as error:  # noqa: BLE001 - an exception in a user's function is a response with status 500
            traceback.print_exc()
            # The container's web server answers its own exceptions (werkzeug's) with their status.
            status = getattr(error, "code", None)
            if not isinstance(status, int) or status not in HTTPStatus.__members__.values():
                status = HTTPStatus.INTERNAL_SERVER_ERROR
            self._send(repr(error).encode(), "text/plain", status)

    def _authorized(self) -> bool:
        given = self.headers.get("Authorization", "").encode("latin-1", "replace")
        if hmac.compare_digest(given, self.authorization.encode()):
            self.connection.settimeout(None)
            return True
        self.close_connection = True
        self._send(b"", formats.JSON, HTTPStatus.FORBIDDEN)
        return False

    def _send(self, body: bytes, content_type: str, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Logs nothing, because a line per request would bury the user's output."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        sys.stderr.write(f"{format % args}\n")
