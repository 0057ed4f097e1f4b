"""An endpoint's front: its port, the same whichever fleet serves behind it, and the switch between fleets."""

import threading
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from local.jobs.errors import Refused
from local.jobs.hosts import Fleet
from local.jobs.server import Answer, NoAnswerError

VARIANT_HEADER = "x-Amzn-Invoked-Production-Variant"
TARGET_HEADER = "X-Amzn-SageMaker-Target-Variant"
_HOST = "127.0.0.1"
_PASSED_ON = ("Content-Type", "Accept", "X-Amzn-SageMaker-Custom-Attributes")
_POLL_SECONDS = 0.1


class OutOfServiceError(Exception):
    """No fleet serves yet, or any more."""


class Traffic:
    """Who serves now. A request stays with the fleet that it began with. Safe to use from several threads."""

    def __init__(self) -> None:
        self._fleet: Fleet | None = None
        self._under_way: dict[Fleet, int] = {}
        self._changed = threading.Condition()

    @property
    def fleet(self) -> Fleet | None:
        """The fleet that serves."""
        return self._fleet

    def ask(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], variant: str | None = None
    ) -> tuple[Answer, str]:
        """Has the fleet answer a request.

        Args:
            method: of HTTP.
            path: ``/ping`` or ``/invocations``.
            body: of the request.
            headers: the request's.
            variant: the one that shall answer; None: whose turn it is.

        Returns:
            The answer, and the variant that gave it.

        Raises:
            OutOfServiceError: no fleet serves.
            NoAnswerError: the model server gave none.
            Refused: there is no such variant.
        """
        with self._changed:
            fleet = self._fleet
            if fleet is None:
                raise OutOfServiceError
            self._under_way[fleet] = self._under_way.get(fleet, 0) + 1
        try:
            host = fleet.pick(variant)
            return host.ask(method, path, body, headers), host.name
        finally:
            with self._changed:
                self._under_way[fleet] -= 1
                self._changed.notify_all()

    def switch(self, fleet: Fleet | None) -> Fleet | None:
        """Sends all further requests to another fleet. Returns the one that served before."""
        with self._changed:
            before, self._fleet = self._fleet, fleet
            return before

    def drain(self, fleet: Fleet, patience: float) -> None:
        """Waits until the requests that a fleet began with are answered, at most so many seconds."""
        with self._changed:
            self._changed.wait_for(lambda: not self._under_way.get(fleet), patience)
            if not self._under_way.get(fleet):
                self._under_way.pop(fleet, None)


class Front:
    """A port of the loopback that answers ``/ping`` and ``/invocations``, from its making to ``close``.

    Args:
        traffic: who answers.
    """

    def __init__(self, traffic: Traffic) -> None:
        class Requests(_Requests):
            def ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[Answer, str]:
                return traffic.ask(method, path, body, headers, self.headers.get(TARGET_HEADER))

        self._server = _Server((_HOST, 0), Requests)
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


class _Requests(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet
    disable_nagle_algorithm = True

    def ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[Answer, str]:
        raise NotImplementedError

    def do_GET(self) -> None:
        self._pass_on(b"")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            self.close_connection = True
            self._say(HTTPStatus.LENGTH_REQUIRED, "send the body with a Content-Length")
            return
        self._pass_on(self.rfile.read(int(length)))

    def _pass_on(self, body: bytes) -> None:
        headers = {name: self.headers[name] for name in _PASSED_ON if name in self.headers}
        try:
            answer, variant = self.ask(self.command, self.path, body, headers)
        except OutOfServiceError:
            self._say(HTTPStatus.SERVICE_UNAVAILABLE, "the endpoint is not in service")
        except Refused as error:
            self._say(HTTPStatus.BAD_REQUEST, error.message)
        except NoAnswerError as error:
            status = HTTPStatus.GATEWAY_TIMEOUT if error.timed_out else HTTPStatus.BAD_GATEWAY
            self._say(status, f"{error}; the endpoint's log may say why")
        else:
            self._send(answer.status, answer.content_type, answer.body, variant)

    def _say(self, status: HTTPStatus, text: str) -> None:
        self._send(status, "text/plain", f"{text}\n".encode(), None)

    def _send(self, status: int, content_type: str, body: bytes, variant: str | None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        if variant is not None:
            self.send_header(VARIANT_HEADER, variant)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Nothing: the model server's log is the endpoint's."""
