"""One endpoint: created, updated, rolled back where the update does not come up, deleted.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html
"""

import threading
from pathlib import Path

from sagemaker_local.endpoint_router import EndpointServer, VariantRouter
from sagemaker_local.errors import JobFailed, Refused, failure_reason
from sagemaker_local.guard import endpoint_token
from sagemaker_local.job import JobContext
from sagemaker_local.listings import Document, timestamp, without
from sagemaker_local.model import Models
from sagemaker_local.variant_servers import VariantGroup, VariantServer, log_file

_IN_PROGRESS = ("Creating", "Updating")
_DRAIN_SECONDS = 60.0
"""An invocation takes no longer, so every request that the old group began with is answered."""


class Endpoint:
    """One endpoint of this machine. Safe to use from several threads.

    Args:
        name: as it was created.
        context: where it runs.
        models: where its models are.
    """

    def __init__(self, name: str, *, context: JobContext, models: Models) -> None:
        self.name = name
        self.arn = context.arn(f"endpoint/{name}")
        self.status = "Creating"
        self.traffic = VariantRouter()
        self._context = context
        self._models = models
        self._front = EndpointServer(self.traffic, key=endpoint_token(context.key, name))
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
        """Where it answers, while it serves: in an update and after one that failed too."""
        return self._front.url if self.traffic.group is not None else None

    @property
    def in_progress(self) -> bool:
        """Whether it is being created or updated."""
        return self.status in _IN_PROGRESS

    @property
    def variants(self) -> list[str]:
        """The names of the production variants that it has."""
        return [variant["VariantName"] for variant in self._config.get("ProductionVariants", [])]

    def deploy(self, config: Document, deployment: Document | None) -> None:
        """Begins to serve a configuration, and returns at once.

        Args:
            config: the endpoint configuration, as Describe gives it.
            deployment: DeploymentConfig, which is kept: on one machine there is one way to switch.
        """
        with self._lock:
            if self._threads:
                self.status, self._modified = "Updating", timestamp()
            else:
                self._config = config
            thread = threading.Thread(target=self._deploy, args=[config, deployment, len(self._threads)], daemon=True)
            self._threads.append(thread)
        thread.start()

    def describe(self) -> Document:
        """What DescribeEndpoint answers."""
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
        """Ends it: its port, and every server, also one that is just coming up."""
        with self._lock:
            self._closed = True
            groups = list(self._groups)
        self._front.close()
        self.traffic.switch(None)
        for group in groups:
            group.stop()
        for thread in self._threads:
            thread.join()
        self.traffic.switch(None)  # what came up in that very moment
        for group in list(self._groups):
            group.close()

    def _deploy(self, config: Document, deployment: Document | None, number: int) -> None:
        group = None
        try:
            group = self._group(config, number)
            group.open()
        except Exception as error:  # noqa: BLE001 - whatever it is, the endpoint must not stay in progress for ever
            self._failed(error, group, number)
            if group is not None:
                self._groups.discard(group)
            return
        before = self.traffic.switch(group)
        with self._lock:
            self._config, self._deployment, self._failure = config, deployment, None
            self.status, self._modified = "InService", timestamp()
        if before is not None:
            self.traffic.drain(before, _DRAIN_SECONDS)
            before.close()
            self._groups.discard(before)

    def _group(self, config: Document, number: int) -> VariantGroup:
        variants = config["ProductionVariants"]
        definitions = [self._models.container(variant["ModelName"]) for variant in variants]
        group = VariantGroup(
            [
                VariantServer(
                    variant,
                    definition,
                    offline=self._models.is_isolated(variant["ModelName"]),
                    context=self._context,
                    endpoint=self.name,
                    folder=self._folder(number) / variant["VariantName"],
                    given_up=lambda error: self._lost(error, group, number),
                )
                for variant, definition in zip(variants, definitions, strict=True)
            ]
        )
        if "DataCaptureConfig" in config:
            group.hosts[0].container.say("DataCaptureConfig is kept, and nothing is captured on this machine")
        with self._lock:
            self._groups.add(group)
            if self._closed:
                group.stop()
        return group

    def _lost(self, error: Exception, group: VariantGroup, number: int) -> None:
        """A server that served has died too often: with it, the group that serves is lost."""
        if self.traffic.group is group:
            self.traffic.switch(None)
            group.stop()
            if not self.in_progress:  # else the update's end decides
                self._failed(error, group, number)

    def _failed(self, error: Exception, group: VariantGroup | None, number: int) -> None:
        """An update is rolled back, by nothing having been switched; where nothing serves, the endpoint has failed."""
        head = str(error)
        if isinstance(error, JobFailed):
            head = error.message if isinstance(error, Refused) else error.cause
        lines = [line for host in group.hosts for line in host.container.last_lines] if group else []
        log, files = str(log_file(self._context, self.name)), str(self._folder(number))
        with self._lock:
            self._failure = failure_reason(head, log=log, files=files, last_lines=lines)
            self.status = "Failed" if self.traffic.group is None else "InService"
            self._modified = timestamp()

    def _folder(self, number: int) -> Path:
        return self._context.folder / "jobs" / "Endpoints" / self.name / str(number)

    def _variants(self) -> list[Document] | None:
        group = self.traffic.group
        return None if group is None else [_summary(host, self._modified) for host in group.hosts]


def _summary(host: VariantServer, resolved: str) -> Document:
    """ProductionVariantSummary."""
    image = host.definition.get("Image")
    count = host.variant.get("InitialInstanceCount")
    serverless = host.variant.get("ServerlessConfig")
    images = [{"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": resolved}] if image else None
    return without(
        {
            "VariantName": host.name,
            "DeployedImages": images,
            "CurrentWeight": host.weight,
            "DesiredWeight": host.weight,
            "CurrentInstanceCount": count,
            "DesiredInstanceCount": count,
            "CurrentServerlessConfig": serverless,
        }
    )


def _capture(config: Document) -> Document | None:
    """DataCaptureConfigSummary."""
    given = config.get("DataCaptureConfig")
    if given is None:
        return None
    return {
        "EnableCapture": given.get("EnableCapture", False),
        "CaptureStatus": "Stopped",
        "CurrentSamplingPercentage": given["InitialSamplingPercentage"],
        "DestinationS3Uri": given["DestinationS3Uri"],
        "KmsKeyId": given.get("KmsKeyId", ""),
    }
