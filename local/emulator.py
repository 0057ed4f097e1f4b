"""The AWS emulator as a child process, and clients for it."""

import os
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Self
from urllib.error import URLError

from local.connection import ACCOUNT, DIRECT, REGION, Connection
from local.errors import LocalError
from local.supervised import Supervised

__all__ = ["ACCOUNT", "REGION", "Emulator", "answers"]

_HOST = "127.0.0.1"
_START_TIMEOUT = 30.0
"""None of the user's proxies stands between this machine and itself."""


class Emulator:
    """ministack on a port of this machine's loopback; a context manager that leaves no process behind.

    Nor does a death of this process by SIGKILL: see :class:`local.supervised.Supervised`.
    """

    def __init__(self, *, port: int, log: Path, scratch: Path | None = None) -> None:
        """Prepares it; entering the context starts it.

        Args:
            port: the TCP port to listen on.
            log: the file for what it prints.
            scratch: the folder in which it makes its own temporary one; None: where the system has them.
        """
        self.port = port
        self.endpoint = f"http://{_HOST}:{port}"
        self.connection = Connection(endpoint=self.endpoint)
        self._log = log
        self._folder = tempfile.TemporaryDirectory(prefix="mlops-emulator-", dir=scratch, ignore_cleanup_errors=True)
        self._process: Supervised | None = None

    def __enter__(self) -> Self:
        """Starts it and waits until it answers.

        Raises:
            LocalError: the port is in use, or it did not come up; the message says where its log lies.
        """
        _require_free(self.port)
        with self._log.open("wb") as log:
            self._process = Supervised(
                [sys.executable, "-m", "ministack"],
                cwd=Path(self._folder.name),
                environment=self.environment()
                | {
                    "GATEWAY_PORT": str(self.port),
                    "BIND_HOST": _HOST,
                    "MINISTACK_REGION": REGION,
                    "MINISTACK_ACCOUNT_ID": ACCOUNT,
                    # What AWS needs minutes for happens here at once: a wait of 30 seconds takes 0.15.
                    "SFN_WAIT_SCALE": "0.005",
                    # Its other listeners, which the pipeline does not need, would clash with a second emulator.
                    "IOT_MTLS_ENABLED": "0",
                    "SFTP_ENABLED": "0",
                },
                output=log,
            )
        try:
            self._wait_until_healthy(self._process)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Ends it and the Lambda workers that it started."""
        if self._process is not None:
            # All that it holds is in memory or in our folder; asked politely, it waits for the last long poll to end.
            self._process.end()
            self._process = None
        self._folder.cleanup()

    @property
    def runs(self) -> bool:
        """Whether its process is alive."""
        return self._process is not None and self._process.poll() is None

    def environment(self) -> dict[str, str]:
        """The environment for a process that talks to the emulator, and to nothing else.

        The user's own AWS profile and credentials are not in it, so nothing here can reach an AWS account.
        """
        folder = self._folder.name
        return self.connection.variables | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}",
            "HOME": folder,
            "TMPDIR": folder,
            "LANG": "C.UTF-8",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str) -> Any:
        """A boto3 client of the emulator for a service, such as ``"s3"``."""
        return self.connection.client(service)

    def _wait_until_healthy(self, process: Supervised) -> None:
        deadline = time.monotonic() + _START_TIMEOUT
        while time.monotonic() < deadline:
            code = process.poll()
            if code is not None:
                raise LocalError(f"the emulator ended with exit code {code}; its log: {self._log}")
            if answers(self.endpoint):
                return
            time.sleep(0.02)
        raise LocalError(f"the emulator did not answer within {_START_TIMEOUT:.0f} s; its log: {self._log}")


def answers(endpoint: str) -> bool:
    """Whether an emulator answers at this URL."""
    try:
        with DIRECT.open(f"{endpoint}/_ministack/health", timeout=1):
            return True
    except (URLError, TimeoutError, ConnectionError):
        return False


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            raise LocalError(
                f"port {port} on {_HOST} is not free ({error.strerror}); choose another: "
                f"make demo PORT={port + 1}, or mlops local with --port {port + 1}"
            ) from error
