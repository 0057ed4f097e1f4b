"""The jobs of this machine: run to their end for a state machine, or created, described, listed and stopped by an SDK.

Jobs are kept in memory: a new process knows none of an earlier one's, and their names are free again.
"""

import contextlib
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sagemaker_local.errors import JobFailed, not_supported, refused
from sagemaker_local.job import FinishedJob, Job, JobContext
from sagemaker_local.listings import Document, listed, only
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
_END_SECONDS = 30.0
"""How long ``stop`` waits for jobs that were created to end; their processes get 10 of them."""

Function = Callable[[Document], Document]


class Jobs:
    """Runs jobs and remembers them. Thread-safe.

    Args:
        context: where they run.
        models: where a transform job's model is.
        ended: is called with what each job took, once it has ended.
    """

    def __init__(self, context: JobContext, models: Models, ended: Callable[[FinishedJob], None]) -> None:
        self._ended = ended
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
    def creating(self) -> list[str]:
        """The actions that create a job, such as ``createTrainingJob``."""
        return [f"create{noun}Job" for noun in self._kinds]

    @property
    def functions(self) -> dict[str, Function]:
        """The actions of an SDK, by their names, and what answers each."""
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
        """What each job that ran has taken, in the order of their ends."""
        with self._lock:
            return list(self._finished)

    def run(self, action: str, request: Document) -> Document:
        """Runs a job to its end, and returns Describe's output with times in milliseconds since the epoch.

        Args:
            action: one of ``creating``.
            request: the checked request.

        Raises:
            JobFailed: refused, or not completed.
            JobStopped: it was stopped.
        """
        return self._run(self._prepared(action.removeprefix("create").removesuffix("Job"), request))

    def stop(self) -> None:
        """Stops every job that runs, and waits for those that an SDK has created."""
        with self._lock:
            running, threads = list(self._running), list(self._threads)
        for job in running:
            job.stop()
        until = time.monotonic() + _END_SECONDS
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))

    def stop_job(self, action: str, name: str) -> None:
        """Stops the job of this action and name, if it runs."""
        with self._lock:
            running = [job for job in self._running if (job.action, job.name) == (action, name)]
        for job in running:
            job.stop()

    @staticmethod
    def _bound(function: Callable[[str, Document], Document], noun: str) -> Function:
        return lambda request: function(noun, request)

    def _prepared(self, noun: str, request: Document) -> Job:
        """A job whose name is taken from now on, and whose request runs here."""
        job = self._kinds[noun](request)
        with self._lock:
            if (noun, job.name) in self._jobs:
                raise refused(f"{_TAKEN[noun]} ({job.arn})", code="ResourceInUse")
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
                self._ended(finished)

    def _create(self, noun: str, request: Document) -> Document:
        job = self._prepared(noun, request)

        def run() -> None:
            with contextlib.suppress(JobFailed):  # Describe says it
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
        page, token = listed(wanted, request, name=f"{noun}JobName", keys={"Status": lambda summary: summary[status]})
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
            # As SageMaker words it (https://github.com/awslabs/benchmark-ai/issues/928).
            raise refused(f"The request was rejected because the {noun.lower()} job is in status {job.status}.")
        job.stop()
        return {}

    def _find(self, noun: str, request: Document) -> Job:
        with self._lock:
            job = self._jobs.get((noun, request[f"{noun}JobName"]))
        if job is None:
            # Not ResourceNotFound, whatever the model says (https://github.com/aws/aws-sdk/issues/165).
            raise refused("Requested resource not found.")
        return job


def _with_iso_times(value: Any) -> Any:
    """A description with its times as ``listings.timestamp`` has them; they are milliseconds in a ``.sync`` task's."""
    if isinstance(value, list):
        return [_with_iso_times(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _iso(one) if key.endswith("Time") and isinstance(one, int) else _with_iso_times(one)
        for key, one in value.items()
    }


def _iso(milliseconds: int) -> str:
    at = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
