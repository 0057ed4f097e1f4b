"""What every kind of job has in common: its name, its place on this machine, how it ends and what Describe says of it.

A kind of job is a subclass: its ``prepare`` refuses what cannot run, its ``work`` runs it.
"""

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from sagemaker_local.container import Container, Exit, StoppedError, printable
from sagemaker_local.environments import Environments, InstallFailedError, PythonEnvironment
from sagemaker_local.errors import REASON_LENGTH, Failure, PackageBuildError, failure_reason, not_supported, task_failed
from sagemaker_local.guard import SECRET
from sagemaker_local.images import Image, ImageError, Images
from sagemaker_local.job_files import Entry, JobFiles, is_text, remove
from sagemaker_local.mounts import ISOLATED, PREFIX
from sagemaker_local.s3_cache import S3Cache, S3CacheError, in_parallel, join_uri

_ENDED = ("Completed", "Failed", "Stopped")


@dataclass(frozen=True, kw_only=True)
class JobContext:
    """Where jobs run: all that they share."""

    objects: S3Cache
    folder: Path
    region: str
    account: str
    endpoint: str
    """The S3 client's endpoint."""
    key: str
    """What each port of this machine asks for; see ``guard``."""
    job_key: str
    """The access key id that jobs get for the S3."""
    secret: str = SECRET
    """What goes with it."""
    log: Callable[[str, str, str], None]
    """Is called with a job's action and name, and a line."""
    namespaces: bool | None
    images: Images
    environments: Environments

    def arn(self, resource: str) -> str:
        """The ARN of a SageMaker resource, such as ``processing-job/name``: in small letters, as SageMaker makes it."""
        return f"arn:aws:sagemaker:{self.region}:{self.account}:{resource.lower()}"

    def environment(self, *, offline: bool) -> dict[str, str]:
        """On AWS a container has its role's credentials; here the emulator's, which are good for nothing else.

        With network isolation it has none
        (https://docs.aws.amazon.com/sagemaker/latest/dg/mkt-algo-model-internet-free.html).
        """
        variables = {"AWS_REGION": self.region, "AWS_DEFAULT_REGION": self.region}
        if not offline and urlsplit(self.endpoint).hostname in ("127.0.0.1", "localhost"):
            keys = {"AWS_ACCESS_KEY_ID": self.job_key, "AWS_SECRET_ACCESS_KEY": self.secret}
            variables |= keys | {"AWS_ENDPOINT_URL": self.endpoint}
        return variables

    def image(self, key: str, uri: str | None) -> Image:
        """The image that a request names.

        Raises:
            JobFailed: this machine does not know it.
        """
        try:
            return self.images.find(uri or "")
        except ImageError as error:
            raise not_supported(key, uri, str(error)) from error

    def python(self, image: Image, requirements: str, *, say: Callable[[str], None]) -> PythonEnvironment:
        """The packages of an image, installed on this machine where they are missing. Raises Failure."""
        try:
            return self.environments.get(image, requirements, say=say)
        except InstallFailedError as error:
            raise (PackageBuildError if error.needs_build else Failure)(f"ClientError: {error}") from error


@dataclass(frozen=True, kw_only=True)
class FinishedJob:
    """What running a job took."""

    name: str
    action: str
    status: str
    """``Completed``, ``Failed`` or ``Stopped``."""
    seconds: float
    """Wall seconds of its process, from start to end."""
    memory_bytes: int
    """Peak resident memory of the largest of its processes."""
    log_file: Path


