"""SageMaker on this machine, and what the state machine needs of the services beside it: the one door for requests."""

import copy
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sagemaker_local.endpoints import Endpoints
from sagemaker_local.errors import Refused, not_supported, refused
from sagemaker_local.job import FinishedJob, Job, JobContext
from sagemaker_local.model import Models
from sagemaker_local.mounts import view_of_this_machine
from sagemaker_local.processing import ProcessingJob
from sagemaker_local.registry import Registry
from sagemaker_local.requests import check_request, error_codes, service_model
from sagemaker_local.s3_cache import Objects
from sagemaker_local.services import SAGEMAKER, Service, functions
from sagemaker_local.training import TrainingJob
from sagemaker_local.transform import TransformJob

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_TAKEN = {
    "Training": "Training job names must be unique within an AWS account and region, and a training job with this name "
    "already exists",
    "Processing": "Job name must be unique within an AWS account and region, and a job with this name already exists",
    "Transform": "Job name must be unique within an AWS account and region, and a job with this name already exists",
}


class SageMaker:
    """SageMaker on this machine: runs one request at a time per call, thread-safe.

    Args:
        s3: a boto3 client; it names the endpoint that the jobs use too. The fastest one neither signs payloads nor adds
            checksums: ``Config(request_checksum_calculation="when_required", s3={"payload_signing_enabled": False})``.
        folder: of its own: ``logs``, ``jobs`` (a failed job's files stay there), ``models``, ``registry``, ``cache``.
        key: the environment's; each of its ports asks for it. See ``guard``.
        job_key: the access key id that jobs and models get for the S3 endpoint.
        region: in the ARNs and the jobs' environment.
        account: in the ARNs.
        log: is called with a job's action (``createTrainingJob``), its name and each line of its output, from several
            threads. The action, because a processing and a training job may have the same name.
        ended: is called with what a job has taken, when it has ended.
        namespaces: whether jobs get a real /opt/ml; None: where this machine can.
    """

    def __init__(
        self,
        *,
        s3: "S3Client",
        folder: Path,
        key: str,
        job_key: str,
        region: str,
        account: str,
        log: Callable[[str, str, str], None],
        ended: Callable[[FinishedJob], None] = lambda _job: None,
        namespaces: bool | None = None,
    ) -> None:
        self._context = JobContext(
            objects=Objects(s3=s3, cache=folder / "cache"),
            folder=folder,
            key=key,
            job_key=job_key,
            region=region,
            account=account,
            endpoint=s3.meta.endpoint_url,
            log=log,
            namespaces=namespaces,
        )
        registry = Registry(self._context)
        self._models = Models(self._context, registry)
        self._endpoints = Endpoints(self._context, self._models)
        self._jobs: dict[str, Callable[[dict[str, Any]], Job]] = {
            "createProcessingJob": lambda checked: ProcessingJob(checked, self._context),
            "createTrainingJob": lambda checked: TrainingJob(checked, self._context),
            "createTransformJob": lambda checked: TransformJob(checked, self._context, self._models),
        }
        self._actions = functions(self._context, registry, self._models, self._endpoints)
        self._ended = ended
        self._lock = threading.Lock()
        self._names: set[tuple[str, str]] = set()
        self._running: set[Job] = set()
        self._finished: list[FinishedJob] = []
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
        with self._lock:
            return list(self._finished)

    def upload(self, file: Path, *, bucket: str, key: str) -> None:
        """Uploads a file so that a job which takes it as its input need not fetch it back.

        Raises:
            ObjectsError: S3 refused.
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
        if action in self._jobs:
            check_request(action, request)
            return self._run(self._jobs[action](copy.deepcopy(request)))
        if action == "createModel":
            return self.answer(action, request)
        try:
            return _as_text(self.answer(action, _as_bytes(request)))
        except Refused as refusal:
            service = self._actions[action][0]
            raise refusal.of_sdk(service.java, error_codes(service.name)) from None

    @property
    def actions(self) -> Mapping[str, Service]:
        """The actions that are answered at once, and the service of each."""
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
            raise not_supported("the integration", action, f"one of {', '.join([*self._jobs, *self._actions])}")
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
        """Stops every job that runs; their calls of ``run`` raise JobStopped within seconds. Ends all endpoints."""
        with self._lock:
            running = list(self._running)
        for job in running:
            job.stop()
        self._endpoints.stop()

    def stop_job(self, action: str, name: str) -> None:
        """Stops the job of this action and name, if it runs; its call of ``run`` raises JobStopped within seconds."""
        with self._lock:
            running = [job for job in self._running if (job.action, job.name) == (action, name)]
        for job in running:
            job.stop()

    def _run(self, job: Job) -> dict[str, Any]:
        name = (job.noun, job.name)
        with self._lock:
            if name in self._names:
                raise refused(f"{_TAKEN[job.noun]} ({job.arn})", code="ResourceInUse")
            self._names.add(name)
            self._running.add(job)
        prepared = False
        try:
            job.prepare()
            prepared = True
            return job.run()
        finally:
            with self._lock:
                self._running.discard(job)
                if not prepared:
                    self._names.discard(name)
            if job.outcome is not None:
                finished = job.finished()
                with self._lock:
                    self._finished.append(finished)
                self._ended(finished)


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
