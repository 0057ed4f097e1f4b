"""The background process of ``mlops local up``: ``python -m local.daemon FOLDER PORT DESCRIPTOR``.

It tells whoever started it, one line of JSON each, what goes on (``{"begin": TEXT}``), and at last ``{"ready": true}``
or ``{"error": TEXT}``. It ends at SIGTERM, and where its emulator dies or its folder is removed.
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

from local.control import path_of, served
from local.errors import LocalError, file_errors
from local.host import Host
from local.state import Home

_INTERVAL = 0.5


class _Terminated(BaseException):
    """SIGTERM or SIGINT came."""


def main(folder: Path, port: int, report: Callable[..., None]) -> int:
    """Brings an environment up and keeps it.

    Args:
        folder: where it keeps its files.
        port: the emulator's TCP port.
        report: is told what goes on.

    Returns:
        The exit code.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _terminate)
    home = Home(folder)
    try:
        with file_errors(folder), home.hold():
            folder.chmod(0o700)  # whatever an earlier version has left in it
            try:
                _live(home, port, report)
            finally:
                home.clear()
    except LocalError as error:
        with suppress(OSError):  # the disk may be full; the report below says so
            print(f"error: {error}", file=sys.stderr, flush=True)  # noqa: T201 - this is the log
        report(error=str(error))
        return 1
    except _Terminated:
        return 0
    return 0


def _live(home: Home, port: int, report: Callable[..., None]) -> None:
    home.clear()
    report(begin="emulator, with the data in its S3")
    with Host(home=home, port=port) as host:
        host.load(None)
        report(begin="deployment with the CDK CLI")
        host.deploy()

        def deploy(_parameters: dict[str, Any]) -> None:
            host.deploy()
            home.write(host.state(control=url))

        def load(parameters: dict[str, Any]) -> None:
            host.load(path_of(parameters, "data"))
            home.write(host.state(control=url))

        with served({"deploy": deploy, "load": load}, key=host.emulator.connection.key) as url:
            home.write(host.state(control=url))
            report(ready=True)
            while home.state_file.exists():
                if not host.emulator.runs:
                    raise LocalError(f"the emulator has died; its log: {home.folder / 'logs' / 'emulator.log'}")
                time.sleep(_INTERVAL)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)  # the end must not be interrupted
    raise _Terminated


def _reporter(descriptor: int) -> Callable[..., None]:
    def report(**event: object) -> None:
        try:
            os.write(descriptor, json.dumps(event).encode() + b"\n")
        except BrokenPipeError:
            return  # whoever started us has gone, and we stay all the same

    return report


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), _reporter(int(sys.argv[3]))))
