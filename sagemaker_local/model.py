"""Stores models and downloads their artifacts for the model server.

Models are stored as files, so that a later run on this machine finds them.
"""

import json
import uuid
from pathlib import Path
from typing import Any

from sagemaker_local.archives import unpack
from sagemaker_local.container import Container
from sagemaker_local.differences import Difference, of_request
from sagemaker_local.environments import REQUIREMENTS_LENGTH
from sagemaker_local.errors import aws_error, not_supported
from sagemaker_local.job import JobContext
from sagemaker_local.job_files import JobFiles
from sagemaker_local.listings import Document, only, select_page, timestamp, without
from sagemaker_local.registry import Registry
from sagemaker_local.s3_cache import S3Cache, S3CacheError

MODEL = "/opt/ml/model"
CODE = "/opt/ml/code"


class Models:
    """All models.

    Args:
        context: the environment, in whose folder they are stored.
        registry: the registry of the model packages from which they may be created.
    """

    def __init__(self, context: JobContext, registry: Registry) -> None:
        self._context = context
        self._registry = registry
        self._folder = context.folder / "models"
        self._created: set[str] = set()

    def create(self, request: dict[str, Any]) -> dict[str, Any]:
        """CreateModel.

        Args:
            request: the validated request.

        Returns:
            The response, as the integration returns it.

        Raises:
            TaskFailed: the name is taken, the model data is missing, or the model package is not approved.
        """
        name = request["ModelName"]
        arn = self._context.arn(f"model/{name}")
        if name in self._created:
            raise aws_error(f'Cannot create already existing model "{arn}".')
        for container in self._containers(request, approved=True):
            if container.get("Mode") == "MultiModel":
                raise not_supported("Mode", "MultiModel", "use SingleModel, with one model per endpoint")
            _require_model_data(container, self._context.s3)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._file(name).write_text(json.dumps(request | {"ModelArn": arn, "CreationTime": timestamp()}))
        self._created.add(name)
        response = {"SdkHttpMetadata": {"HttpStatusCode": 200}, "SdkResponseMetadata": {"RequestId": str(uuid.uuid4())}}
        return {"ModelArn": arn} | response

    def list_models(self, request: Document) -> Document:
        """ListModels."""
        models = [json.loads(file.read_text()) for file in self._folder.glob("*.json")]
        page, more = select_page(sorted(models, key=_created), request, name="ModelName")
        return {"Models": [only(model, "ModelName", "ModelArn", "CreationTime") for model in page]} | more

    def describe(self, request: Document) -> Document:
        """DescribeModel. Raises TaskFailed if it does not exist."""
        return without(self._request(request["ModelName"]), "Tags")

    def delete(self, request: Document) -> Document:
        """DeleteModel. Raises AwsError if it does not exist; what an endpoint serves, it goes on to serve."""
        name = self._request(request["ModelName"])["ModelName"]
        self._file(name).unlink()
        self._created.discard(name)
        return {}

    def container(self, name: str) -> dict[str, Any]:
        """Returns a model's container definition.

        Raises:
            TaskFailed: the model does not exist, or does not have exactly one container.
        """
        containers = self._containers(self._request(name))
        if len(containers) != 1:
            raise not_supported(f"the number of containers of model {name}", len(containers), "use PrimaryContainer")
        return containers[0]

    def is_isolated(self, name: str) -> bool:
        """Whether a model has network isolation. Raises TaskFailed if it does not exist."""
        return bool(self._request(name).get("EnableNetworkIsolation", False))

    def image_field(self, name: str) -> str:
        """Returns the field that names a model's image, with its operation. Raises TaskFailed without the model."""
        request = self._request(name)
        given = "PrimaryContainer" if "PrimaryContainer" in request else "Containers[0]"
        if _package_names(request):
            return "CreateModelPackage.InferenceSpecification.Containers[0].Image"
        return f"CreateModel.{given}.Image"

    def differences(self, name: str, *, isolated: bool) -> tuple[Difference, ...]:
        """Returns how a model differs from the same on AWS, by its request and its model package's.

        Args:
            name: the model's.
            isolated: whether jobs are isolated on this machine.

        Raises:
            TaskFailed: it does not exist.
        """
        request = self._request(name)
        packages = [self._registry.describe_package({"ModelPackageName": one}) for one in _package_names(request)]
        of_packages = [of_request("CreateModelPackage", package, isolated=isolated) for package in packages]
        own = of_request("CreateModel", request, isolated=isolated)
        return own + tuple(difference for found in of_packages for difference in found)

    def _request(self, name: str) -> dict[str, Any]:
        try:
            request: dict[str, Any] = json.loads(self._file(name).read_text())
        except FileNotFoundError:
            raise aws_error(f'Could not find model "{self._context.arn(f"model/{name}")}".') from None
        return request

    def _containers(self, request: dict[str, Any], *, approved: bool = False) -> list[dict[str, Any]]:
        """Returns a model's container definitions, or those of its model package.

        Args:
            request: the CreateModel request.
            approved: whether its model package must be approved.
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
            # API_CreateModelPackage: it "must be set to Approved to deploy the model"; the message is ours.
            raise aws_error(
                f"ModelPackage {name} cannot be deployed: its ModelApprovalStatus is {status}, not Approved."
            )
        environment = container.get("Environment", {})
        return [
            definition | {"Environment": definition.get("Environment", {}) | environment}
            for definition in package.get("InferenceSpecification", {}).get("Containers", [])
        ]

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.json"


def _created(model: Document) -> Any:
    return model["CreationTime"], model["ModelName"]


def _package_names(request: dict[str, Any]) -> list[str]:
    """Returns the model packages that a CreateModel request names."""
    primary = request.get("PrimaryContainer")
    given: list[dict[str, Any]] = [primary] if primary else request.get("Containers", [])
    return [container["ModelPackageName"] for container in given if "ModelPackageName" in container]


def download_model(definition: dict[str, Any], container: Container, s3: S3Cache) -> None:
    """Downloads a model's artifacts to ``/opt/ml/model`` and, if it is in S3, its code to ``/opt/ml/code``.

    Args:
        definition: the container definition.
        container: the container that will serve the model.
        s3: the S3 to download from.

    Raises:
        FailureReasonError: an archive is invalid.
        S3CacheError: an S3 request failed.
    """
    folder = container.path(MODEL)
    folder.mkdir(parents=True, exist_ok=True)
    uri, compressed = _model_data(definition)
    if uri is not None:
        items = s3.items(uri)
        if compressed:
            unpack(s3.cached(items[0]), folder, uri=uri)
        else:
            s3.get(items, folder)
    # On AWS the container downloads its code itself; our model server does not.
    source = definition.get("Environment", {}).get("SAGEMAKER_SUBMIT_DIRECTORY", "")
    if source.startswith("s3://"):
        unpack(s3.cached(s3.items(source)[0]), container.path(CODE), uri=source)


def requirements_of(container: Container) -> str:
    """Returns the ``requirements.txt`` that belongs to a model's code; empty if there is none.

    The serving containers install it from the model's ``code/`` folder, or from the code that
    ``SAGEMAKER_SUBMIT_DIRECTORY`` names.
    """
    for folder in (CODE, f"{MODEL}/code"):
        text = JobFiles(container.ml).text(f"{folder}/requirements.txt", REQUIREMENTS_LENGTH)
        if text:
            return text
    return ""


def _model_data(definition: dict[str, Any]) -> tuple[str | None, bool]:
    """Returns the URI of a container's model data, and whether it is an archive."""
    source = definition.get("ModelDataSource", {}).get("S3DataSource")
    if source is not None:
        return source["S3Uri"], source.get("CompressionType") == "Gzip"
    return definition.get("ModelDataUrl"), True


def _require_model_data(definition: dict[str, Any], s3: S3Cache) -> None:
    uri, compressed = _model_data(definition)
    if uri is None:
        return
    try:
        found = s3.items(uri)
    except S3CacheError as error:
        raise aws_error(f"Could not find model data at {uri}.") from error
    if compressed and f"s3://{found[0].bucket}/{found[0].key}" != uri:
        raise aws_error(f"Could not find model data at {uri}.")
