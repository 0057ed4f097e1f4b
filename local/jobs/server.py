"""The model server of a job, from our side: started in the job's container, asked over HTTP, stopped."""

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Self

from local.jobs.errors import Failure
from local.jobs.job import Job

_HOST = "127.0.0.1"
_BACKLOG = 64
_STARTUP_SECONDS = 600
_PROGRAM = Path(__file__).parents[1] / "serving" / "__main__.py"


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
        headers: sent with each invocation.
        timeout: seconds that it may take over one.
        retries: how often to ask again where it gave no prediction.
    """

    def __init__(self, port: int, *, headers: dict[str, str], timeout: float, retries: int) -> None:
        self._port = port
        self._headers = headers
        self._timeout = timeout
        self._retries = retries
        self._of_thread = threading.local()
        self._connections: list[http.client.HTTPConnection] = []

    @classmethod
    @contextmanager
    def started(
        cls, job: Job, environment: dict[str, str], *, headers: dict[str, str], timeout: float, retries: int
    ) -> Iterator[Self]:
        """Starts the server as the process of a job, waits until it answers, and ends it afterwards.

        Raises:
            Failure: it ended, or did not answer in ten minutes; its log says why.
        """
        with socket.create_server((_HOST, 0), backlog=_BACKLOG) as listener:
            port = listener.getsockname()[1]
            # -P: the folder of our program must not come before the user's own modules.
            command = ["python3", "-P", str(_PROGRAM), str(listener.fileno())]
            job.start(command, environment, descriptors=[listener.fileno()])
        server = cls(port, headers=headers, timeout=timeout, retries=retries)
        try:
            server._ping()
        except (OSError, http.client.HTTPException) as error:
            # It was alone in holding the socket, so its end is what closed the connection.
            job.container.stop()
            code = job.finish().code
            raise Failure(f"AlgorithmError: See job logs for more information, exit code: {code}") from error
        try:
            yield server
        finally:
            for connection in server._connections:
                connection.close()
            job.container.stop()
            job.finish()

    def invoke(self, body: bytes) -> bytes:
        """The answer to one payload. Raises BadAnswerError."""
        for left in range(self._retries, -1, -1):
            try:
                return self._ask("POST", "/invocations", body)
            except BadAnswerError:
                if not left:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def _ping(self) -> None:
        connection = http.client.HTTPConnection(_HOST, self._port, timeout=_STARTUP_SECONDS)
        with closing(connection):
            connection.request("GET", "/ping")
            connection.getresponse().read()

    def _ask(self, method: str, path: str, body: bytes) -> bytes:
        connection = self._connection()
        try:
            connection.request(method, path, body=body, headers=self._headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise BadAnswerError("Unable to get response from algorithm", blame="AlgorithmError") from error
        if answer.status != http.client.OK:
            raise BadAnswerError(
                f"Bad HTTP status received from algorithm: {answer.status}",
                blame="AlgorithmError" if answer.status >= http.client.INTERNAL_SERVER_ERROR else "ClientError",
                text=content.decode("utf-8", "replace"),
            )
        return content

    def _connection(self) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection | None = getattr(self._of_thread, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection(_HOST, self._port, timeout=self._timeout)
            self._of_thread.connection = connection
            self._connections.append(connection)
        return connection
