"""An endpoint's model servers: one for each production variant, in its own container."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

from sagemaker_local.container import Container, Exit, StoppedError
from sagemaker_local.data_capture import DataCapture
from sagemaker_local.differences import Difference, Runtime, of_container, of_image, runtime
from sagemaker_local.errors import FailureReasonError, aws_error
from sagemaker_local.images import Image
from sagemaker_local.job import JobContext
from sagemaker_local.job_files import remove
from sagemaker_local.model import download_model, requirements_of
from sagemaker_local.model_server_client import ModelResponse, ModelServer, NoResponseError

ACTION = "createEndpoint"
"""The action under which an endpoint's log lines are reported."""

_INVOCATION_SECONDS = 60
"""Timeout of an invocation (https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html)."""
_STARTUP_SECONDS = 600.0
_PAUSES = (0.0, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds before each attempt to restart a server that has died in service."""
_STEADY_SECONDS = 60.0
"""After this time in service, the attempts are counted from zero again."""
_PING_SECONDS, _PINGS = 10.0, 3
"""Interval and timeout of the health check, and the number of failures that cause a restart."""


class VariantServer:
    """The model server of one production variant, restarted when it dies. Safe to use from several threads.

    Args:
        variant: the production variant in the endpoint configuration.
        definition: the container definition of the variant's model.
        image_field: the field that names the model's image.
        offline: whether the model gets no network.
        context: the environment that it runs in.
        endpoint: the endpoint's name.
        folder: the container's folder; existing files are removed.
        on_failed: called from another thread when the server has died too often and is not restarted.
    """

    def __init__(
        self,
        variant: dict[str, Any],
        definition: dict[str, Any],
        *,
        image_field: str,
        offline: bool,
        context: JobContext,
        endpoint: str,
        folder: Path,
        on_failed: Callable[[Exception], None],
    ) -> None:
        self.variant = variant
        self.name: str = variant["VariantName"]
        self.weight: float = variant.get("InitialVariantWeight", 1.0)
        self.invocations = 0
        self.definition = definition
        self.offline = offline
        self._image_field = image_field
        self.runtime: Runtime | None = None
        """What it runs in, once it has started."""
        self.differences: tuple[Difference, ...] = ()
        """How that differs from AWS."""
        self._context = context
        self._endpoint = endpoint
        self._folder = folder
        self._on_failed = on_failed
        self._changed = threading.Condition()
        self._server: ModelServer | None = None
        self._stopping = False
        self._stack = ExitStack()
        self._monitor = threading.Thread(target=self._keep_running, daemon=True)
        self.container = self._new_container()

    def open(self) -> None:
        """Downloads the model, starts the server and waits until it responds.

        Raises:
            FailureReasonError: the model's archive is invalid, or the server failed to start.
            S3CacheError: an S3 request failed.
            StoppedError: ``stop`` was called first.
        """
        self._start()
        self._monitor.start()

    @property
    def image(self) -> Image:
        """See ``model_server_client.ServerHost``."""
        return self._context.image("Image", self.definition.get("Image"))

    def start(
        self, command: Sequence[str], environment: dict[str, str], *, descriptors: Sequence[int], offline: bool
    ) -> None:
        """See ``model_server_client.ServerHost``."""
        variables = self._context.environment(offline=offline) | environment
        requirements = "" if self.image.serve else requirements_of(self.container)
        python = self._context.python(self.image, requirements, log_line=self.container.log_line)
        self.runtime = runtime(self.definition.get("Image", ""), self.image, python, requirements=requirements)
        self.differences = of_image(self._image_field, self.image, python, requirements=requirements)
        self.differences += of_container(self.container.view)
        self.container.start(
            command,
            variables,
            python=python,
            descriptors=descriptors,
            offline=offline,
            program=self.image.folder,
        )

    def finish(self) -> Exit:
        """See ``model_server_client.ServerHost``."""
        return self.container.wait()

    def send(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> ModelResponse:
        """Sends a request to the model server; waits while it is being restarted.

        Raises:
            NoResponseError: it did not respond, or did not restart.
        """
        before = None
        while True:
            server = self._serving_after(before)
            try:
                return server.send(method, path, body, headers)
            except NoResponseError as error:
                if not isinstance(error.__cause__, ConnectionRefusedError):
                    raise
                before = server  # it has just exited and did not receive the request

    def _serving_after(self, before: ModelServer | None) -> ModelServer:
        with self._changed:
            self._changed.wait_for(lambda: self._server not in (None, before) or self._stopping, _INVOCATION_SECONDS)
            if self._server is None or self._server is before:
                raise NoResponseError(timed_out=False)
            return self._server

    def stop(self) -> None:
        """Stops the server, even while it is starting, and returns. Callable from any thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
            self.container.stop()

    def close(self) -> None:
        """Stops the server, waits for its exit and removes its files."""
        self.stop()
        if self._monitor.ident is not None and self._monitor is not threading.current_thread():
            self._monitor.join()
        self._stack.close()
        self.container.close()
        remove(self._folder)

    def _start(self) -> None:
        startup_timeout = self.variant.get("ContainerStartupHealthCheckTimeoutInSeconds", _STARTUP_SECONDS)
        try:
            download_model(self.definition, self.container, self._context.s3)
            started = ModelServer.started(
                self,
                self.definition.get("Environment", {}),
                headers={},
                timeout=_INVOCATION_SECONDS,
                retries=0,
                startup_timeout=startup_timeout,
            )
            server = self._started(started)
        except BaseException:
            self.container.close()
            raise
        with self._changed:
            self._server = server
            self._changed.notify_all()

    def _keep_running(self) -> None:
        """Restarts the server whenever it dies or stops responding, after increasing pauses."""
        error: Exception = FailureReasonError(
            f"The container for production variant {self.name} keeps exiting in service."
        )
        pauses = list(_PAUSES)
        while True:
            began = time.monotonic()
            self._wait_until_down()
            if time.monotonic() - began > _STEADY_SECONDS:
                pauses = list(_PAUSES)
            pause = pauses.pop(0) if pauses else None
            with self._changed:
                self._server = None
                if self._changed.wait_for(lambda: self._stopping, pause or 0.0):
                    return
            if pause is None:
                self._on_failed(error)
                return
            try:
                self._restart()
            except StoppedError:
                return
            except Exception as failure:  # noqa: BLE001 - any failure is retried and finally reported
                error = failure

    def _wait_until_down(self) -> None:
        """Returns when the server has exited, or has failed several health checks."""
        silent = 0
        while not self.container.wait_for_exit(_PING_SECONDS):
            server = self._server
            silent = 0 if server is None or server.answers_ping(_PING_SECONDS) else silent + 1
            if silent == _PINGS:
                self.container.log_line(f"{self.name} has not responded to {_PINGS} pings and is being restarted")
                return

    def _restart(self) -> None:
        self._stack.close()
        self.container.close()
        container = self._new_container()
        with self._changed:
            self.container = container
            if self._stopping:
                raise StoppedError
        container.log_line(f"The model server of {self.name} has exited and is being restarted")
        self._start()

    def _new_container(self) -> Container:
        remove(self._folder)
        return Container(
            folder=self._folder,
            log_file=log_file(self._context, self._endpoint),
            log=lambda line: self._context.log(ACTION, self._endpoint, line),
            namespaces=self._context.namespaces,
            private=[self._context.folder],
        )

    def _started(self, starting: AbstractContextManager[ModelServer]) -> ModelServer:
        try:
            return self._stack.enter_context(starting)
        except FailureReasonError as error:
            # SageMaker's message; the log has the exit code.
            raise FailureReasonError(
                f"The primary container for production variant {self.name} did not pass the ping health check. Please "
                "check CloudWatch logs for this endpoint."
            ) from error


class VariantGroup:
    """The model servers of one endpoint configuration. Safe to use from several threads.

    Args:
        servers: one for each production variant.
        capture: captures their invocations.
    """

    def __init__(self, servers: list[VariantServer], capture: DataCapture | None = None) -> None:
        self.servers = servers
        self.capture = capture
        self._lock = threading.Lock()

    def open(self) -> None:
        """Opens all servers in parallel. If any fails, closes the others and raises the first error."""
        with ThreadPoolExecutor(len(self.servers)) as pool:
            opened = [pool.submit(server.open) for server in self.servers]
        errors = [error for future in opened if (error := future.exception()) is not None]
        if errors:
            # A failed server keeps its files, as a failed job does.
            for server, future in zip(self.servers, opened, strict=True):
                if future.exception() is None:
                    server.close()
            if self.capture is not None:
                self.capture.close()
            raise errors[0]

    def pick(self, variant: str | None) -> VariantServer:
        """Returns the server for the next request: the named variant's, or the next by the variants' weights.

        Raises:
            AwsError: the variant does not exist.
        """
        with self._lock:
            servers = [server for server in self.servers if variant in (None, server.name)]
            if not servers:
                raise aws_error(f"Variant {variant} not found.", code="ValidationError")
            weighted = [server for server in servers if server.weight > 0]
            server = (
                min(weighted, key=lambda server: (server.invocations + 1) / server.weight) if weighted else servers[0]
            )
            server.invocations += 1
            return server

    def stop(self) -> None:
        """Stops all servers and returns. Callable from any thread."""
        for server in self.servers:
            server.stop()

    def close(self) -> None:
        """Closes all servers in parallel, and writes what was captured."""
        with ThreadPoolExecutor(len(self.servers)) as pool:
            for closed in [pool.submit(server.close) for server in self.servers]:
                closed.result()
        if self.capture is not None:
            self.capture.close()


def log_file(context: JobContext, endpoint: str) -> Path:
    """Returns the log file of an endpoint's containers."""
    return context.folder / "logs" / "Endpoints" / f"{endpoint}.log"
