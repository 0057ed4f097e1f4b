"""Runs jobs to their end for a state machine, and creates, describes, lists and stops them for an SDK.

Jobs are kept in memory: a new process starts with no jobs, and their names are free again.
"""

import contextlib
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sagemaker_local.errors import TaskFailed, aws_error, not_supported
from sagemaker_local.job import FinishedJob, Job, JobContext
from sagemaker_local.listings import Document, only, select_page
from sagemaker_local.model import Models
from sagemaker_local.processing import ProcessingJob
from sagemaker_local.training import TrainingJob
from sagemaker_local.transform import TransformJob

_TAKEN = {
    "Training": "Training job names must be unique within an AWS account and region, and a training job with this name "
    "already exists",
    "Processing": "Job name must be unique within an AWS account and region, and a job with this name already exists",
    "Transform": "Job name must be unique within an AWS account and region, and a job with this name already exists",
}
_STOP_SECONDS = 30.0
"""Seconds that ``stop`` waits for the jobs that an SDK created."""

Function = Callable[[Document], Document]


class Jobs:
    """All jobs. Safe to use from several threads.

    Args:
        context: the environment that they run in.
        models: the models for transform jobs.
        on_finish: called with each finished job and the resources it used.
    """

    def __init__(self, context: JobContext, models: Models, on_finish: Callable[[FinishedJob], None]) -> None:
        self._on_finish = on_finish
        self._kinds: dict[str, Callable[[Document], Job]] = {
            "Processing": lambda request: ProcessingJob(request, context),
            "Training": lambda request: TrainingJob(request, context),
            "Transform": lambda request: TransformJob(request, context, models),
        }
        self._lock = threading.Lock()
        self._jobs: dict[tuple[str, str], Job] = {}
        self._running: set[Job] = set()
        self._finished: list[FinishedJob] = []
        self._threads: list[threading.Thread] = []

    @property
    def create_actions(self) -> list[str]:
        """The actions that create jobs, such as ``createTrainingJob``."""
        return [f"create{noun}Job" for noun in self._kinds]

    @property
    def functions(self) -> dict[str, Function]:
        """The functions behind an SDK's actions, by the action's name."""
        found: dict[str, Function] = {}
        for noun in self._kinds:
            found |= {
                f"create{noun}Job": self._bound(self._create, noun),
                f"describe{noun}Job": self._bound(self._describe, noun),
                f"list{noun}Jobs": self._bound(self._list, noun),
                f"stop{noun}Job": self._bound(self._stop, noun),
            }
        return found

    @property
    def finished(self) -> list[FinishedJob]:
        """The finished jobs and the resources they used, in the order in which they finished."""
        with self._lock:
            return list(self._finished)

    def run(self, action: str, request: Document) -> Document:
        """Runs a job to its end. Returns Describe's output with times in milliseconds since the epoch.

        Args:
            action: one of ``create_actions``.
            request: the validated request.

        Raises:
            TaskFailed: the request was rejected, or the job failed.
            JobStopped: it was stopped.
        """
        return self._run(self._register(action.removeprefix("create").removesuffix("Job"), request))

    def stop(self) -> None:
        """Stops all running jobs and waits for those that an SDK created."""
        with self._lock:
            running, threads = list(self._running), list(self._threads)
        for job in running:
            job.stop()
        until = time.monotonic() + _STOP_SECONDS
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))

    def stop_job(self, action: str, name: str) -> None:
        """Stops a job by its action and name, if it is running."""
        with self._lock:
            running = [job for job in self._running if (job.action, job.name) == (action, name)]
        for job in running:
            job.stop()

    @staticmethod
    def _bound(function: Callable[[str, Document], Document], noun: str) -> Function:
        return lambda request: function(noun, request)

    def _register(self, noun: str, request: Document) -> Job:
        """Reserves the job's name and returns the job. Raises TaskFailed if the name is taken or ``prepare`` fails."""
        job = self._kinds[noun](request)
        with self._lock:
            if (noun, job.name) in self._jobs:
                raise aws_error(f"{_TAKEN[noun]} ({job.arn})", code="ResourceInUse")
            self._jobs[noun, job.name] = job
            self._running.add(job)
        try:
            job.prepare()
        except BaseException:
            with self._lock:
                self._running.discard(job)
                del self._jobs[noun, job.name]
            raise
        return job

    def _run(self, job: Job) -> Document:
        try:
            return job.run()
        finally:
            with self._lock:
                self._running.discard(job)
            if job.outcome is not None:
                finished = job.finished()
                with self._lock:
                    self._finished.append(finished)
                self._on_finish(finished)

    def _create(self, noun: str, request: Document) -> Document:
        job = self._register(noun, request)

        def run() -> None:
            with contextlib.suppress(TaskFailed):  # Describe returns the failure
                self._run(job)

        thread = threading.Thread(target=run, name=job.arn, daemon=True)
        with self._lock:
            self._threads = [*(other for other in self._threads if other.is_alive()), thread]
            thread.start()
        return {f"{noun}JobArn": job.arn}

    def _describe(self, noun: str, request: Document) -> Document:
        described: Document = _with_iso_times(self._find(noun, request).description())
        return described

    def _list(self, noun: str, request: Document) -> Document:
        for key in ("WarmPoolStatusEquals", "TrainingPlanArnEquals"):
            if key in request:
                raise not_supported(key, request[key], "leave it out")
        with self._lock:
            jobs = [job for (kind, _), job in self._jobs.items() if kind == noun]
        summaries = [self._summary(job) for job in jobs]
        status = f"{noun}JobStatus"
        wanted = [one for one in summaries if request.get("StatusEquals") in (None, one[status])]
        page, token = select_page(
            wanted, request, name=f"{noun}JobName", keys={"Status": lambda summary: summary[status]}
        )
        return {f"{noun}JobSummaries": page} | token

    def _summary(self, job: Job) -> Document:
        described = job.description()
        described.setdefault("LastModifiedTime", job.ended or job.started or job.created)
        fields = ("JobName", "JobArn", "JobStatus", "EndTime")
        others = ("CreationTime", "LastModifiedTime", "SecondaryStatus", "FailureReason", "ExitMessage")
        summary: Document = _with_iso_times(only(described, *(f"{job.noun}{field}" for field in fields), *others))
        return summary

    def _stop(self, noun: str, request: Document) -> Document:
        job = self._find(noun, request)
        if job.is_over:
            # SageMaker's wording (https://github.com/awslabs/benchmark-ai/issues/928).
            raise aws_error(f"The request was rejected because the {noun.lower()} job is in status {job.status}.")
        job.stop()
        return {}

    def _find(self, noun: str, request: Document) -> Job:
        with self._lock:
            job = self._jobs.get((noun, request[f"{noun}JobName"]))
        if job is None:
            # Not ResourceNotFound, despite the service model (https://github.com/aws/aws-sdk/issues/165).
            raise aws_error("Requested resource not found.")
        return job


def _with_iso_times(value: Any) -> Any:
    """Converts the times in a description from milliseconds to the form of ``listings.timestamp``."""
    if isinstance(value, list):
        return [_with_iso_times(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _iso(one) if key.endswith(("Time", "Timestamp")) and isinstance(one, int) else _with_iso_times(one)
        for key, one in value.items()
    }


def _iso(milliseconds: int) -> str:
    at = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
