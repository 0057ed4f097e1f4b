"""The AWS emulator as a child process, and clients for it."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any, Self
from urllib.error import URLError

import boto3
from botocore.config import Config

from local.errors import LocalError

REGION = "us-east-1"
ACCOUNT = "000000000000"

_HOST = "127.0.0.1"
_CREDENTIAL = "local"
"""The emulator takes any; the real ones of the user must not get near it."""
_START_TIMEOUT = 30.0


class Emulator:
    """ministack on a port of this machine's loopback; a context manager that leaves no process behind."""

    def __init__(self, *, port: int, log: Path) -> None:
        """Prepares it; entering the context starts it.

        Args:
            port: the TCP port to listen on.
            log: the file for what it prints.
        """
        self.port = port
        self.endpoint = f"http://{_HOST}:{port}"
        self._log = log
        self._folder = tempfile.TemporaryDirectory(prefix="mlops-emulator-", ignore_cleanup_errors=True)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Starts it and waits until it answers.

        Raises:
            LocalError: the port is in use, or it did not come up; the message says where its log lies.
        """
        _require_free(self.port)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ministack"],
                env=self.environment()
                | {
                    "GATEWAY_PORT": str(self.port),
                    "BIND_HOST": _HOST,
                    "MINISTACK_REGION": REGION,
                    "MINISTACK_ACCOUNT_ID": ACCOUNT,
                    # Waiting for capacity that is always there would only keep the user waiting.
                    "SFN_WAIT_SCALE": "0",
                    # Its other listeners, which the pipeline does not need, would clash with a second emulator.
                    "IOT_MTLS_ENABLED": "0",
                    "SFTP_ENABLED": "0",
                },
                stdout=log,
                stderr=subprocess.STDOUT,
                # A Ctrl-C in the terminal must not end it before the execution has been stopped.
                start_new_session=True,
            )
        try:
            self._wait_until_healthy(self._process)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Ends it and the Lambda workers that it started."""
        process = self._process
        if process is not None:
            # All that it holds is in memory or in our folder; asked politely, it waits for the last long poll to end.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            self._process = None
        self._folder.cleanup()

    def environment(self) -> dict[str, str]:
        """The environment for a process that talks to the emulator, and to nothing else.

        The user's own AWS profile and credentials are not in it, so nothing here can reach an AWS account.
        """
        folder = self._folder.name
        return {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}",
            "HOME": folder,
            "TMPDIR": folder,
            "LANG": "C.UTF-8",
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_ACCESS_KEY_ID": _CREDENTIAL,
            "AWS_SECRET_ACCESS_KEY": _CREDENTIAL,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str) -> Any:
        """A boto3 client of the emulator for a service, such as ``"s3"``."""
        # The stubs know each service by name; here the name is a variable.
        session: Any = boto3.Session(
            aws_access_key_id=_CREDENTIAL, aws_secret_access_key=_CREDENTIAL, region_name=REGION
        )
        return session.client(
            service,
            endpoint_url=self.endpoint,
            config=Config(
                read_timeout=90,  # GetActivityTask holds the line for a minute
                retries={"total_max_attempts": 1},
                max_pool_connections=256,
                # Over loopback a checksum of a hundred megabytes is a third of their upload.
                request_checksum_calculation="when_required",
                s3={"payload_signing_enabled": False},
            ),
        )

    def _wait_until_healthy(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_TIMEOUT
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise LocalError(f"the emulator ended with exit code {process.returncode}; its log: {self._log}")
            try:
                with urllib.request.urlopen(f"{self.endpoint}/_ministack/health", timeout=1):  # noqa: S310 - loopback
                    return
            except (URLError, TimeoutError, ConnectionError):
                time.sleep(0.02)
        raise LocalError(f"the emulator did not answer within {_START_TIMEOUT:.0f} s; its log: {self._log}")


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            raise LocalError(
                f"port {port} on {_HOST} is not free ({error.strerror}); choose another: make demo PORT={port + 1}"
            ) from error
