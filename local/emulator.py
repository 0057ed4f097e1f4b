"""Runs the AWS emulator as a child process, and makes clients for it."""

import os
import socket
import ssl
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.error import URLError

from local.connection import ACCOUNT, REGION, Connection, authorized, direct
from local.errors import LocalError
from sagemaker_local.guard import new_key
from sagemaker_local.supervised import Supervised

if TYPE_CHECKING:
    from local.service_backend import ServiceBackend

__all__ = ["ACCOUNT", "REGION", "Emulator", "answers"]

_HOST = "127.0.0.1"
_START_TIMEOUT = 30.0


class Emulator:
    """ministack on a port of the loopback interface; a context manager.

    It leaves no process behind, even if this process dies by SIGKILL: see
    :class:`sagemaker_local.supervised.Supervised`.
    """

    def __init__(self, *, port: int, log: Path, scratch: Path | None = None, secure: bool = False) -> None:
        """Prepares the emulator; entering the context starts it.

        Args:
            port: the TCP port to listen on.
            log: the file for its output.
            scratch: the parent of its temporary folder; None for the system's.
            secure: whether it uses TLS and enforces IAM policies. Its account's root user may do everything; functions
                act under their roles.
        """
        self.port = port
        self._log = log
        self._secure = secure
        self._folder = tempfile.TemporaryDirectory(prefix="mlops-emulator-", dir=scratch, ignore_cleanup_errors=True)
        # The emulator creates its own certificate when it starts.
        certificate = str(Path(self._folder.name, "ministack-tls", "server.crt")) if secure else None
        self.endpoint = f"{'https' if secure else 'http'}://{_HOST}:{port}"
        self.connection = Connection(endpoint=self.endpoint, key=new_key(), certificate=certificate)
        self._process: Supervised | None = None
        self._services: ServiceBackend | None = None

    def __enter__(self) -> Self:
        """Starts it and waits until it answers.

        Raises:
            LocalError: the port is in use, or it did not start; the message has the path of its log.
        """
        from local.service_backend import ServiceBackend  # noqa: PLC0415 - slow to import: it brings SageMaker

        _require_free(self.port)
        self._services = ServiceBackend(key=self.connection.key)
        with self._log.open("wb") as log:
            self._process = Supervised(
                [sys.executable, "-m", "local.emulator_process"],
                cwd=Path(self._folder.name),
                environment=self.environment()
                | {
                    "GATEWAY_PORT": str(self.port),
                    "BIND_HOST": _HOST,
                    "LOCAL_TASK_URL": self._services.task_url,
                    "MINISTACK_REGION": REGION,
                    "MINISTACK_ACCOUNT_ID": ACCOUNT,
                    # What takes AWS minutes is immediate here: a wait of a minute takes 0.15 seconds.
                    "SFN_WAIT_SCALE": "0.0025",
                    # Its other listeners are not needed, and would clash with those of a second emulator.
                    "IOT_MTLS_ENABLED": "0",
                    "SFTP_ENABLED": "0",
                    # By default these are folders with fixed names in /tmp, which any user could create first.
                    "STATE_DIR": str(Path(self._folder.name, "state")),
                    "S3_DATA_DIR": str(Path(self._folder.name, "s3")),
                    **self._identity(),
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
            # Its state is in memory or in our folder, so it is killed; on SIGTERM it would wait for long polls.
            self._process.end()
            self._process = None
        if self._services is not None:
            self._services.close()
            self._services = None
        self._folder.cleanup()

    @property
    def services(self) -> "ServiceBackend":
        """The backend of its SageMaker, while the context is active."""
        if self._services is None:
            raise RuntimeError("the emulator has not been started")
        return self._services

    @property
    def runs(self) -> bool:
        """Whether its process is alive."""
        return self._process is not None and self._process.poll() is None

    def environment(self) -> dict[str, str]:
        """Returns the environment variables for processes that use the emulator.

        They lack the user's AWS profile and credentials, so that no process can reach an AWS account.
        """
        folder = self._folder.name
        return self.connection.variables | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}",
            "HOME": folder,
            "TMPDIR": folder,
            "LANG": "C.UTF-8",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str, *, role: str | None = None) -> Any:
        """Returns a boto3 client for a service, such as ``"s3"``; see ``Connection.client``."""
        return self.connection.client(service, role=role)

    def _identity(self) -> dict[str, str]:
        """The variables for its functions' identity: their roles if policies are enforced, else the key's owner.

        Without roles, the emulator gives functions a well-known access key id, the account's number, and passes its own
        session token on to them.
        """
        return {"USE_SSL": "1", "AUTH": "true"} if self._secure else {"AWS_SESSION_TOKEN": self.connection.key}

    def _wait_until_healthy(self, process: Supervised) -> None:
        deadline = time.monotonic() + _START_TIMEOUT
        while time.monotonic() < deadline:
            code = process.poll()
            if code is not None:
                raise LocalError(f"the emulator ended with exit code {code}; its log: {self._log}")
            if answers(self.connection):
                return
            time.sleep(0.02)
        raise LocalError(f"the emulator did not answer within {_START_TIMEOUT:.0f} s; its log: {self._log}")


def answers(connection: Connection) -> bool:
    """Whether an emulator answers."""
    certificate = connection.certificate
    try:
        trusted = ssl.create_default_context(cafile=certificate) if certificate else None
        with direct(trusted).open(authorized(f"{connection.endpoint}/_ministack/health", connection.key), timeout=1):
            return True
    except (URLError, TimeoutError, ConnectionError, FileNotFoundError, ssl.SSLError):
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
