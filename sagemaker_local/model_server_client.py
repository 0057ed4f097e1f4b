"""A model server, from our side: started in a container, asked over HTTP, stopped."""

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
from sagemaker_local.errors import Failure

_HOST = "127.0.0.1"
_BACKLOG = 64
_STARTUP_SECONDS = 600
_TOKEN = "MLOPS_MODEL_SERVER_TOKEN"  # noqa: S105 - the name of one
"""The variable by which the server learns what its requests carry, since others can reach its port, too."""
_PROGRAM = Path(__file__).parent / "serving" / "__main__.py"


class Hosting(Protocol):
    """Where a model server runs: a job, or an endpoint's host."""

    offline: bool
    """Whether the server gets no network; it is asked all the same, by the socket that it inherits."""

    @property
    def container(self) -> Container:
        """Its container, with the model laid out."""

    def start(
        self, command: Sequence[str], environment: dict[str, str], *, descriptors: Sequence[int], offline: bool
    ) -> None:
        """Starts the server's process."""

    def finish(self) -> Exit:
        """Waits for the end of the server's process."""


@dataclass(frozen=True, kw_only=True)
class ModelResponse:
    """What a model server answered, whatever its status."""

    status: int
    content_type: str
    body: bytes


class NoAnswerError(Exception):
    """The model server did not answer a request: it has ended, or it took too long."""

    def __init__(self, *, timed_out: bool) -> None:
        super().__init__("the model server took too long" if timed_out else "the model server closed the connection")
        self.timed_out = timed_out


class BadAnswerError(Exception):
    """The model server did not answer a request, or not with a prediction."""

    def __init__(self, line: str, *, blame: str, text: str = "") -> None:
        super().__init__(line)
        self.blame = blame
        """``AlgorithmError`` or ``ClientError``, as FailureReason begins."""
        self.text = text
        """The body of the answer."""


class ModelServer:
    """A model server that answers. Safe to use from several threads.

    Args:
        port: where it listens, on this machine only.
        token: what each request must carry.
        headers: sent with each invocation.
        timeout: seconds that it may take over one.
        retries: how often to ask again where it gave no prediction.
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
        hosting: Hosting,
        environment: dict[str, str],
        *,
        headers: dict[str, str],
        timeout: float,
        retries: int,
        patience: float = _STARTUP_SECONDS,
    ) -> Iterator[Self]:
        """Starts the server where it runs, waits until it answers, and ends it afterwards.

        Args:
            hosting: the container, with the model laid out.
            environment: the server's.
            headers: see the class.
            timeout: see the class.
            retries: see the class.
            patience: seconds that it may take until it answers.

        Raises:
            Failure: it ended, or did not answer in time; its log says why.
        """
        token = secrets.token_urlsafe()
        with socket.create_server((_HOST, 0), backlog=_BACKLOG) as listener:
            port = listener.getsockname()[1]
            command = ["python3", str(_PROGRAM), str(listener.fileno())]
            given = environment | {_TOKEN: token}
            hosting.start(command, given, descriptors=[listener.fileno()], offline=hosting.offline)
        server = cls(port, token=token, headers=headers, timeout=timeout, retries=retries)
        try:
            server._ping(patience)
        except (OSError, http.client.HTTPException) as error:
            # It was alone in holding the socket, so its end is what closed the connection.
            hosting.container.stop()
            code = hosting.finish().code
            raise Failure(f"AlgorithmError: See job logs for more information, exit code: {code}") from error
        try:
            yield server
        finally:
            server._close()
            hosting.container.stop()
            hosting.finish()

    def invoke(self, body: bytes) -> bytes:
        """The answer to one payload. Raises BadAnswerError."""
        for left in range(self._retries, -1, -1):
            try:
                return self._predict(body)
            except BadAnswerError:
                if not left:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def ask(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> ModelResponse:
        """Sends one request on and gives what comes back. Raises NoAnswerError."""
        connection = self._connection()
        try:
            connection.request(method, path, body=body, headers=dict(headers or {}) | self._authorization)
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise NoAnswerError(timed_out=isinstance(error, TimeoutError)) from error
        self._idle.put(connection)
        return ModelResponse(
            status=response.status, content_type=response.headers.get("Content-Type", ""), body=content
        )

    def answers_ping(self, patience: float) -> bool:
        """Whether the server answers ``/ping`` within so many seconds."""
        try:
            self._ping(patience)
        except (OSError, http.client.HTTPException):
            return False
        return True

    def _ping(self, patience: float) -> None:
        connection = http.client.HTTPConnection(_HOST, self._port, timeout=patience)
        with closing(connection):
            connection.request("GET", "/ping", headers=self._authorization)
            connection.getresponse().read()

    def _predict(self, body: bytes) -> bytes:
        try:
            answer = self.ask("POST", "/invocations", body, self._headers)
        except NoAnswerError as error:
            raise BadAnswerError("Unable to get response from algorithm", blame="AlgorithmError") from error
        if answer.status != http.client.OK:
            raise BadAnswerError(
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
