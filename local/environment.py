"""Runs an environment in this process: the emulator with the deployed stack, and SageMaker."""

import resource
import shutil
import threading
from contextlib import ExitStack
from datetime import UTC, datetime
from os import getpid
from pathlib import Path
from typing import Any, Self

from executions.defaults import LOCAL_MODEL_NAME, PROJECT
from executions.stack import Stack
from local.assembly import Synthesis
from local.data import identity, load
from local.deployment import deploy, synthesis
from local.emulator import ACCOUNT, REGION, Emulator
from local.errors import LocalError
from local.images import installer_variables, own_images_of
from local.job_records import write_endpoint, write_job
from local.state import SCRATCH, EnvironmentDir, State
from local.template_hash import template_hash
from sagemaker_local.environments import Environments
from sagemaker_local.guard import job_key
from sagemaker_local.images import Images
from sagemaker_local.service import SageMaker

_LEFTOVERS = ("cdk", "jobs", "logs", "models", "registry", SCRATCH)
"""An environment's files that the next one in the same folder must not find."""
OPEN_FILES = 256
"""The lowest default limit of a supported system, macOS; with far fewer, an environment hangs."""


class LocalEnvironment:
    """Starts the parts of an environment, keeps them up to date, and ends them. Thread-safe once entered.

    Args:
        directory: the environment's folder, which the caller has locked.
        port: the emulator's TCP port.
        model_name: the deployment's parameter of this name.
        monitoring_schedule: likewise; None for no schedule.
    """

    def __init__(
        self,
        *,
        directory: EnvironmentDir,
        port: int,
        model_name: str = LOCAL_MODEL_NAME,
        monitoring_schedule: str | None = None,
    ) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._logs = directory.path / "logs"
        self._started = datetime.now(UTC)
        self._data = ""
        self._template = ""
        self._metadata: Stack | None = None
        self._deployment: dict[str, Any] = {
            "model_name": model_name,
            "monitoring_schedule": monitoring_schedule,
            "folder": directory.path / "cdk",
            "log": self._logs / "cdk.log",
        }
        self._ends = ExitStack()
        self.port = port
        self.model_name = model_name

    def __enter__(self) -> Self:
        """Starts the emulator and SageMaker.

        Raises:
            LocalError: it failed, and nothing is left running.
        """
        _require_open_files()
        folder = self._directory.path
        for name in _LEFTOVERS:
            shutil.rmtree(folder / name, ignore_errors=True)
        for name in ("logs", SCRATCH):
            (folder / name).mkdir(parents=True)
        with ExitStack() as stack:
            # Runs last, since the emulator leaves files when it is killed.
            stack.callback(shutil.rmtree, folder / SCRATCH, ignore_errors=True)
            self.emulator = Emulator(port=self.port, log=self._logs / "emulator.log", scratch=folder / SCRATCH)
            # Meanwhile the emulator starts and loads the data.
            self._synthesis = self._begin_synthesis()
            stack.callback(self._synthesis.end)
            stack.enter_context(self.emulator)
            self.sagemaker = SageMaker(
                s3=self.emulator.client("s3"),
                folder=folder,
                key=self.emulator.connection.key,
                job_key=job_key(self.emulator.connection.key),
                region=REGION,
                account=ACCOUNT,
                log=lambda _action, _name, _line: None,  # readers use the job's log file
                on_finish=write_job,
                on_deploy=write_endpoint,
                images=Images(own=lambda: own_images_of(PROJECT)),
                environments=Environments(variables=installer_variables),
            )
            self.emulator.services.attach(self.sagemaker)
            stack.callback(self.emulator.services.stop)
            self._ends = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Ends everything."""
        self._ends.close()

    def load(self, data: Path | None) -> None:
        """Loads data into the emulator's S3 unless it is already there. None means the shipped data."""
        with self._lock:
            wanted = identity(data)
            if wanted != self._data:
                s3 = self.emulator.client("s3")
                load(data, s3=s3, sagemaker=self.sagemaker, cache=self._directory.path.parent)
                self._data = wanted

    def deploy(self) -> None:
        """Deploys the stack unless it is up to date."""
        with self._lock:
            if template_hash() == self._template:
                return
            first = self._metadata is None
            made = self._synthesis if first else self._begin_synthesis()
            self._metadata = deploy(self.emulator, assembly=made, bootstrap=first, **self._deployment)
            self._template = made.template

    def _begin_synthesis(self) -> Synthesis:
        shutil.rmtree(self._deployment["folder"], ignore_errors=True)
        self._deployment["folder"].mkdir()
        self._deployment["log"].unlink(missing_ok=True)
        return synthesis(self.emulator, **self._deployment)

    def state(self, *, control: str | None = None) -> State:
        """Returns the content of the state file; only once the stack is deployed."""
        if self._metadata is None:
            raise RuntimeError("nothing has been deployed yet")
        return State(
            pid=getpid(),
            started=self._started.isoformat(timespec="seconds"),
            endpoint=self.emulator.endpoint,
            key=self.emulator.connection.key,
            sagemaker=self.emulator.services.url,
            metadata=self._metadata,
            model_name=self.model_name,
            folder=str(self._directory.path),
            log=str(self._directory.log),
            template=self._template,
            data=self._data,
            control=control,
        )


def _require_open_files() -> None:
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit != resource.RLIM_INFINITY and limit < OPEN_FILES:
        raise LocalError(
            f"the limit on open files is {limit}; an environment needs {OPEN_FILES}: ulimit -n {OPEN_FILES} "
            f"(at most {most} here)"
        )
