"""Starts an environment in a background process, shows its status, and ends it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request

from botocore.exceptions import BotoCoreError, ClientError

from local.connection import DIRECT, authorized
from local.errors import LocalError
from local.state import SCRATCH, EnvironmentDir, State

UP, DOWN, STARTING, DIED = "up", "down", "starting", "died"

_TIMEOUT = 20.0
_INTERVAL = 0.05

Step = Callable[[str], AbstractContextManager[None]]
"""Shows that a step is running while the context is active."""


@dataclass(frozen=True, kw_only=True)
class Status:
    """The status of an environment."""

    status: str
    """``up``, ``down``, ``starting`` or ``died``."""
    folder: str
    log: str
    state: State | None = None
    executions: tuple[str, ...] = ()
    """The names of the running executions."""
    endpoints: Mapping[str, str | None] = field(default_factory=dict)
    """The URL of each endpoint, with ``/ping`` and ``/invocations``, by its name; None if it is not in service."""

    def as_json(self) -> dict[str, Any]:
        """Returns the status for programs, without the key."""
        public = asdict(self)
        if self.state is not None:
            public["state"] = {name: value for name, value in public["state"].items() if name not in _PRIVATE}
        return public


_PRIVATE = ("key", "control")


def up(
    directory: EnvironmentDir, *, port: int, model_name: str, monitoring_schedule: str | None = None, step: Step
) -> State:
    """Starts an environment, and returns when it is ready.

    Args:
        directory: the environment's folder.
        port: the emulator's TCP port.
        model_name: the deployment's parameter of this name.
        monitoring_schedule: likewise; None for no schedule.
        step: shows each step.

    Raises:
        LocalError: it failed, and nothing is left running; the message says why, or has the path of the log.
    """
    live = directory.live()
    if live is not None:
        raise LocalError(
            f"an environment is already up at {live.endpoint} (process {live.pid}); check it: mlops local status"
        )
    directory.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = [sys.executable, "-m", "local.daemon", str(directory.path), str(port), model_name]
    reader, writer = os.pipe()
    with os.fdopen(reader) as events:
        with open(directory.log, "ab", opener=_private) as log:
            process = subprocess.Popen(
                [*command, monitoring_schedule or "", str(writer)],
                # It outlives this shell, and must not keep the shell's AWS credentials.
                env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[writer],
                start_new_session=True,
            )
        os.close(writer)
        try:
            _follow(events, step=step, log=directory.log)
        except BaseException:
            process.terminate()
            process.wait()
            raise
    # The daemon outlives us; this silences the warning that nobody waited for it.
    process.returncode = 0
    return directory.require_live()


def status(directory: EnvironmentDir) -> Status:
    """Returns the status of an environment.

    Raises:
        LocalError: its state file cannot be read.
    """
    now = Status(status=DOWN, folder=str(directory.path), log=str(directory.log))
    if directory.owner() is None:
        return replace(now, status=DIED) if directory.state_file.exists() else now
    state = directory.read()
    if state is None:
        return replace(now, status=STARTING)
    return replace(now, status=UP, state=state, executions=_executions(state), endpoints=_endpoints(state))


def down(directory: EnvironmentDir) -> Status:
    """Ends an environment with everything in it; does nothing if none is up.

    Returns:
        The status before.

    Raises:
        LocalError: the environment does not end.
    """
    pid = directory.owner()
    try:
        before = status(directory)
    except (LocalError, BotoCoreError, ClientError):  # an environment that does not answer can still be ended
        before = Status(status=UP, folder=str(directory.path), log=str(directory.log))
    if pid is not None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
            if _released(directory, pid):
                break
        else:
            raise LocalError(f"the environment's process {pid} does not end; its log: {directory.log}")
    directory.clear()
    shutil.rmtree(directory.path / SCRATCH, ignore_errors=True)
    return before


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _follow(events: Iterable[str], *, step: Step, log: Path) -> None:
    """Shows the background process's steps until it is ready."""
    with ExitStack() as shown:
        for line in events:
            event = json.loads(line)
            if "error" in event:
                raise LocalError(event["error"])
            shown.close()
            if "ready" in event:
                return
            shown.enter_context(step(event["begin"]))
        raise LocalError(f"the environment ended before it was up; its log: {log}")


def _released(directory: EnvironmentDir, pid: int) -> bool:
    deadline = time.monotonic() + _TIMEOUT
    while time.monotonic() < deadline:
        if directory.owner() != pid:
            return True
        time.sleep(_INTERVAL)
    return False


def _executions(state: State) -> tuple[str, ...]:
    pages = (
        state.connection.client("stepfunctions")
        .get_paginator("list_executions")
        .paginate(stateMachineArn=state.metadata.state_machine, statusFilter="RUNNING")
    )
    return tuple(item["name"] for page in pages for item in page["executions"])


def _endpoints(state: State) -> dict[str, str | None]:
    if state.sagemaker is None:
        return {}
    pages = state.connection.client("sagemaker").get_paginator("list_endpoints").paginate()
    names = [item["EndpointName"] for page in pages for item in page["Endpoints"]]
    return {name: _url(authorized(f"{state.sagemaker}/endpoints/{name}", state.key)) for name in names}


def _url(request: Request) -> str | None:
    try:
        with DIRECT.open(request, timeout=_TIMEOUT) as answer:
            return str(answer.read().decode().strip())
    except HTTPError as error:  # not in service
        error.close()
        return None
