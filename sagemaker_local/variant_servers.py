"""What serves behind an endpoint: a model server for each production variant, each in a container of its own."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

from sagemaker_local.container import Container, Exit, StoppedError
from sagemaker_local.errors import Failure, refused
from sagemaker_local.job import JobContext
from sagemaker_local.job_files import remove
from sagemaker_local.model import lay_out, requirements_of
from sagemaker_local.model_server_client import ModelResponse, ModelServer, NoAnswerError

ACTION = "createEndpoint"
"""What the lines of an endpoint's log are said under."""

_INVOCATION_SECONDS = 60
"""How long a container may take over an answer (https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html)."""
_STARTUP_SECONDS = 600.0
_PAUSES = (0.0, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds before each attempt to start a server again that has died in service."""
_STEADY_SECONDS = 60.0
"""A server that has served so long has not died of what it died of before: the attempts are counted anew."""
_PING_SECONDS, _PINGS = 10.0, 3
"""How often a server is asked whether it is well, and how often it may fail to answer."""


class VariantServer:
    """The model server of one production variant, started again when it dies. Safe to use from several threads.

    Args:
        variant: of the endpoint configuration.
        definition: the container definition of the variant's model.
        offline: whether the model gets no network.
        context: where it runs.
        endpoint: the endpoint's name.
        folder: of its own; what an earlier one left there is removed.
        given_up: is called, from a thread of the host's own, when the server has died too often to be started again.
    """

    def __init__(
        self,
        variant: dict[str, Any],
        definition: dict[str, Any],
        *,
        offline: bool,
        context: JobContext,
        endpoint: str,
        folder: Path,
        given_up: Callable[[Exception], None],
    ) -> None:
        self.variant = variant
        self.name: str = variant["VariantName"]
        self.weight: float = variant.get("InitialVariantWeight", 1.0)
        self.asked = 0
        self.definition = definition
        self.offline = offline
        self._context = context
        self._endpoint = endpoint
        self._folder = folder
        self._given_up = given_up
        self._changed = threading.Condition()
        self._server: ModelServer | None = None
        self._stopping = False
        self._stack = ExitStack()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self.container = self._new_container()

    def open(self) -> None:
        """Lays the model out and starts its server; returns when it answers.

        Raises:
            Failure: the model's archive is none, or the server did not come up.
            S3CacheError: S3 refused.
            StoppedError: ``stop`` came first.
        """
        self._start()
        self._keeper.start()

    def start(
        self, command: Sequence[str], environment: dict[str, str], *, descriptors: Sequence[int], offline: bool
    ) -> None:
        """See ``model_server_client.Hosting``."""
        variables = self._context.environment(offline=offline) | environment
        image = self._context.image("Image", self.definition.get("Image"))
        python = self._context.python(image, requirements_of(self.container), say=self.container.say)
        self.container.start(command, variables, python=python, descriptors=descriptors, offline=offline)

    def finish(self) -> Exit:
        """See ``model_server_client.Hosting``."""
        return self.container.wait()

    def ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> ModelResponse:
        """The model server's answer; a request that comes while it is started again waits.

        Raises:
            NoAnswerError: it did not answer, or did not come up again.
        """
        before = None
        while True:
            server = self._serving_after(before)
            try:
                return server.ask(method, path, body, headers)
            except NoAnswerError as error:
                if not isinstance(error.__cause__, ConnectionRefusedError):
                    raise
                before = server  # it has just ended, and has got nothing of the request

    def _serving_after(self, before: ModelServer | None) -> ModelServer:
        with self._changed:
            self._changed.wait_for(lambda: self._server not in (None, before) or self._stopping, _INVOCATION_SECONDS)
            if self._server is None or self._server is before:
                raise NoAnswerError(timed_out=False)
            return self._server

    def stop(self) -> None:
        """Has the server end soon, also while it comes up. From any thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
            self.container.stop()

    def close(self) -> None:
        """Ends the server and removes its files."""
        self.stop()
        if self._keeper.ident is not None and self._keeper is not threading.current_thread():
            self._keeper.join()
        self._stack.close()
        self.container.close()
        remove(self._folder)

    def _start(self) -> None:
        patience = self.variant.get("ContainerStartupHealthCheckTimeoutInSeconds", _STARTUP_SECONDS)
        try:
            lay_out(self.definition, self.container, self._context.objects)
            started = ModelServer.started(
                self,
                self.definition.get("Environment", {}),
                headers={},
                timeout=_INVOCATION_SECONDS,
                retries=0,
                patience=patience,
            )
            server = self._started(started)
        except BaseException:
            self.container.close()
            raise
        with self._changed:
            self._server = server
            self._changed.notify_all()

    def _keep(self) -> None:
        """Starts the server again whenever it has died or answers no more, with longer and longer pauses."""
        error: Exception = Failure(f"The container for production variant {self.name} keeps on ending in service.")
        pauses = list(_PAUSES)
        while True:
            began = time.monotonic()
            self._watch()
            if time.monotonic() - began > _STEADY_SECONDS:
                pauses = list(_PAUSES)
            pause = pauses.pop(0) if pauses else None
            with self._changed:
                self._server = None
                if self._changed.wait_for(lambda: self._stopping, pause or 0.0):
                    return
            if pause is None:
                self._given_up(error)
                return
            try:
                self._restart()
            except StoppedError:
                return
            except Exception as failure:  # noqa: BLE001 - whatever it is, it is tried again, and the endpoint hears of it
                error = failure

    def _watch(self) -> None:
        """Returns when the server has ended, or has not answered a ping for some times."""
        silent = 0
        while not self.container.ended(_PING_SECONDS):
            server = self._server
            silent = 0 if server is None or server.answers_ping(_PING_SECONDS) else silent + 1
            if silent == _PINGS:
                self.container.say(f"{self.name} has not answered {_PINGS} pings, and is started again")
                return

    def _restart(self) -> None:
        self._stack.close()
        self.container.close()
        container = self._new_container()
        with self._changed:
            self.container = container
            if self._stopping:
                raise StoppedError
        container.say(f"The model server of {self.name} has ended, and is started again")
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
        except Failure as error:
            # SageMaker's own words; which exit code it was, the log says.
            raise Failure(
                f"The primary container for production variant {self.name} did not pass the ping health check. Please "
                "check CloudWatch logs for this endpoint."
            ) from error


class VariantGroup:
    """The hosts of one endpoint configuration. Safe to use from several threads.

    Args:
        hosts: one for each production variant.
    """

    def __init__(self, hosts: list[VariantServer]) -> None:
        self.hosts = hosts
        self._lock = threading.Lock()

    def open(self) -> None:
        """Opens all hosts, side by side. Raises what the first of them raised, with none left open."""
        with ThreadPoolExecutor(len(self.hosts)) as pool:
            opened = [pool.submit(host.open) for host in self.hosts]
        errors = [error for future in opened if (error := future.exception()) is not None]
        if errors:
            # What a failed host has laid out stays, as a failed job's files do.
            for host, future in zip(self.hosts, opened, strict=True):
                if future.exception() is None:
                    host.close()
            raise errors[0]

    def pick(self, variant: str | None) -> VariantServer:
        """The host whose turn it is by the variants' weights, or that of the variant.

        Raises:
            Refused: there is no such variant.
        """
        with self._lock:
            hosts = [host for host in self.hosts if variant in (None, host.name)]
            if not hosts:
                raise refused(f"Variant {variant} not found.", code="ValidationError")
            weighted = [host for host in hosts if host.weight > 0]
            host = min(weighted, key=lambda host: (host.asked + 1) / host.weight) if weighted else hosts[0]
            host.asked += 1
            return host

    def stop(self) -> None:
        """Has all servers end soon. From any thread."""
        for host in self.hosts:
            host.stop()

    def close(self) -> None:
        """Ends all servers."""
        with ThreadPoolExecutor(len(self.hosts)) as pool:
            for closed in [pool.submit(host.close) for host in self.hosts]:
                closed.result()


def log_file(context: JobContext, endpoint: str) -> Path:
    """Where the output of an endpoint's containers goes."""
    return context.folder / "logs" / "Endpoints" / f"{endpoint}.log"
