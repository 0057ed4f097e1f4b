"""The background process of ``mlops local up``: ``python -m local.daemon FOLDER PORT MODEL_NAME SCHEDULE DESCRIPTOR``.

It reports its progress to its parent in lines of JSON: ``{"begin": TEXT}`` for each step, then ``{"ready": true}`` or
``{"error": TEXT}``. It ends on SIGTERM, and if its emulator dies or its folder is removed.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

from local.control_server import path_of, serve_commands
from local.environment import LocalEnvironment
from local.errors import LocalError, file_errors
from local.state import EnvironmentDir

_INTERVAL = 0.5


class _Terminated(BaseException):
    """Received SIGTERM or SIGINT."""


def main(folder: Path, port: int, model_name: str, monitoring_schedule: str | None, report: Callable[..., None]) -> int:
    """Starts an environment and keeps it running.

    Args:
        folder: the environment's folder.
        port: the emulator's TCP port.
        model_name: the deployment's parameter of this name.
        monitoring_schedule: likewise; None for no schedule.
        report: called with each event.

    Returns:
        The exit code.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _terminate)
    directory = EnvironmentDir(folder)
    made = LocalEnvironment(
        directory=directory, port=port, model_name=model_name, monitoring_schedule=monitoring_schedule
    )
    try:
        with file_errors(folder), directory.lock():
            folder.chmod(0o700)  # an earlier version may have created it
            try:
                _serve(directory, made, report)
            finally:
                directory.clear()
    except LocalError as error:
        with suppress(OSError):  # the disk may be full; the parent still gets the error
            print(f"error: {error}", file=sys.stderr, flush=True)  # noqa: T201 - this is the log
        report(error=str(error))
        return 1
    except _Terminated:
        return 0
    return 0


def _serve(directory: EnvironmentDir, made: LocalEnvironment, report: Callable[..., None]) -> None:
    directory.clear()
    report(begin="emulator, with the data in its S3")
    with made as environment:
        environment.load(None)
        report(begin="deployment with the CDK CLI")
        environment.deploy()

        def deploy(_parameters: dict[str, Any]) -> None:
            environment.deploy()
            directory.write(environment.state(control=url))

        def load(parameters: dict[str, Any]) -> None:
            environment.load(path_of(parameters, "data"))
            directory.write(environment.state(control=url))

        with serve_commands({"deploy": deploy, "load": load}, key=environment.emulator.connection.key) as url:
            directory.write(environment.state(control=url))
            report(ready=True)
            while directory.state_file.exists():
                if not environment.emulator.runs:
                    raise LocalError(f"the emulator has died; its log: {directory.path / 'logs' / 'emulator.log'}")
                time.sleep(_INTERVAL)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)  # the shutdown must not be interrupted
    raise _Terminated


def _reporter(descriptor: int) -> Callable[..., None]:
    def report(**event: object) -> None:
        try:
            os.write(descriptor, json.dumps(event).encode() + b"\n")
        except BrokenPipeError:
            return  # the parent has gone; the environment stays up

    return report


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4] or None, _reporter(int(sys.argv[5]))))
