"""The base class of all jobs: runs a job from its request to its end, and describes it.

Each kind of job is a subclass: ``prepare`` rejects unsupported requests, ``work`` runs the job.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from sagemaker_local.container import Container, Exit, StoppedError, printable
from sagemaker_local.continuous import ContinuousUpload
from sagemaker_local.differences import Difference, Runtime, of_container, of_image, of_request, runtime
from sagemaker_local.environments import Environments, InstallFailedError, PythonEnvironment
from sagemaker_local.errors import (
    REASON_LENGTH,
    FailureReasonError,
    PackageBuildError,
    exception_line,
    failure_reason,
    not_supported,
    task_failed,
)
from sagemaker_local.guard import SECRET
from sagemaker_local.images import Image, ImageError, Images
from sagemaker_local.job_files import Entry, JobFiles, is_text, remove
from sagemaker_local.mounts import ISOLATED, PREFIX
from sagemaker_local.s3_cache import S3Cache, S3CacheError, in_parallel, join_uri

_ENDED = ("Completed", "Failed", "Stopped")


@dataclass(frozen=True, kw_only=True)
class JobContext:
    """The environment that all jobs and endpoints share."""

    s3: S3Cache
    folder: Path
    region: str
    account: str
    endpoint: str
    """The S3 client's endpoint."""
    key: str
    """The key that each port requires; see ``guard``."""
    job_key: str | None
    """The access key id that jobs use for S3; None: they get no credentials."""
    secret: str = SECRET
    """The secret key for ``job_key``."""
    log: Callable[[str, str, str], None]
    """Called with a job's action, its name and a line of its log."""
    namespaces: bool | None
    """See ``container.Container``."""
    images: Images
    environments: Environments

    def arn(self, resource: str) -> str:
        """Returns the ARN of a SageMaker resource, such as ``processing-job/name``, in lower case as in SageMaker."""
        return f"arn:aws:sagemaker:{self.region}:{self.account}:{resource.lower()}"

    def environment(self, *, offline: bool) -> dict[str, str]:
        """Returns the variables for AWS SDKs in a container, with credentials only for an S3 on this machine.

        With network isolation there are no credentials, as on AWS
        (https://docs.aws.amazon.com/sagemaker/latest/dg/mkt-algo-model-internet-free.html).
        """
        variables = {"AWS_REGION": self.region, "AWS_DEFAULT_REGION": self.region}
        if not offline and urlsplit(self.endpoint).hostname in ("127.0.0.1", "localhost"):
            variables["AWS_ENDPOINT_URL"] = self.endpoint
            if self.job_key:
                variables |= {"AWS_ACCESS_KEY_ID": self.job_key, "AWS_SECRET_ACCESS_KEY": self.secret}
        return variables

    def image(self, key: str, uri: str | None) -> Image:
        """The image that a request names.

        Raises:
            TaskFailed: this machine does not know it.
        """
        try:
            return self.images.find(uri or "")
        except ImageError as error:
            raise not_supported(key, uri, str(error)) from error

    def python(self, image: Image, requirements: str, *, log_line: Callable[[str], None]) -> PythonEnvironment:
        """The packages of an image, installed on this machine where they are missing. Raises FailureReasonError."""
        try:
            return self.environments.get(image, requirements, log_line=log_line)
        except InstallFailedError as error:
            raise (PackageBuildError if error.needs_build else FailureReasonError)(f"ClientError: {error}") from error


@dataclass(frozen=True, kw_only=True)
class FinishedJob:
    """A finished job and the resources it used."""

    name: str
    action: str
    status: str
    """``Completed``, ``Failed`` or ``Stopped``."""
    seconds: float
    """Wall-clock seconds from its process's start to its exit."""
    memory_bytes: int
    """Peak resident memory of its largest process."""
    log_file: Path
    runtime: Runtime | None = None
    """What it ran in."""
    differences: tuple[Difference, ...] = ()
    """How it differed from the same job on AWS."""


