"""SageMaker on this machine, and what the state machine needs of the services beside it: the one door for requests."""

import copy
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sagemaker_local.endpoints import Endpoints
from sagemaker_local.environments import Environments
from sagemaker_local.errors import Refused, not_supported
from sagemaker_local.guard import SECRET
from sagemaker_local.images import Images
from sagemaker_local.job import FinishedJob, JobContext
from sagemaker_local.jobs import Jobs
from sagemaker_local.model import Models
from sagemaker_local.mounts import view_of_this_machine
from sagemaker_local.registry import Registry
from sagemaker_local.requests import check_request, error_codes, service_model
from sagemaker_local.s3_cache import S3Cache
from sagemaker_local.services import SAGEMAKER, Service, functions

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class SageMaker:
    """SageMaker on this machine: runs one request at a time per call, thread-safe.

    Args:
        s3: a boto3 client; it names the endpoint that the jobs use too. The fastest one neither signs payloads nor adds
            checksums: ``Config(request_checksum_calculation="when_required", s3={"payload_signing_enabled": False})``.
        folder: of its own: ``logs``, ``jobs`` (a failed job's files stay there), ``models``, ``registry``, ``cache``.
        key: what each port asks for. See ``guard``.
        job_key: the access key id that jobs and models get, if the S3 is on this machine.
        secret: what goes with it, where the S3 checks signatures.
        region: in the ARNs and the jobs' environment.
        account: in the ARNs.
        log: is called with a job's action (``createTrainingJob``), its name and each line of its output, from several
            threads. The action, because a processing and a training job may have the same name.
        ended: is called with what a job has taken, when it has ended.
        namespaces: whether jobs get a real /opt/ml; None: where this machine can.
        images: the images that jobs can run in; None: AWS's own.
        environments: where their packages are kept; None: in the user's cache folder.
    """

    def __init__(
        self,
        *,
        s3: "S3Client",
        folder: Path,
        key: str,
        job_key: str,
        secret: str = SECRET,
        region: str,
        account: str,
        log: Callable[[str, str, str], None],
        ended: Callable[[FinishedJob], None] = lambda _job: None,
        namespaces: bool | None = None,
        images: Images | None = None,
        environments: Environments | None = None,
    ) -> None:
        self._context = JobContext(
            objects=S3Cache(s3=s3, cache=folder / "cache"),
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
        self._endpoints = Endpoints(self._context, self._models)
        self._jobs = Jobs(self._context, self._models, ended)
        self._actions = functions(self._context, registry, self._models, self._endpoints, self._jobs)
        # What the first job would otherwise wait for; both are cached.
        threading.Thread(target=service_model, args=[SAGEMAKER.name], daemon=True).start()
        threading.Thread(target=view_of_this_machine, daemon=True).start()

    @property
    def key(self) -> str:
        """What a request must carry that comes in by a port."""
        return self._context.key

    @property
    def finished_jobs(self) -> list[FinishedJob]:
        """What each job that ran has taken, in the order of their ends."""
        return self._jobs.finished

    def upload(self, file: Path, *, bucket: str, key: str) -> None:
        """Uploads a file so that a job which takes it as its input need not fetch it back.

        Raises:
            S3CacheError: S3 refused.
        """
        self._context.objects.put(file, f"s3://{bucket}/{key}")

    def run(self, action: str, request: dict[str, Any]) -> dict[str, Any]:
        """Does what one request asks for, and returns when it is done: what a task of a state machine gets.

        Args:
            action: as in the integration's ARN, without ``.sync``: ``createProcessingJob``, ``createTrainingJob``,
                ``createTransformJob`` or ``createModel`` of the optimized integrations, or one of the ``actions`` of
                the AWS SDK integrations.
            request: as the service takes it; what is made of bytes, such as ``Body``, as text.

        Returns:
            Describe's output for a job, the response otherwise: JSON-able; bytes as text.

        Raises:
            JobFailed: refused, or not completed.
            JobStopped: ``stop`` was called.
        """
        if action in self._jobs.creating:
            check_request(action, request)
            return self._jobs.run(action, copy.deepcopy(request))
        if action == "createModel":
            return self.answer(action, request)
        try:
            return _as_text(self.answer(action, _as_bytes(request)))
        except Refused as refusal:
            service = self._actions[action][0]
            raise refusal.of_sdk(service.java, error_codes(service.name)) from None

    @property
    def actions(self) -> Mapping[str, Service]:
        """The actions of an SDK, and the service of each; those that create a job return as soon as it is taken in."""
        return {action: service for action, (service, _) in self._actions.items()}

    def answer(self, action: str, request: dict[str, Any]) -> dict[str, Any]:
        """Does what one request asks for, in the services' own terms: what an AWS SDK gets.

        Args:
            action: one of ``actions``.
            request: as the service takes it.

        Returns:
            The response, with bytes where the service has them, and times as in ``listings.timestamp``.

        Raises:
            Refused: with the service's error code.
            JobFailed: this machine cannot do it.
        """
        if action not in self._actions:
            raise not_supported("the integration", action, f"one of {', '.join(self._actions)}")
        service, function = self._actions[action]
        check_request(action, request, service=service.name, code=service.malformed)
        return copy.deepcopy(function(copy.deepcopy(request)))

    def endpoint_url(self, name: str) -> str | None:
        """Where an endpoint answers ``/ping`` and ``/invocations`` on this machine; None unless it serves."""
        try:
            return self._endpoints.find(name).url
        except Refused:
            return None

    def stop(self) -> None:
        """Stops every job that runs, within seconds: their calls of ``run`` raise JobStopped. Ends all endpoints."""
        self._jobs.stop()
        self._endpoints.stop()

    def stop_job(self, action: str, name: str) -> None:
        """Stops the job of this action and name, if it runs; its call of ``run`` raises JobStopped within seconds."""
        self._jobs.stop_job(action, name)


def _as_bytes(request: dict[str, Any]) -> dict[str, Any]:
    """The request of an integration, in whose text a service sees UTF-8."""
    body = request.get("Body")
    return request | {"Body": body.encode()} if isinstance(body, str) else request


def _as_text(response: dict[str, Any]) -> dict[str, Any]:
    body = response.get("Body")
    if not isinstance(body, bytes):
        return response
    try:
        return response | {"Body": body.decode()}
    except UnicodeDecodeError:
        raise not_supported("Body of the response", f"{len(body)} bytes", "a state machine takes UTF-8 text") from None
