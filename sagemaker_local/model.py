"""Models: what CreateModel keeps of a container definition, and laying one out for the model server.

A definition is kept as a file, so that a later run on this machine finds the models of an earlier one.
"""

import json
import uuid
from pathlib import Path
from typing import Any

from sagemaker_local.archives import unpack
from sagemaker_local.container import Container
from sagemaker_local.environments import REQUIREMENTS_LENGTH
from sagemaker_local.errors import not_supported, refused
from sagemaker_local.job import JobContext, now
from sagemaker_local.job_files import JobFiles
from sagemaker_local.registry import Registry
from sagemaker_local.s3_cache import S3Cache, S3CacheError

MODEL = "/opt/ml/model"
CODE = "/opt/ml/code"


class Models:
    """The models of this machine.

    Args:
        context: where they are kept.
        registry: where the model packages are that they may be made of.
    """

    def __init__(self, context: JobContext, registry: Registry) -> None:
        self._context = context
        self._registry = registry
        self._folder = context.folder / "models"
        self._created: set[str] = set()

    def create(self, request: dict[str, Any]) -> dict[str, Any]:
        """CreateModel.

        Args:
            request: the checked request.

        Returns:
            What the integration gives, which without ``.sync`` is the response itself.

        Raises:
            JobFailed: the name is taken, the model data is not there, or the model package is not approved.
        """
        name = request["ModelName"]
        arn = self._context.arn(f"model/{name}")
        if name in self._created:
            raise refused(f'Cannot create already existing model "{arn}".')
        for container in self._containers(request, approved=True):
            _require_model_data(container, self._context.objects)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._file(name).write_text(json.dumps(request | {"ModelArn": arn, "CreationTime": now()}))
        self._created.add(name)
        response = {"SdkHttpMetadata": {"HttpStatusCode": 200}, "SdkResponseMetadata": {"RequestId": str(uuid.uuid4())}}
        return {"ModelArn": arn} | response

    def container(self, name: str) -> dict[str, Any]:
        """The container definition of a model.

        Raises:
            JobFailed: there is no such model, or it is not made of one container.
        """
        containers = self._containers(self._request(name))
        if len(containers) != 1:
            raise not_supported(f"the number of containers of model {name}", len(containers), "use PrimaryContainer")
        return containers[0]

    def is_isolated(self, name: str) -> bool:
        """Whether a model's containers get no network. Raises JobFailed: there is no such model."""
        return bool(self._request(name).get("EnableNetworkIsolation", False))

    def _request(self, name: str) -> dict[str, Any]:
        try:
            request: dict[str, Any] = json.loads(self._file(name).read_text())
        except FileNotFoundError:
            raise refused(f'Could not find model "{self._context.arn(f"model/{name}")}".') from None
        return request

    def _containers(self, request: dict[str, Any], *, approved: bool = False) -> list[dict[str, Any]]:
        """The container definitions of a model; those of a model package where it is made of one.

        Args:
            request: of CreateModel.
            approved: whether a model package must be.
        """
        primary = request.get("PrimaryContainer")
        given: list[dict[str, Any]] = [primary] if primary else request.get("Containers", [])
        return [found for container in given for found in self._packaged(container, approved=approved)]

    def _packaged(self, container: dict[str, Any], *, approved: bool) -> list[dict[str, Any]]:
        name = container.get("ModelPackageName")
        if name is None:
            return [container]
        package = self._registry.describe_package({"ModelPackageName": name})
        status = package["ModelApprovalStatus"]
        if approved and status != "Approved":
            # API_CreateModelPackage: it "must be set to Approved to deploy the model"; the words are ours.
            raise refused(f"ModelPackage {name} cannot be deployed: its ModelApprovalStatus is {status}, not Approved.")
        environment = container.get("Environment", {})
        return [
            definition | {"Environment": definition.get("Environment", {}) | environment}
            for definition in package.get("InferenceSpecification", {}).get("Containers", [])
        ]

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.json"


def lay_out(definition: dict[str, Any], container: Container, objects: S3Cache) -> None:
    """Puts the model's artifacts at ``/opt/ml/model`` and, if it comes from S3, its code at ``/opt/ml/code``.

    Args:
        definition: the container definition.
        container: the container that will serve it.
        objects: where from.

    Raises:
        Failure: an archive is none.
        S3CacheError: S3 refused.
    """
    folder = container.path(MODEL)
    folder.mkdir(parents=True, exist_ok=True)
    uri, compressed = _model_data(definition)
    if uri is not None:
        items = objects.items(uri)
        if compressed:
            unpack(objects.cached(items[0]), folder, uri=uri)
        else:
            objects.get(items, folder)
    # On AWS the container fetches its code itself; here it has nothing to fetch with.
    source = definition.get("Environment", {}).get("SAGEMAKER_SUBMIT_DIRECTORY", "")
    if source.startswith("s3://"):
        unpack(objects.cached(objects.items(source)[0]), container.path(CODE), uri=source)


def requirements_of(container: Container) -> str:
    """The content of the ``requirements.txt`` that goes with a model's code; empty if there is none.

    The serving containers install it from the model's ``code/`` folder, or from the code that
    ``SAGEMAKER_SUBMIT_DIRECTORY`` names.
    """
    for folder in (CODE, f"{MODEL}/code"):
        text = JobFiles(container.ml).text(f"{folder}/requirements.txt", REQUIREMENTS_LENGTH)
        if text:
            return text
    return ""


def _model_data(definition: dict[str, Any]) -> tuple[str | None, bool]:
    """The URI of a container's model data, and whether it is an archive."""
    source = definition.get("ModelDataSource", {}).get("S3DataSource")
    if source is not None:
        return source["S3Uri"], source.get("CompressionType") == "Gzip"
    return definition.get("ModelDataUrl"), True


def _require_model_data(definition: dict[str, Any], objects: S3Cache) -> None:
    uri, compressed = _model_data(definition)
    if uri is None:
        return
    try:
        found = objects.items(uri)
    except S3CacheError as error:
        raise refused(f"Could not find model data at {uri}.") from error
    if compressed and f"s3://{found[0].bucket}/{found[0].key}" != uri:
        raise refused(f"Could not find model data at {uri}.")
