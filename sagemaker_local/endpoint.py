"""One endpoint: creates, updates and deletes it, and rolls back failed updates.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sagemaker_local.data_capture import DataCapture
from sagemaker_local.differences import Difference, Runtime, of_request
from sagemaker_local.endpoint_router import EndpointServer, VariantRouter
from sagemaker_local.errors import AwsError, TaskFailed, failure_reason
from sagemaker_local.guard import endpoint_token
from sagemaker_local.job import JobContext
from sagemaker_local.listings import Document, timestamp, without
from sagemaker_local.model import Models
from sagemaker_local.mounts import ISOLATED
from sagemaker_local.variant_servers import ACTION, VariantGroup, VariantServer, log_file

_IN_PROGRESS = ("Creating", "Updating")
_DRAIN_SECONDS = 60.0
"""An invocation takes no longer, so every request to the old servers is answered before they stop."""


@dataclass(frozen=True, kw_only=True)
class DeployedEndpoint:
    """An endpoint that serves an endpoint configuration."""

    name: str
    config: str
    """The configuration's name."""
    log_file: Path
    runtimes: tuple[Runtime, ...]
    """What its models run in."""
    differences: tuple[Difference, ...]
    """How it differs from the same endpoint on AWS."""


class Endpoint:
    """One endpoint on this machine. Safe to use from several threads.

    Args:
        name: its name.
        context: the environment that it runs in.
        models: the models that it may serve.
        on_deploy: called when it serves a configuration.
    """

    def __init__(
        self, name: str, *, context: JobContext, models: Models, on_deploy: Callable[[DeployedEndpoint], None]
    ) -> None:
        self.name = name
        self.arn = context.arn(f"endpoint/{name}")
        self.status = "Creating"
        self.router = VariantRouter()
        self._context = context
        self._models = models
        self._on_deploy = on_deploy
        self._server = EndpointServer(self.router, key=endpoint_token(context.key, name))
        self._created = self._modified = timestamp()
        self._config: Document = {}
        self._failure: str | None = None
        self._deployment: Document | None = None
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._groups: set[VariantGroup] = set()
        self._closed = False
        log_file(context, name).unlink(missing_ok=True)

    @property
    def url(self) -> str | None:
        """Its URL while it is in service, including during an update and after a failed one."""
        return self._server.url if self.router.group is not None else None

    @property
    def in_progress(self) -> bool:
        """Whether it is being created or updated."""
        return self.status in _IN_PROGRESS

    @property
    def variants(self) -> list[str]:
        """The names of its production variants."""
        return [variant["VariantName"] for variant in self._config.get("ProductionVariants", [])]

    def deploy(self, config: Document, deployment: Document | None, differences: tuple[Difference, ...]) -> None:
        """Starts deploying an endpoint configuration and returns.

        Args:
            config: the endpoint configuration, as Describe returns it.
            deployment: DeploymentConfig, which is stored but has no effect on one machine.
            differences: how the request differs from the same on AWS.
        """
        with self._lock:
            if self._threads:
                self.status, self._modified = "Updating", timestamp()
            else:
                self._config = config
            arguments = [config, deployment, differences, len(self._threads)]
            thread = threading.Thread(target=self._deploy, args=arguments, daemon=True)
            self._threads.append(thread)
        thread.start()

    def describe(self) -> Document:
        """Returns DescribeEndpoint's response."""
        with self._lock:
            description = {
                "EndpointName": self.name,
                "EndpointArn": self.arn,
                "EndpointConfigName": self._config["EndpointConfigName"],
                "ProductionVariants": self._variants(),
                "DataCaptureConfig": _capture(self._config),
                "EndpointStatus": self.status,
                "FailureReason": self._failure,
                "CreationTime": self._created,
                "LastModifiedTime": self._modified,
                "LastDeploymentConfig": self._deployment,
            }
        return without(description)

    def close(self) -> None:
        """Closes its port and stops all its model servers, including those that are still starting."""
        with self._lock:
            self._closed = True
            groups = list(self._groups)
        self._server.close()
        self.router.switch(None)
        for group in groups:
            group.stop()
        for thread in self._threads:
            thread.join()
        self.router.switch(None)  # a group that started just now
        for group in list(self._groups):
            group.close()

    def _deploy(
        self, config: Document, deployment: Document | None, differences: tuple[Difference, ...], number: int
    ) -> None:
        group = None
        try:
            group = self._group(config, number)
            self._open(group, config, differences)
        except Exception as error:  # noqa: BLE001 - the endpoint must not stay in progress forever
            self._record_failure(error, group, number)
            if group is not None:
                self._groups.discard(group)
            return
        before = self.router.switch(group)
        with self._lock:
            self._config, self._deployment, self._failure = config, deployment, None
            self.status, self._modified = "InService", timestamp()
        if before is not None:
            self.router.drain(before, _DRAIN_SECONDS)
            before.close()
            self._groups.discard(before)

    def _open(self, group: VariantGroup, config: Document, differences: tuple[Difference, ...]) -> None:
        """Opens the model servers and reports the deployment. If that fails, closes them and raises the error."""
        group.open()
        try:
            self._on_deploy(self._deployed(group, config, differences))
        except BaseException:
            group.close()
            raise

    def _deployed(self, group: VariantGroup, config: Document, differences: tuple[Difference, ...]) -> DeployedEndpoint:
        isolated = all(server.container.view == ISOLATED for server in group.servers)
        found = [*differences, *of_request("CreateEndpointConfig", config, isolated=isolated)]
        for server in group.servers:
            found += [*server.differences, *self._models.differences(server.variant["ModelName"], isolated=isolated)]
        runtimes = [server.runtime for server in group.servers if server.runtime is not None]
        return DeployedEndpoint(
            name=self.name,
            config=config["EndpointConfigName"],
            log_file=log_file(self._context, self.name),
            runtimes=tuple(runtime for number, runtime in enumerate(runtimes) if runtime not in runtimes[:number]),
            differences=tuple(dict.fromkeys(found)),
        )

    def _group(self, config: Document, number: int) -> VariantGroup:
        variants = config["ProductionVariants"]
        definitions = [self._models.container(variant["ModelName"]) for variant in variants]
        group = VariantGroup(
            [
                VariantServer(
                    variant,
                    definition,
                    image_field=self._models.image_field(variant["ModelName"]),
                    offline=self._models.is_isolated(variant["ModelName"]),
                    context=self._context,
                    endpoint=self.name,
                    folder=self._folder(number) / variant["VariantName"],
                    on_failed=lambda error: self._server_failed(error, group, number),
                )
                for variant, definition in zip(variants, definitions, strict=True)
            ],
            self._data_capture(config),
        )
        with self._lock:
            self._groups.add(group)
            if self._closed:
                group.stop()
        return group

    def _data_capture(self, config: Document) -> DataCapture | None:
        given = config.get("DataCaptureConfig")
        if given is None or not given.get("EnableCapture", True):
            return None
        return DataCapture(
            given, endpoint=self.name, s3=self._context.s3, log=lambda line: self._context.log(ACTION, self.name, line)
        )

    def _server_failed(self, error: Exception, group: VariantGroup, number: int) -> None:
        """Takes the endpoint out of service when one of its model servers cannot be restarted."""
        if self.router.group is group:
            self.router.switch(None)
            group.stop()
            if not self.in_progress:  # otherwise the update's result decides
                self._record_failure(error, group, number)

    def _record_failure(self, error: Exception, group: VariantGroup | None, number: int) -> None:
        """Records a failure. A failed update needs no rollback, as the router still serves the previous group."""
        head = str(error)
        if isinstance(error, TaskFailed):
            head = error.message if isinstance(error, AwsError) else error.cause
        lines = [line for server in group.servers for line in server.container.last_lines] if group else []
        log, files = str(log_file(self._context, self.name)), str(self._folder(number))
        with self._lock:
            self._failure = failure_reason(head, log=log, files=files, last_lines=lines)
            self.status = "Failed" if self.router.group is None else "InService"
            self._modified = timestamp()

    def _folder(self, number: int) -> Path:
        return self._context.folder / "jobs" / "Endpoints" / self.name / str(number)

    def _variants(self) -> list[Document] | None:
        group = self.router.group
        return None if group is None else [_summary(server, self._modified) for server in group.servers]


def _summary(server: VariantServer, resolved: str) -> Document:
    """Returns a ProductionVariantSummary."""
    image = server.definition.get("Image")
    count = server.variant.get("InitialInstanceCount")
    serverless = server.variant.get("ServerlessConfig")
    images = [{"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": resolved}] if image else None
    return without(
        {
            "VariantName": server.name,
            "DeployedImages": images,
            "CurrentWeight": server.weight,
            "DesiredWeight": server.weight,
            "CurrentInstanceCount": count,
            "DesiredInstanceCount": count,
            "CurrentServerlessConfig": serverless,
        }
    )


def _capture(config: Document) -> Document | None:
    """Returns the DataCaptureConfigSummary."""
    given = config.get("DataCaptureConfig")
    if given is None:
        return None
    return {
        "EnableCapture": given.get("EnableCapture", True),
        "CaptureStatus": "Started" if given.get("EnableCapture", True) else "Stopped",
        "CurrentSamplingPercentage": given["InitialSamplingPercentage"],
        "DestinationS3Uri": given["DestinationS3Uri"],
        "KmsKeyId": given.get("KmsKeyId", ""),
    }