class Job:
    """One job. Call ``run`` once; ``stop`` from any thread.

    Args:
        request: the validated Create...Job request.
        context: the environment that it runs in.
    """

    noun: str
    """``Processing``, ``Training`` or ``Transform``: the prefix of SageMaker's field names."""
    image: Image
    """The image that the job runs in; set by ``prepare``."""

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
        self.runtime: Runtime | None = None
        self.differences: tuple[Difference, ...] = ()
        # Grouped like CloudWatch's log groups, because a processing and a training job may have the same name.
        self.folder = context.folder / "jobs" / f"{self.noun}Jobs" / self.name
        self.log_file = context.folder / "logs" / f"{self.noun}Jobs" / f"{self.name}.log"
        self._container: Container | None = None
        self._final: dict[str, Any] | None = None
        self._stopped = threading.Event()

    @property
    def container(self) -> Container:
        """The job's container. Raises RuntimeError before ``run``."""
        if self._container is None:
            raise RuntimeError("the job has not started")
        return self._container

    def prepare(self) -> None:
        """Raises TaskFailed for a request that SageMaker would reject or that is not supported here."""

    def work(self) -> None:
        """Does the job's work. Raises FailureReasonError if it fails."""
        raise NotImplementedError

    def image_field(self) -> tuple[str, str | None]:
        """Returns the request's field that names the image, and its value."""
        raise NotImplementedError

    def request_differences(self, *, isolated: bool) -> tuple[Difference, ...]:
        """Returns the differences of the request's fields.

        Args:
            isolated: whether jobs are isolated on this machine.
        """
        return of_request(f"Create{self.noun}Job", self.request, isolated=isolated)

    def instance_count(self) -> int:
        """Returns the requested number of instances."""
        return 1

    def run(self) -> dict[str, Any]:
        """Runs the job to its end.

        Returns:
            Describe's output as the ``.sync`` integration returns it, with times in milliseconds since the epoch.

        Raises:
            TaskFailed: it failed; its folder is kept.
            JobStopped: it was stopped.
        """
        remove(self.folder)
        self.log_file.unlink(missing_ok=True)
        self._container = Container(
            folder=self.folder,
            log_file=self.log_file,
            log=self._read_line,
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
        except (FailureReasonError, S3CacheError, OSError) as error:
            raise self._failed(error) from error
        except Exception as error:
            self._end("Failed", f"InternalServerError: {error!r}"[:REASON_LENGTH])
            raise
        finally:
            self.container.close()
        # The execution need not wait until gigabytes are freed.
        threading.Thread(target=remove, args=(self.folder,)).start()
        return described

    def stop(self) -> None:
        """Stops the job and returns."""
        self._stopped.set()
        if self._container is not None:
            self._container.stop()

    def read_line(self, line: str) -> None:
        """Reads a line of the job's log, in another thread."""

    def _read_line(self, line: str) -> None:
        self.read_line(line)
        self.context.log(self.action, self.name, line)

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
        installs: str = "",
        offline: bool = False,
        **options: Any,
    ) -> None:
        """Starts the job's process with the variables that every job gets; see ``Container.start``.

        Args:
            command: program and arguments.
            environment: the job's variables.
            requirements: packages to install on top of the image's, in the format of ``requirements.txt``.
            installs: packages that the command installs itself, in the same format.
            offline: whether to cut off the network.
            options: see ``Container.start``.

        Raises:
            FailureReasonError: the packages could not be installed.
        """
        python = self.context.python(self.image, requirements, log_line=self.container.log_line)
        self._compare(python, requirements or installs)
        self.check()
        if self.container.view == PREFIX:
            self.container.log_line(
                f"No mount namespaces here: {self.container.ml} replaces /opt/ml (SAGEMAKER_BASE_DIR)"
            )
        if self.container.view != ISOLATED:
            self.container.log_line(
                "This job is not isolated: its code can do anything that the user who started the environment can do"
            )
            if offline:
                self.container.log_line("EnableNetworkIsolation is ignored: this machine cannot enforce it")
        instances = self.instance_count()
        if instances > 1:
            self.container.log_line(f"InstanceCount is {instances}; the job runs on this machine only")
        self.started = now()
        variables = self.context.environment(offline=offline) | environment
        self.container.start(command, variables, python=python, offline=offline, program=self.image.folder, **options)

    def finish(self, timeout: float | None = None) -> Exit:
        """Waits for the job's process. Raises StoppedError if it was stopped, FailureReasonError if it timed out."""
        self.outcome = outcome = self.container.wait(timeout)
        self.ended = now()
        self.check()
        if outcome.timed_out:
            raise FailureReasonError(
                f"MaxRuntimeExceeded: the job ran longer than StoppingCondition.MaxRuntimeInSeconds = {timeout:.0f}",
                exceeded=True,
            )
        return outcome

    def finished(self) -> FinishedJob:
        """Returns the resources that the job used. Raises RuntimeError before its process has exited."""
        if self.outcome is None:
            raise RuntimeError("the job's process has not exited")
        return FinishedJob(
            name=self.name,
            action=self.action,
            status=self.status,
            seconds=self.outcome.seconds,
            memory_bytes=self.outcome.memory_bytes,
            log_file=self.log_file,
            runtime=self.runtime,
            differences=self.differences,
        )

    @property
    def is_over(self) -> bool:
        """Whether the job has completed, failed or been stopped."""
        return self._final is not None

    def description(self) -> dict[str, Any]:
        """Returns Describe's current output. Callable from any thread."""
        if self._final is not None:
            return dict(self._final)
        return self.describe("Stopping" if self._stopped.is_set() else "InProgress")

    def describe(self, status: str, reason: str | None = None) -> dict[str, Any]:
        """Returns Describe's output for a status and a FailureReason."""
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
        """Returns the start of a message file that the container wrote to /opt/ml/output, or an empty string."""
        return printable(self.files.text(f"/opt/ml/output/{file}", REASON_LENGTH), keep="\n\t")[:REASON_LENGTH]

    def algorithm_error(self, message: str, code: int) -> FailureReasonError:
        """Creates the error of a program that failed.

        Args:
            message: what it wrote for SageMaker to read; if that is empty, the line of the exception that ended it.
            code: its exit code, which is 1 after an exception in Python.
        """
        reason = message or (exception_line(self.container.last_lines) if code == 1 else "")
        return FailureReasonError(f"AlgorithmError: {reason}, exit code: {code}")

    def uploads(self, folders: Mapping[str, str]) -> ContinuousUpload:
        """Returns a block that uploads folders of the container, by their S3 URIs, while the job writes to them."""
        s3, log = self.context.s3, self.container.log_line
        return ContinuousUpload(folders, files=self.files, s3=s3, log=log)

    def upload(self, folder: str, uri: str) -> None:
        """Uploads the regular files below a folder; logs everything else as skipped.

        Raises:
            FailureReasonError: it is not a folder, or exceeds the limits.
            S3CacheError: an S3 request failed.
        """
        files = []
        for entry in self.files.entries(folder):
            if entry.is_file and is_text(str(entry.path)):
                files.append(entry)
            elif not entry.is_folder:
                self.container.log_line(f"{folder}/{entry.path} is {entry.kind} and not uploaded")

        def put(entry: Entry) -> None:
            self.check()
            path = PurePosixPath(folder, entry.path)
            with self.files.folder(str(path.parent)) as parent, self.files.open(str(path)) as opened:
                self.context.s3.put_job_file(opened, path.name, parent, join_uri(uri, str(entry.path)))

        in_parallel(put, files)

    def write_config(self, path: str, content: object) -> None:
        """Writes one of SageMaker's JSON configuration files into the container."""
        file = self.container.path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content))

    def _compare(self, python: PythonEnvironment, requirements: str) -> None:
        """Notes what the job runs in, and how that and its request differ from AWS."""
        field, uri = self.image_field()
        view = self.container.view
        self.runtime = runtime(uri or "", self.image, python, requirements=requirements)
        self.differences = (
            *of_image(field, self.image, python, requirements=requirements),
            *self.request_differences(isolated=view == ISOLATED),
            *of_container(view),
        )

    def _end(self, status: str, reason: str | None = None) -> dict[str, Any]:
        described = self.describe(status, reason)
        self.status, self._final = status, described
        return described

    def _failed(self, error: Exception) -> Exception:
        kind = "InternalServerError" if isinstance(error, OSError) else "ClientError"
        head = str(error) if isinstance(error, FailureReasonError) else f"{kind}: {error}"
        reason = failure_reason(
            head, log=str(self.log_file), files=str(self.folder), last_lines=self.container.last_lines
        )
        exceeded = isinstance(error, FailureReasonError) and error.exceeded
        return task_failed(self._end("Stopped" if exceeded else "Failed", reason))


def now() -> int:
    """Returns the milliseconds since the epoch, the form in which SageMaker's times reach a state machine.

    (https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html)
    """
    return int(time.time() * 1000)
