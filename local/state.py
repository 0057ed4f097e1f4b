"""What is known of an environment: its folder, who holds it, and the description that it leaves there for others."""

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
from executions.stack import Stack
from local.connection import Connection
from local.errors import LocalError

PROJECT = Path(__file__).parent.parent
DEFAULT_FOLDER = PROJECT / "out" / "local"

SCRATCH = "scratch"
"""The folder for what has no worth beyond an environment's life."""

_LOCK_PATIENCE = 1.0
_OWNER_ONLY = 0o600


@dataclass(frozen=True, kw_only=True)
class State:
    """An environment that is up: its emulator with the deployed stack and its SageMaker."""

    pid: int
    """The process that the environment lives in and dies with."""
    started: str
    """When it was started, in ISO 8601, UTC."""
    endpoint: str
    """The emulator's URL."""
    key: str
    """What every request to one of its ports carries; see :mod:`sagemaker_local.guard`."""
    sagemaker: str | None
    """The URL of SageMaker's own port, behind the emulator's; it knows where endpoints listen."""
    metadata: Stack
    folder: str
    """Where its jobs, logs and state lie."""
    log: str
    """The log of its process."""
    template: str
    """The hash of what is deployed, as :func:`local.template_hash.template_hash` gave it."""
    data: str
    """The sample data in its S3, as :func:`local.data.identity` names it."""
    control: str | None = None
    """The URL that takes commands; None where the environment serves the run only that made it."""

    @property
    def port(self) -> int:
        """The emulator's TCP port."""
        return int(self.endpoint.rpartition(":")[2])

    @property
    def connection(self) -> Connection:
        """Its clients."""
        return Connection(endpoint=self.endpoint, key=self.key)

    @property
    def aws(self) -> Aws:
        """Its clients and its stack, as commands use them."""
        return Aws(client=self.connection.client, default_stack=self.metadata.name, where="on this machine")


class EnvironmentDir:
    """An environment's folder. One process at a time holds it, by a lock that its death, however it dies, sets free.

    So a process id that another program has been given since is no trouble: only who holds the lock is believed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state_file = path / "state.json"
        self.log = path / "daemon.log"
        self._lock_file = path / "lock"

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Holds the folder. What this process and its children make meanwhile, here or elsewhere, is their user's only.

        Raises:
            LocalError: another process does.
        """
        with contextlib.ExitStack() as stack:
            stack.callback(os.umask, os.umask(0o077))
            self.path.mkdir(parents=True, exist_ok=True)
            lock = stack.enter_context(self._lock_file.open("a+"))
            deadline = time.monotonic() + _LOCK_PATIENCE
            while not _try_lock(lock.fileno(), fcntl.LOCK_EX):  # somebody may just be looking, as owner() does
                if time.monotonic() > deadline:
                    raise LocalError(
                        f"process {self.owner()} uses {self.path}: an environment that is up, or another run; "
                        "mlops local status says more"
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
        """The id of the process that holds the folder; None where none does."""
        try:
            with self._lock_file.open() as lock:
                if _try_lock(lock.fileno(), fcntl.LOCK_SH):
                    return None
                return int(lock.read() or 0) or None
        except FileNotFoundError:
            return None

    def write(self, state: State) -> None:
        """Leaves the description, whole or not at all; it has the key in it, so only its owner may read it."""
        with tempfile.NamedTemporaryFile("w", dir=self.path, prefix=".state-", delete=False) as file:
            json.dump(asdict(state), file, indent=2)
            file.write("\n")
        partial = Path(file.name)
        partial.chmod(_OWNER_ONLY)
        partial.replace(self.state_file)

    def read(self) -> State | None:
        """The description that was left, whether its environment lives or not; None where there is none.

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
                f"{self.state_file} is not what this version writes ({error}); "
                "end its environment with mlops local down, and start it anew: mlops local up"
            ) from error

    def clear(self) -> None:
        """Takes the description away."""
        self.state_file.unlink(missing_ok=True)

    def forget(self) -> None:
        """Takes the lock's file away, where no environment is to come back; only once it is not held any more."""
        self._lock_file.unlink(missing_ok=True)

    def live(self) -> State | None:
        """The description of the environment that is up; None where none is, or is not ready yet.

        Raises:
            LocalError: it cannot be read.
        """
        return self.read() if self.owner() else None

    def require_live(self) -> State:
        """The description of the environment that is up.

        Raises:
            LocalError: none is; the message says what to do.
        """
        state = self.live()
        if state is not None:
            return state
        if self.owner():
            raise LocalError("the environment on this machine is only starting; mlops local status says when it is up")
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
