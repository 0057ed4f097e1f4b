"""What serves behind an endpoint: a model server for each production variant, each in a container of its own."""

import shutil
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

from local.container import Container, Outcome
from local.jobs.errors import Failure, refused
from local.jobs.job import Site
from local.jobs.model import lay_out
from local.jobs.server import Answer, ModelServer

ACTION = "createEndpoint"
"""What the lines of an endpoint's log are said under."""

_INVOCATION_SECONDS = 60
"""How long a container may take over an answer (https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html)."""
_STARTUP_SECONDS = 600.0


class Host:
    """The model server of one production variant.

    Args:
        variant: of the endpoint configuration.
        definition: the container definition of the variant's model.
        site: where it runs.
        endpoint: the endpoint's name.
        folder: of its own; what an earlier one left there is removed.
    """

    def __init__(
        self, variant: dict[str, Any], definition: dict[str, Any], *, site: Site, endpoint: str, folder: Path
    ) -> None:
        self.variant = variant
        self.name: str = variant["VariantName"]
        self.weight: float = variant.get("InitialVariantWeight", 1.0)
        self.asked = 0
        self.definition = definition
        self._site = site
        self._folder = folder
        self._server: ModelServer | None = None
        self._stack = ExitStack()
        shutil.rmtree(folder, ignore_errors=True)
        self.container = Container(
            folder=folder,
            log_file=log_file(site, endpoint),
            log=lambda line: site.log(ACTION, endpoint, line),
            namespaces=site.namespaces,
        )

    def open(self) -> None:
        """Lays the model out and starts its server; returns when it answers.

        Raises:
            Failure: the model's archive is none, or the server did not come up.
            ObjectsError: S3 refused.
            StoppedError: ``stop`` came first.
        """
        patience = self.variant.get("ContainerStartupHealthCheckTimeoutInSeconds", _STARTUP_SECONDS)
        try:
            lay_out(self.definition, self.container, self._site.objects)
            started = ModelServer.started(
                self,
                self.definition.get("Environment", {}),
                headers={},
                timeout=_INVOCATION_SECONDS,
                retries=0,
                patience=patience,
            )
            self._server = self._started(started)
        except BaseException:
            self.container.close()
            raise

    def start(self, command: Sequence[str], environment: dict[str, str], *, descriptors: Sequence[int]) -> None:
        """See ``server.Hosting``."""
        self.container.start(command, self._site.environment() | environment, descriptors=descriptors)

    def finish(self) -> Outcome:
        """See ``server.Hosting``."""
        return self.container.wait()

    def ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """The model server's answer. Raises NoAnswerError."""
        if self._server is None:
            raise RuntimeError("the host is not open")
        return self._server.ask(method, path, body, headers)

    def stop(self) -> None:
        """Has the server end soon, also while it comes up. From any thread."""
        self.container.stop()

    def close(self) -> None:
        """Ends the server and removes its files."""
        self._stack.close()
        self.container.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _started(self, starting: AbstractContextManager[ModelServer]) -> ModelServer:
        try:
            return self._stack.enter_context(starting)
        except Failure as error:
            # SageMaker's own words; which exit code it was, the log says.
            raise Failure(
                f"The primary container for production variant {self.name} did not pass the ping health check. Please "
                "check CloudWatch logs for this endpoint."
            ) from error


class Fleet:
    """The hosts of one endpoint configuration. Safe to use from several threads.

    Args:
        hosts: one for each production variant.
    """

    def __init__(self, hosts: list[Host]) -> None:
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

    def pick(self, variant: str | None) -> Host:
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


def log_file(site: Site, endpoint: str) -> Path:
    """Where the output of an endpoint's containers goes."""
    return site.folder / "logs" / "Endpoints" / f"{endpoint}.log"