class Job:
    """One job, from its request to its end. ``run`` once; ``stop`` from any thread.

    Args:
        request: the checked request of Create...Job.
        context: where it runs.
    """

    noun: str
    """``Processing``, ``Training`` or ``Transform``: what SageMaker's field names begin with."""
    image: Image
    """The image that it runs in; set by ``prepare``."""

    def __init__(self, request: dict[str, Any], context: JobContext) -> None:
        self.request = request
        self.context = context
        self.name: str = request[f"{self.noun}JobName"]
        self.arn = context.arn(f"{self.noun}-job/{self.name}")
        self.action = f"create{self.noun}Job"
        self.created = now()
        self.status = "InProgress"
        self.started: int | None = None
        self.ended: int | None = None
        self.outcome: Exit | None = None
        # Grouped as CloudWatch's log groups are: a processing and a training job may have the same name.
        self.folder = context.folder / "jobs" / f"{self.noun}Jobs" / self.name
        self.log_file = context.folder / "logs" / f"{self.noun}Jobs" / f"{self.name}.log"
        self._container: Container | None = None
        self._ended_as: dict[str, Any] | None = None
        self._stopped = threading.Event()

    @property
    def container(self) -> Container:
        """The job's container, once it runs."""
        if self._container is None:
            raise RuntimeError("the job has not begun")
        return self._container

    def prepare(self) -> None:
        """Raises JobFailed for a request that SageMaker refuses on sight or that does not run here."""

    def work(self) -> None:
        """Runs the job. Raises Failure."""
        raise NotImplementedError

    def instance_count(self) -> int:
        """How many machines the request asks for."""
        return 1

    def run(self) -> dict[str, Any]:
        """Runs the job to its end.

        Returns:
            Describe's output, as the ``.sync`` integration gives it: times in milliseconds since the epoch.

        Raises:
            JobFailed: it did not complete; its folder is kept.
            JobStopped: it was stopped.
        """
        remove(self.folder)
        self.log_file.unlink(missing_ok=True)
        self._container = Container(
            folder=self.folder,
            log_file=self.log_file,
            log=lambda line: self.context.log(self.action, self.name, line),
            namespaces=self.context.namespaces,
            private=[self.context.folder],
        )
        self.files = JobFiles(self._container.ml)
        try:
            self.check()
            self.work()
            described = self._end("Completed")
        except StoppedError:
            raise task_failed(self._end("Stopped"), stopped=True) from None
        except (Failure, S3CacheError, OSError) as error:
            raise self._failed(error) from error
        except Exception as error:
            self._end("Failed", f"InternalServerError: {error!r}"[:REASON_LENGTH])
            raise
        finally:
            self.container.close()
        remove(self.folder)
        return described

    def stop(self) -> None:
        """Has the job end soon, as stopped."""
        self._stopped.set()
        if self._container is not None:
            self._container.stop()

    def check(self) -> None:
        """Raises StoppedError if the job has been stopped."""
        if self._stopped.is_set():
            raise StoppedError

    def start(
        self,
        command: Sequence[str],
        environment: dict[str, str],
        *,
        requirements: str = "",
        offline: bool = False,
        **options: Any,
    ) -> None:
        """Starts the job's process with what SageMaker sets for each; see ``Container.start``.

        Args:
            command: program and arguments.
            environment: the job's own variables.
            requirements: what to install on top of the image's packages, as in a ``requirements.txt``.
            offline: whether to keep the network from it.
            options: see ``Container.start``.

        Raises:
            Failure: the packages could not be installed.
        """
        python = self.context.python(self.image, requirements, say=self.container.say)
        self.check()
        if self.container.view == PREFIX:
            self.container.say(f"No mount namespace here: {self.container.ml} stands for /opt/ml (SAGEMAKER_BASE_DIR)")
        if self.container.view != ISOLATED:
            self.container.say(
                "This job is not isolated: its code can do what the user can who started the environment"
            )
            if offline:
                self.container.say("EnableNetworkIsolation is kept, and this machine cannot enforce it")
        instances = self.instance_count()
        if instances > 1:
            self.container.say(f"InstanceCount is {instances}: this machine is one")
        self.started = now()
        variables = self.context.environment(offline=offline) | environment
        self.container.start(command, variables, python=python, offline=offline, **options)

    def finish(self, timeout: float | None = None) -> Exit:
        """Waits for the end of the job's process. Raises StoppedError if it was stopped, Failure if its time was up."""
        self.outcome = outcome = self.container.wait(timeout)
        self.ended = now()
        self.check()
        if outcome.timed_out:
            raise Failure(
                f"MaxRuntimeExceeded: the job ran longer than StoppingCondition.MaxRuntimeInSeconds = {timeout:.0f}",
                exceeded=True,
            )
        return outcome

    def finished(self) -> FinishedJob:
        """What the job has taken; only after its process has ended."""
        if self.outcome is None:
            raise RuntimeError("no process of the job has ended")
        return FinishedJob(
            name=self.name,
            action=self.action,
            status=self.status,
            seconds=self.outcome.seconds,
            memory_bytes=self.outcome.memory_bytes,
            log_file=self.log_file,
        )

    @property
    def is_over(self) -> bool:
        """Whether the job has ended, in whatever way."""
        return self._ended_as is not None

    def description(self) -> dict[str, Any]:
        """Describe's output at this moment, from any thread."""
        if self._ended_as is not None:
            return dict(self._ended_as)
        return self.describe("Stopping" if self._stopped.is_set() else "InProgress")

    def describe(self, status: str, reason: str | None = None) -> dict[str, Any]:
        """Describe's output for a status, and for FailureReason."""
        described = {key: value for key, value in self.request.items() if key != "Tags"}
        described |= {
            f"{self.noun}JobArn": self.arn,
            f"{self.noun}JobStatus": status,
            "CreationTime": self.created,
            f"{self.noun}StartTime": self.started,
            f"{self.noun}EndTime": (self.ended or now()) if status in _ENDED else None,
            "FailureReason": reason,
        }
        return {key: value for key, value in described.items() if value is not None}

    def message(self, file: str) -> str:
        """The beginning of a file in /opt/ml/output in which the container may say how it ended; else empty."""
        return printable(self.files.text(f"/opt/ml/output/{file}", REASON_LENGTH), keep="\n\t")[:REASON_LENGTH]

    def upload(self, folder: str, uri: str) -> None:
        """Uploads the regular files that the job has left below a folder; says what else is there.

        Raises:
            Failure: the folder is none, or holds too much.
            S3CacheError: S3 refused.
        """
        files = []
        for entry in self.files.entries(folder):
            if entry.is_file and is_text(str(entry.path)):
                files.append(entry)
            elif not entry.is_folder:
                self.container.say(f"{folder}/{entry.path} is {entry.kind} and not uploaded")

        def put(entry: Entry) -> None:
            self.check()
            path = PurePosixPath(folder, entry.path)
            with self.files.folder(str(path.parent)) as parent, self.files.open(str(path)) as opened:
                self.context.objects.put_left(opened, path.name, parent, join_uri(uri, str(entry.path)))

        in_parallel(put, files)

    def write_config(self, path: str, content: object) -> None:
        """Writes one of the JSON files that SageMaker leaves in the container."""
        file = self.container.path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content))

    def _end(self, status: str, reason: str | None = None) -> dict[str, Any]:
        described = self.describe(status, reason)
        self.status, self._ended_as = status, described
        return described

    def _failed(self, error: Exception) -> Exception:
        kind = "InternalServerError" if isinstance(error, OSError) else "ClientError"
        head = str(error) if isinstance(error, Failure) else f"{kind}: {error}"
        reason = failure_reason(
            head, log=str(self.log_file), files=str(self.folder), last_lines=self.container.last_lines
        )
        exceeded = isinstance(error, Failure) and error.exceeded
        return task_failed(self._end("Stopped" if exceeded else "Failed", reason))


def now() -> int:
    """Milliseconds since the epoch, which is how SageMaker's times reach a state machine.

    (https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html)
    """
    return int(time.time() * 1000)
