"""SageMaker on this machine: the one door for requests."""

import copy
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.jobs.errors import not_supported, refused
from local.jobs.job import FinishedJob, Job, Site
from local.jobs.model import Models
from local.jobs.processing import ProcessingJob
from local.jobs.requests import check_request, service_model
from local.jobs.training import TrainingJob
from local.jobs.transform import TransformJob
from local.objects import Objects
from local.views import view_of_this_machine

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
        folder: of its own: ``logs`` and ``jobs`` (a failed job's files stay there), ``models``, ``cache``.
        region: in the ARNs and the jobs' environment.
        account: in the ARNs.
        log: is called with a job's action (``createTrainingJob``), its name and each line of its output, from several
            threads. The action, because a processing and a training job may have the same name.
        namespaces: whether jobs get a real /opt/ml; None: where this machine can.
    """

    def __init__(
        self,
        *,
        s3: "S3Client",
        folder: Path,
        region: str,
        account: str,
        log: Callable[[str, str, str], None],
        namespaces: bool | None = None,
    ) -> None:
        self._site = Site(
            objects=Objects(s3=s3, cache=folder / "cache"),
            folder=folder,
            region=region,
            account=account,
            endpoint=s3.meta.endpoint_url,
            log=log,
            namespaces=namespaces,
        )
        self._models = Models(self._site)
        self._lock = threading.Lock()
        self._names: set[tuple[str, str]] = set()
        self._running: set[Job] = set()
        self._finished: list[FinishedJob] = []
        # What the first job would otherwise wait for; both are cached.
        threading.Thread(target=service_model, daemon=True).start()
        threading.Thread(target=view_of_this_machine, daemon=True).start()

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
        self._site.objects.put(file, f"s3://{bucket}/{key}")

    def run(self, action: str, request: dict[str, Any]) -> dict[str, Any]:
        """Does what one request asks for, and returns when it is done.

        Args:
            action: as in the integration's ARN, without ``.sync``: ``createProcessingJob``, ``createTrainingJob``,
                ``createModel`` or ``createTransformJob``.
            request: as SageMaker takes it.

        Returns:
            Describe's output for a job, the response for a model: JSON-able.

        Raises:
            JobFailed: refused, or not completed.
            JobStopped: ``stop`` was called.
        """
        kinds: dict[str, Callable[[dict[str, Any]], Job]] = {
            "createProcessingJob": lambda checked: ProcessingJob(checked, self._site),
            "createTrainingJob": lambda checked: TrainingJob(checked, self._site),
            "createTransformJob": lambda checked: TransformJob(checked, self._site, self._models),
        }
        if action != "createModel" and action not in kinds:
            raise not_supported("the integration", action, f"one of {', '.join([*kinds, 'createModel'])}")
        check_request(action, request)
        request = copy.deepcopy(request)
        if action == "createModel":
            return self._models.create(request)
        return self._run(kinds[action](request))

    def stop(self) -> None:
        """Stops every job that runs; their calls of ``run`` raise JobStopped within seconds."""
        with self._lock:
            running = list(self._running)
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
                    self._finished.append(job.finished())
