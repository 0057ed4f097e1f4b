"""The entry point for all requests to SageMaker and to the other services that the state machine needs."""

import copy
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sagemaker_local.endpoint import DeployedEndpoint
from sagemaker_local.endpoints import Endpoints
from sagemaker_local.environments import Environments
from sagemaker_local.errors import AwsError, not_supported
from sagemaker_local.guard import SECRET
from sagemaker_local.images import Images
from sagemaker_local.job import FinishedJob, JobContext
from sagemaker_local.jobs import Jobs
from sagemaker_local.model import Models
from sagemaker_local.mounts import best_view
from sagemaker_local.registry import Registry
from sagemaker_local.requests import check_request, error_codes, service_model
from sagemaker_local.s3_cache import S3Cache
from sagemaker_local.services import SAGEMAKER, Service, functions

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class SageMaker:
    """SageMaker on this machine. Safe to use from several threads.

    Args:
        s3: a boto3 client; jobs use its endpoint, too. The fastest one neither signs payloads nor adds checksums:
            ``Config(request_checksum_calculation="when_required", s3={"payload_signing_enabled": False})``.
        folder: for ``logs``, ``jobs`` (with the files of failed jobs), ``models``, ``registry`` and ``cache``.
        key: the key that each port requires; see ``guard``.
        job_key: the access key id for jobs and models, if S3 is on this machine; None: they get no credentials.
        secret: the secret key for ``job_key``, if S3 verifies signatures.
        region: the region for ARNs and the jobs' environment.
        account: the account for ARNs.
        log: called from several threads with a job's action (``createTrainingJob``), its name and each line of its
            output. The name is unique only together with the action.
        on_finish: called with each finished job and the resources it used.
        on_deploy: called with each endpoint that serves a configuration.
        namespaces: whether jobs get a real /opt/ml; None: if this machine supports it.
        images: the images that jobs can run in; by default AWS's own.
        environments: the cache of their packages; by default in the user's cache folder.
    """

    def __init__(
        self,
        *,
        s3: "S3Client",
        folder: Path,
        key: str,
        job_key: str | None,
        secret: str = SECRET,
        region: str,
        account: str,
        log: Callable[[str, str, str], None],
        on_finish: Callable[[FinishedJob], None] = lambda _job: None,
        on_deploy: Callable[[DeployedEndpoint], None] = lambda _endpoint: None,
        namespaces: bool | None = None,
        images: Images | None = None,
        environments: Environments | None = None,
    ) -> None:
        self._context = JobContext(
            s3=S3Cache(s3=s3, cache=folder / "cache"),
            folder=folder,
            key=key,
            job_key=job_key,
            secret=secret,
            region=region,
            account=account,
            endpoint=s3.meta.endpoint_url,
            log=log,
            namespaces=namespaces,
            images=images or Images(),
            environments=environments or Environments(),
        )
        registry = Registry(self._context)
        self._models = Models(self._context, registry)
        self._endpoints = Endpoints(self._context, self._models, on_deploy)
        self._jobs = Jobs(self._context, self._models, on_finish)
        self._actions = functions(self._context, registry, self._models, self._endpoints, self._jobs)
        # Fills two caches that the first job would otherwise wait for.
        threading.Thread(target=service_model, args=[SAGEMAKER.name], daemon=True).start()
        threading.Thread(target=best_view).start()  # not a daemon, so that its folder is removed before Python exits

    @property
    def key(self) -> str:
        """The key that requests to a port must carry."""
        return self._context.key

    @property
    def finished_jobs(self) -> list[FinishedJob]:
        """The finished jobs and the resources they used, in the order in which they finished."""
        return self._jobs.finished

    def upload(self, file: Path, *, bucket: str, key: str) -> None:
        """Uploads a file and caches it, so that a job with this input need not download it.

        Raises:
            S3CacheError: an S3 request failed.
        """
        self._context.s3.put(file, f"s3://{bucket}/{key}")

    def run(self, action: str, request: dict[str, Any]) -> dict[str, Any]:
        """Runs a state machine's task to its end.

        Args:
            action: as in the integration's ARN, without ``.sync``: ``createProcessingJob``, ``createTrainingJob``,
                ``createTransformJob`` or ``createModel`` for the optimized integrations, or one of ``actions`` for the
                AWS SDK integrations.
            request: the service's request, with text in place of bytes, such as in ``Body``.

        Returns:
            Describe's output for a job, otherwise the response; can be encoded as JSON.

        Raises:
            TaskFailed: the request was rejected, or the job failed.
            JobStopped: the job was stopped.
        """
        if action in self._jobs.create_actions:
            check_request(action, request)
            return self._jobs.run(action, copy.deepcopy(request))
        return self.call(action, request, sdk=action != "createModel")

    def call(self, action: str, request: dict[str, Any], *, sdk: bool) -> dict[str, Any]:
        """Executes a state machine's request that waits for nothing: a job has only been created when it returns.

        Args:
            action: as for ``run``.
            request: as for ``run``.
            sdk: whether by an AWS SDK integration, whose errors have other names than the optimized ones.

        Raises:
            TaskFailed: the request was rejected.
        """
        if not sdk:
            return self.answer(action, request)
        try:
            return _as_text(self.answer(action, _as_bytes(request)))
        except AwsError as refusal:
            service = self._actions[action][0]
            raise refusal.of_sdk(service.java, error_codes(service.name)) from None

    @property
    def actions(self) -> Mapping[str, Service]:
        """The actions for SDKs, with their services."""
        return {action: service for action, (service, _) in self._actions.items()}

    def answer(self, action: str, request: dict[str, Any]) -> dict[str, Any]:
        """Answers an SDK's request. Actions that create a job return as soon as it exists.

        Args:
            action: one of ``actions``.
            request: the service's request.

        Returns:
            The response, with bytes where the service has bytes, and times as in ``listings.timestamp``.

        Raises:
            AwsError: the service's error.
            TaskFailed: this machine does not support the request.
        """
        if action not in self._actions:
            raise not_supported("the integration", action, f"one of {', '.join(self._actions)}")
        service, function = self._actions[action]
        check_request(action, request, service=service.name, code=service.malformed)
        return copy.deepcopy(function(copy.deepcopy(request)))

    def endpoint_url(self, name: str) -> str | None:
        """Returns the URL at which an endpoint serves ``/ping`` and ``/invocations``; None if it is not in service."""
        try:
            return self._endpoints.find(name).url
        except AwsError:
            return None

    def stop(self) -> None:
        """Stops all jobs within seconds, so that their calls of ``run`` raise JobStopped, and all endpoints."""
        self._jobs.stop()
        self._endpoints.stop()

    def stop_job(self, action: str, name: str) -> None:
        """Stops a job by its action and name, if it is running; its call of ``run`` then raises JobStopped."""
        self._jobs.stop_job(action, name)


def _as_bytes(request: dict[str, Any]) -> dict[str, Any]:
    """Encodes the text of an integration's ``Body``, as UTF-8."""
    body = request.get("Body")
    return request | {"Body": body.encode()} if isinstance(body, str) else request


def _as_text(response: dict[str, Any]) -> dict[str, Any]:
    body = response.get("Body")
    if not isinstance(body, bytes):
        return response
    try:
        return response | {"Body": body.decode()}
    except UnicodeDecodeError:
        raise not_supported(
            "Body of the response", f"{len(body)} bytes", "a state machine can only receive UTF-8 text"
        ) from None
