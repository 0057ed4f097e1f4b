"""An environment's folder, with the lock that its process holds and the state file that other processes read."""

import contextlib
import fcntl
import json
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from executions.aws import Aws
from executions.defaults import LOCAL_MODEL_NAME
from executions.stack import Stack
from local.connection import Connection
from local.errors import LocalError

SCRATCH = "scratch"
"""The folder for temporary files, which are deleted with the environment."""

_LOCK_TIMEOUT = 1.0
_OWNER_ONLY = 0o600


@dataclass(frozen=True, kw_only=True)
class State:
    """A running environment: its emulator with the deployed stack, and its SageMaker."""

    pid: int
    """The id of the environment's process."""
    started: str
    """When it started, in ISO 8601, UTC."""
    endpoint: str
    """The emulator's URL."""
    key: str
    """The key that requests to its ports carry; see :mod:`sagemaker_local.guard`."""
    sagemaker: str | None
    """The URL of SageMaker's own port, which returns the URLs of endpoints."""
    metadata: Stack
    model_name: str = LOCAL_MODEL_NAME
    """The deployment's parameter ``model-name``."""
    folder: str
    """The folder of its jobs, logs and state."""
    log: str
    """The log of its process."""
    template: str
    """The hash of the deployed template; see :func:`local.template_hash.template_hash`."""
    data: str
    """The sample data in its S3; see :func:`local.data.identity`."""
    control: str | None = None
    """The URL that takes commands; None for a run's own environment."""

    @property
    def port(self) -> int:
        """The emulator's TCP port."""
        return int(self.endpoint.rpartition(":")[2])

    @property
    def connection(self) -> Connection:
        """The connection to its emulator."""
        return Connection(endpoint=self.endpoint, key=self.key)

    @property
    def aws(self) -> Aws:
        """Its clients and stack, for commands."""
        return Aws(client=self.connection.client, default_stack=self.metadata.name, where="on this machine")


class EnvironmentDir:
    """An environment's folder, which one process at a time locks. The lock is released even if the process is killed.

    A state file counts only while the lock is held, so a process id that was reused does no harm.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state_file = path / "state.json"
        self.log = path / "daemon.log"
        self._lock_file = path / "lock"

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Locks the folder. Meanwhile only this user can read files that this process and its children create.

        Raises:
            LocalError: another process has locked it.
        """
        with contextlib.ExitStack() as stack:
            stack.callback(os.umask, os.umask(0o077))
            self.path.mkdir(parents=True, exist_ok=True)
            lock = stack.enter_context(self._lock_file.open("a+"))
            deadline = time.monotonic() + _LOCK_TIMEOUT
            while not _try_lock(lock.fileno(), fcntl.LOCK_EX):  # owner() takes the lock for a moment, too
                if time.monotonic() > deadline:
                    raise LocalError(
                        f"process {self.owner()} uses {self.path}: a running environment, or another run; "
                        "check it: mlops local status"
                    )
                time.sleep(0.05)
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
            try:
                yield
            finally:
                lock.truncate(0)

    def owner(self) -> int | None:
        """The id of the process that has locked the folder; None if it is not locked."""
        try:
            with self._lock_file.open() as lock:
                if _try_lock(lock.fileno(), fcntl.LOCK_SH):
                    return None
                return int(lock.read() or 0) or None
        except FileNotFoundError:
            return None

    def write(self, state: State) -> None:
        """Writes the state file, atomically, and readable by its owner only, since it has the key."""
        with tempfile.NamedTemporaryFile("w", dir=self.path, prefix=".state-", delete=False) as file:
            json.dump(asdict(state), file, indent=2)
            file.write("\n")
        partial = Path(file.name)
        partial.chmod(_OWNER_ONLY)
        partial.replace(self.state_file)

    def read(self) -> State | None:
        """Reads the state file, whether its environment is up or not; returns None if there is none.

        Raises:
            LocalError: it cannot be read.
        """
        try:
            content: dict[str, Any] = json.loads(self.state_file.read_text())
            return State(**content | {"metadata": Stack(**content["metadata"])})
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LocalError(
                f"{self.state_file} was written by another version ({error}); "
                "restart its environment: mlops local down, then mlops local up"
            ) from error

    def clear(self) -> None:
        """Deletes the state file."""
        self.state_file.unlink(missing_ok=True)

    def forget(self) -> None:
        """Deletes the lock file, after the lock has been released."""
        self._lock_file.unlink(missing_ok=True)

    def live(self) -> State | None:
        """Returns the state of the environment; None if none is up, or it is still starting.

        Raises:
            LocalError: the state file cannot be read.
        """
        return self.read() if self.owner() else None

    def require_live(self) -> State:
        """Returns the state of the environment.

        Raises:
            LocalError: no environment is up; the message says what to do.
        """
        state = self.live()
        if state is not None:
            return state
        if self.owner():
            raise LocalError("the environment on this machine is still starting; check it: mlops local status")
        if self.state_file.exists():
            raise LocalError(
                f"the environment on this machine has died; its log: {self.log}; start it again: mlops local up"
            )
        raise LocalError("no environment is up on this machine; start it: mlops local up")


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
