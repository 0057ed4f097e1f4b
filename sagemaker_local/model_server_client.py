"""Starts a model server in a container, sends it requests over HTTP, and stops it."""

import http.client
import queue
import secrets
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from sagemaker_local.container import Container, Exit
from sagemaker_local.errors import FailureReasonError
from sagemaker_local.images import OWN, Image
from sagemaker_local.mounts import ISOLATED, PROGRAM

_HOST = "127.0.0.1"
_BACKLOG = 64
_STARTUP_SECONDS = 600
_TOKEN = "MLOPS_MODEL_SERVER_TOKEN"  # noqa: S105 - the name of one
"""The variable with the token that the server requires, because any user can reach its port."""
_PROGRAM = Path(__file__).parent / "serving" / "__main__.py"


class ServerHost(Protocol):
    """The owner of a model server's container: a transform job, or an endpoint's variant."""

    offline: bool
    """Whether the server gets no network; requests reach it through the socket that it inherits."""

    @property
    def image(self) -> Image:
        """The image that the server runs in."""

    @property
    def container(self) -> Container:
        """The server's container, with the model downloaded."""

    def start(
        self, command: Sequence[str], environment: dict[str, str], *, descriptors: Sequence[int], offline: bool
    ) -> None:
        """Starts the server's process."""

    def finish(self) -> Exit:
        """Waits for the server's process to exit."""


@dataclass(frozen=True, kw_only=True)
class ModelResponse:
    """A model server's response, of any status."""

    status: int
    content_type: str
    body: bytes


class NoResponseError(Exception):
    """The model server closed the connection or timed out."""

    def __init__(self, *, timed_out: bool) -> None:
        super().__init__("the model server took too long" if timed_out else "the model server closed the connection")
        self.timed_out = timed_out


class BadResponseError(Exception):
    """The model server did not respond, or responded without a prediction."""

    def __init__(self, line: str, *, blame: str, text: str = "") -> None:
        super().__init__(line)
        self.blame = blame
        """``AlgorithmError`` or ``ClientError``: the start of FailureReason."""
        self.text = text
        """The response's body."""


class ModelServer:
    """A running model server. Safe to use from several threads.

    Args:
        port: its port on 127.0.0.1.
        token: the token that it requires.
        headers: sent with each invocation.
        timeout: the timeout of an invocation, in seconds.
        retries: how often to retry an invocation that returned no prediction.
    """

    def __init__(self, port: int, *, token: str, headers: dict[str, str], timeout: float, retries: int) -> None:
        self._port = port
        self._authorization = {"Authorization": f"Bearer {token}"}
        self._headers = headers
        self._timeout = timeout
        self._retries = retries
        self._idle: queue.LifoQueue[http.client.HTTPConnection] = queue.LifoQueue()

    @classmethod
    @contextmanager
    def started(
        cls,
        host: ServerHost,
        environment: dict[str, str],
        *,
        headers: dict[str, str],
        timeout: float,
        retries: int,
        startup_timeout: float = _STARTUP_SECONDS,
    ) -> Iterator[Self]:
        """Starts a server, waits until it responds to a ping, and stops it at the end of the block.

        Args:
            host: starts the server's process.
            environment: the server's variables.
            headers: see the class.
            timeout: see the class.
            retries: see the class.
            startup_timeout: seconds to wait for the first response.

        Raises:
            FailureReasonError: it exited or did not respond in time; its log has the reason.
        """
        _require_server(host, environment)
        token = secrets.token_urlsafe()
        with socket.create_server((_HOST, 0), backlog=_BACKLOG) as listener:
            port = listener.getsockname()[1]
            given = environment | {_TOKEN: token}
            offline = host.offline
            if host.image.serve and host.container.view == ISOLATED:
                offline = True
                host.container.log_line(
                    f"The server of {host.image.name} has port 8080 of a network of its own, and no other network"
                )
            command = _command(host.image, listener.fileno())
            host.start(command, given, descriptors=[listener.fileno()], offline=offline)
        server = cls(port, token=token, headers=headers, timeout=timeout, retries=retries)
        try:
            server._ping(startup_timeout)
        except (OSError, http.client.HTTPException) as error:
            # It alone held the socket, so the connection closed because it exited.
            host.container.stop()
            code = host.finish().code
            raise FailureReasonError(f"AlgorithmError: See job logs for more information, exit code: {code}") from error
        try:
            yield server
        finally:
            server._close()
            host.container.stop()
            host.finish()

    def invoke(self, body: bytes) -> bytes:
        """Returns the prediction for a payload. Raises BadResponseError."""
        for left in range(self._retries, -1, -1):
            try:
                return self._predict(body)
            except BadResponseError:
                if not left:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def send(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> ModelResponse:
        """Sends a request and returns the response. Raises NoResponseError."""
        connection = self._connection()
        try:
            connection.request(method, path, body=body, headers=dict(headers or {}) | self._authorization)
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise NoResponseError(timed_out=isinstance(error, TimeoutError)) from error
        self._idle.put(connection)
        return ModelResponse(
            status=response.status, content_type=response.headers.get("Content-Type", ""), body=content
        )

    def answers_ping(self, timeout: float) -> bool:
        """Whether the server responds to ``/ping`` within ``timeout`` seconds."""
        try:
            self._ping(timeout)
        except (OSError, http.client.HTTPException):
            return False
        return True

    def _ping(self, timeout: float) -> None:
        connection = http.client.HTTPConnection(_HOST, self._port, timeout=timeout)
        with closing(connection):
            connection.request("GET", "/ping", headers=self._authorization)
            connection.getresponse().read()

    def _predict(self, body: bytes) -> bytes:
        try:
            answer = self.send("POST", "/invocations", body, self._headers)
        except NoResponseError as error:
            raise BadResponseError("Unable to get response from algorithm", blame="AlgorithmError") from error
        if answer.status != http.client.OK:
            raise BadResponseError(
                f"Bad HTTP status received from algorithm: {answer.status}",
                blame="AlgorithmError" if answer.status >= http.client.INTERNAL_SERVER_ERROR else "ClientError",
                text=answer.body.decode("utf-8", "replace"),
            )
        return answer.body

    def _connection(self) -> http.client.HTTPConnection:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            return http.client.HTTPConnection(_HOST, self._port, timeout=self._timeout)

    def _close(self) -> None:
        while not self._idle.empty():
            self._idle.get_nowait().close()


def _require_server(host: ServerHost, environment: Mapping[str, str]) -> None:
    """Raises FailureReasonError if neither a user's image has a server nor its model a module for ours."""
    image = host.image
    if image.source != OWN or image.serve or "SAGEMAKER_PROGRAM" in environment:
        return
    if any(host.container.path(f"{folder}/inference.py").exists() for folder in ("/opt/ml/code", "/opt/ml/model/code")):
        return
    message = (
        f"{image.name} has no server on this machine. Name its own in images.yaml: {{{image.name}: {{packages: [...], "
        f"folder: my-image, serve: [python, {PROGRAM}/serve]}}}}; or put code/inference.py into the model archive"
    )
    host.container.log_line(message)
    raise FailureReasonError(f"ClientError: {message}")


def _command(image: Image, descriptor: int) -> list[str]:
    """Returns the command that serves an image's model on an inherited socket."""
    if image.serve:
        return ["python3", str(_PROGRAM), str(descriptor), *image.serve]
    if image.algorithm:
        program, name = image.algorithm
        return ["python3", program, name, "serve", str(descriptor)]
    return ["python3", str(_PROGRAM), str(descriptor)]
