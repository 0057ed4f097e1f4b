"""SageMaker's hosting on this machine: endpoint configurations, endpoints, and their invocation.

Both live as long as the process: an endpoint's servers end with it.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sagemaker_local.endpoint import Endpoint
from sagemaker_local.errors import not_supported, refused
from sagemaker_local.job import Site
from sagemaker_local.listings import Document, listed, only, timestamp, without
from sagemaker_local.model import Models

_SUMMARY = ("EndpointName", "EndpointArn", "CreationTime", "LastModifiedTime", "EndpointStatus")
_NOT_HERE = ("AsyncInferenceConfig", "ExplainerConfig", "ShadowProductionVariants")


class Endpoints:
    """The endpoints of this machine, and their configurations. Safe to use from several threads.

    Args:
        site: where they run.
        models: where their models are.
    """

    def __init__(self, site: Site, models: Models) -> None:
        self._site = site
        self._models = models
        self._configs: dict[str, Document] = {}
        self._endpoints: dict[str, Endpoint] = {}
        self._lock = threading.RLock()
        self._on_delete: list[Callable[[str], None]] = []

    def create_config(self, request: Document) -> Document:
        """CreateEndpointConfig.

        Raises:
            JobFailed: the name is taken, there is no such model, or what is asked for does not run here.
        """
        name = request["EndpointConfigName"]
        arn = self._config_arn(name)
        for key in _NOT_HERE:
            if key in request:
                raise not_supported(key, request[key], "leave it out")
        for number, variant in enumerate(request["ProductionVariants"]):
            self._require_model(f"ProductionVariants[{number}]", variant)
        with self._lock:
            if name.lower() in self._configs:
                raise refused(f'Cannot create already existing endpoint configuration "{arn}".')
            config = {"EndpointConfigArn": arn, "CreationTime": timestamp()}
            self._configs[name.lower()] = without(request, "Tags") | config
        return {"EndpointConfigArn": arn}

    def describe_config(self, request: Document) -> Document:
        """DescribeEndpointConfig. Raises Refused if there is none of the name."""
        name = request["EndpointConfigName"]
        with self._lock:
            if name.lower() not in self._configs:
                raise refused(f'Could not find endpoint configuration "{self._config_arn(name)}".')
            return self._configs[name.lower()]

    def delete_config(self, request: Document) -> Document:
        """DeleteEndpointConfig. Raises Refused if there is none of the name."""
        with self._lock:
            config = self.describe_config(request)
            del self._configs[config["EndpointConfigName"].lower()]
        return {}

    def create(self, request: Document) -> Document:
        """CreateEndpoint, which returns while the endpoint is being created.

        Raises:
            Refused: the name is taken, or there is no such configuration.
        """
        name = request["EndpointName"]
        with self._lock:
            if name.lower() in self._endpoints:
                raise refused(f'Cannot create already existing endpoint "{self._endpoints[name.lower()].arn}".')
            config = self.describe_config(request)
            endpoint = Endpoint(name, site=self._site, models=self._models)
            self._endpoints[name.lower()] = endpoint
            endpoint.deploy(config, request.get("DeploymentConfig"))
        return {"EndpointArn": endpoint.arn}

    def update(self, request: Document) -> Document:
        """UpdateEndpoint, which returns while the endpoint is being updated.

        Raises:
            Refused: there is no such endpoint or configuration, or it is in progress, or has failed.
        """
        with self._lock:
            endpoint = self._settled(request["EndpointName"])
            if endpoint.status == "Failed":
                # DeleteEndpoint is the only operation on a failed endpoint (API_DescribeEndpoint).
                raise refused(f'Cannot update failed endpoint "{endpoint.arn}".')
            endpoint.deploy(self.describe_config(request), request.get("DeploymentConfig"))
        return {"EndpointArn": endpoint.arn}

    def describe(self, request: Document) -> Document:
        """DescribeEndpoint. Raises Refused if there is none of the name."""
        return self.find(request["EndpointName"]).describe()

    def list(self, request: Document) -> Document:
        """ListEndpoints."""
        with self._lock:
            endpoints = [endpoint.describe() for endpoint in self._endpoints.values()]
        status = request.get("StatusEquals")
        endpoints = [endpoint for endpoint in endpoints if status in (None, endpoint["EndpointStatus"])]
        keys = {"Status": lambda endpoint: endpoint["EndpointStatus"]}
        page, more = listed(endpoints, request, name="EndpointName", keys=keys)
        return {"Endpoints": [only(endpoint, *_SUMMARY) for endpoint in page]} | more

    def delete(self, request: Document) -> Document:
        """DeleteEndpoint, which returns when its servers have ended. Raises Refused if it is none, or in progress."""
        with self._lock:
            endpoint = self._settled(request["EndpointName"])
            del self._endpoints[endpoint.name.lower()]
        endpoint.close()
        for listener in self._on_delete:
            listener(endpoint.name)
        return {}

    def on_delete(self, listener: Callable[[str], None]) -> None:
        """Has a listener called with the name of each endpoint that is deleted."""
        self._on_delete.append(listener)

    def find(self, name: str) -> Endpoint:
        """An endpoint by its name. Raises Refused if there is none."""
        with self._lock:
            endpoint = self._endpoints.get(name.lower())
        if endpoint is None:
            raise refused(f'Could not find endpoint "{self._site.arn(f"endpoint/{name}")}".')
        return endpoint

    def stop(self) -> None:
        """Ends all endpoints, whatever they do."""
        with self._lock:
            endpoints = list(self._endpoints.values())
            self._endpoints.clear()
        if endpoints:
            with ThreadPoolExecutor(len(endpoints)) as pool:
                for closed in [pool.submit(endpoint.close) for endpoint in endpoints]:
                    closed.result()

    def _settled(self, name: str) -> Endpoint:
        endpoint = self.find(name)
        if endpoint.in_progress:
            raise refused(f'Cannot update in-progress endpoint "{endpoint.arn}".')
        return endpoint

    def _require_model(self, key: str, variant: dict[str, Any]) -> None:
        if "ModelName" not in variant:
            raise not_supported(f"{key}.ModelName", None, "inference components have no place here; name a model")
        definition = self._models.container(variant["ModelName"])
        if definition.get("Mode") == "MultiModel":
            raise not_supported(f"{key}.ModelName", variant["ModelName"], "a model of Mode SingleModel")

    def _config_arn(self, name: str) -> str:
        return self._site.arn(f"endpoint-config/{name}")
