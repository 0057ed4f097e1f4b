"""SageMaker hosting on this machine: endpoint configurations and endpoints, kept in memory."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sagemaker_local.differences import Difference, of_request
from sagemaker_local.endpoint import DeployedEndpoint, Endpoint
from sagemaker_local.errors import aws_error, not_supported
from sagemaker_local.job import JobContext
from sagemaker_local.listings import Document, only, select_page, timestamp, without
from sagemaker_local.model import Models

_SUMMARY = ("EndpointName", "EndpointArn", "CreationTime", "LastModifiedTime", "EndpointStatus")
_CONFIG_SUMMARY = ("EndpointConfigName", "EndpointConfigArn", "CreationTime")
_UNSUPPORTED = ("AsyncInferenceConfig", "ExplainerConfig", "ShadowProductionVariants")


class Endpoints:
    """All endpoints and endpoint configurations. Safe to use from several threads.

    Args:
        context: the environment that endpoints run in.
        models: the models that they may serve.
        on_deploy: called with each endpoint that serves a configuration.
    """

    def __init__(
        self, context: JobContext, models: Models, on_deploy: Callable[[DeployedEndpoint], None] = lambda _: None
    ) -> None:
        self._context = context
        self._models = models
        self._on_deploy = on_deploy
        self._configs: dict[str, Document] = {}
        self._endpoints: dict[str, Endpoint] = {}
        self._lock = threading.RLock()
        self._on_delete: list[Callable[[str], None]] = []

    def create_config(self, request: Document) -> Document:
        """CreateEndpointConfig.

        Raises:
            TaskFailed: the name is taken, a model does not exist, or the request is not supported.
        """
        name = request["EndpointConfigName"]
        arn = self._config_arn(name)
        for key in _UNSUPPORTED:
            if key in request:
                raise not_supported(key, request[key], "leave it out")
        for number, variant in enumerate(request["ProductionVariants"]):
            self._require_model(f"ProductionVariants[{number}]", variant)
        with self._lock:
            if name.lower() in self._configs:
                raise aws_error(f'Cannot create already existing endpoint configuration "{arn}".')
            config = {"EndpointConfigArn": arn, "CreationTime": timestamp()}
            self._configs[name.lower()] = without(request, "Tags") | config
        return {"EndpointConfigArn": arn}

    def describe_config(self, request: Document) -> Document:
        """DescribeEndpointConfig. Raises AwsError if it does not exist."""
        name = request["EndpointConfigName"]
        with self._lock:
            if name.lower() not in self._configs:
                raise aws_error(f'Could not find endpoint configuration "{self._config_arn(name)}".')
            return self._configs[name.lower()]

    def list_configs(self, request: Document) -> Document:
        """ListEndpointConfigs."""
        with self._lock:
            configs = list(self._configs.values())
        page, more = select_page(configs, request, name="EndpointConfigName")
        return {"EndpointConfigs": [only(config, *_CONFIG_SUMMARY) for config in page]} | more

    def delete_config(self, request: Document) -> Document:
        """DeleteEndpointConfig. Raises AwsError if it does not exist."""
        with self._lock:
            config = self.describe_config(request)
            del self._configs[config["EndpointConfigName"].lower()]
        return {}

    def create(self, request: Document) -> Document:
        """CreateEndpoint, which returns while the endpoint is being created.

        Raises:
            AwsError: the name is taken, or the configuration does not exist.
        """
        name = request["EndpointName"]
        with self._lock:
            if name.lower() in self._endpoints:
                raise aws_error(f'Cannot create already existing endpoint "{self._endpoints[name.lower()].arn}".')
            config = self.describe_config(request)
            endpoint = Endpoint(name, context=self._context, models=self._models, on_deploy=self._on_deploy)
            self._endpoints[name.lower()] = endpoint
            endpoint.deploy(config, request.get("DeploymentConfig"), self._differences("CreateEndpoint", request))
        return {"EndpointArn": endpoint.arn}

    def update(self, request: Document) -> Document:
        """UpdateEndpoint, which returns while the endpoint is being updated.

        Raises:
            AwsError: the endpoint or configuration does not exist, or the endpoint is in progress or has failed.
        """
        with self._lock:
            endpoint = self._modifiable(request["EndpointName"])
            if endpoint.status == "Failed":
                # DeleteEndpoint is the only operation on a failed endpoint (API_DescribeEndpoint).
                raise aws_error(f'Cannot update failed endpoint "{endpoint.arn}".')
            config, differences = self.describe_config(request), self._differences("UpdateEndpoint", request)
            endpoint.deploy(config, request.get("DeploymentConfig"), differences)
        return {"EndpointArn": endpoint.arn}

    def describe(self, request: Document) -> Document:
        """DescribeEndpoint. Raises AwsError if it does not exist."""
        return self.find(request["EndpointName"]).describe()

    def list(self, request: Document) -> Document:
        """ListEndpoints."""
        with self._lock:
            endpoints = [endpoint.describe() for endpoint in self._endpoints.values()]
        status = request.get("StatusEquals")
        endpoints = [endpoint for endpoint in endpoints if status in (None, endpoint["EndpointStatus"])]
        keys = {"Status": lambda endpoint: endpoint["EndpointStatus"]}
        page, more = select_page(endpoints, request, name="EndpointName", keys=keys)
        return {"Endpoints": [only(endpoint, *_SUMMARY) for endpoint in page]} | more

    def delete(self, request: Document) -> Document:
        """DeleteEndpoint. Returns when its servers have stopped; raises AwsError if it is missing or in progress."""
        with self._lock:
            endpoint = self._modifiable(request["EndpointName"])
            del self._endpoints[endpoint.name.lower()]
        endpoint.close()
        for listener in self._on_delete:
            listener(endpoint.name)
        return {}

    def on_delete(self, listener: Callable[[str], None]) -> None:
        """Registers a listener, which is called with the name of each deleted endpoint."""
        self._on_delete.append(listener)

    def find(self, name: str) -> Endpoint:
        """Returns an endpoint by its name. Raises AwsError if it does not exist."""
        with self._lock:
            endpoint = self._endpoints.get(name.lower())
        if endpoint is None:
            raise aws_error(f'Could not find endpoint "{self._context.arn(f"endpoint/{name}")}".')
        return endpoint

    def stop(self) -> None:
        """Stops and removes all endpoints, even those in progress."""
        with self._lock:
            endpoints = list(self._endpoints.values())
            self._endpoints.clear()
        if endpoints:
            with ThreadPoolExecutor(len(endpoints)) as pool:
                for closed in [pool.submit(endpoint.close) for endpoint in endpoints]:
                    closed.result()

    @staticmethod
    def _differences(operation: str, request: Document) -> tuple[Difference, ...]:
        return of_request(operation, request, isolated=True)  # neither request has a field that isolation decides

    def _modifiable(self, name: str) -> Endpoint:
        endpoint = self.find(name)
        if endpoint.in_progress:
            raise aws_error(f'Cannot update in-progress endpoint "{endpoint.arn}".')
        return endpoint

    def _require_model(self, key: str, variant: dict[str, Any]) -> None:
        if "ModelName" not in variant:
            raise not_supported(f"{key}.ModelName", None, "inference components are not supported; name a model")
        definition = self._models.container(variant["ModelName"])
        if definition.get("Mode") == "MultiModel":
            raise not_supported(f"{key}.ModelName", variant["ModelName"], "a model of Mode SingleModel")

    def _config_arn(self, name: str) -> str:
        return self._context.arn(f"endpoint-config/{name}")
