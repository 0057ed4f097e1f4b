"""An account with recorded answers."""

from typing import Any

import boto3
from botocore.stub import Stubber

MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:mlops-aws-check-Workflow"
SHIPPED = "mlops-aws-check-0123456789abcdef"
"""The name of the execution of the shipped input."""


class Account:
    """Clients that give recorded answers, all of which must be asked for."""

    def __init__(self) -> None:
        self._session: Any = boto3.Session(
            aws_access_key_id="key",
            aws_secret_access_key="secret",  # noqa: S106 - for no account
            region_name="eu-west-1",
        )
        self._clients: dict[str, Any] = {}
        self.stubs: dict[str, Stubber] = {}

    def client(self, service: str, **_options: Any) -> Any:
        """Returns the one client of a service."""
        if service not in self._clients:
            self._clients[service] = self._session.client(service)
            self.stubs[service] = Stubber(self._clients[service])
            self.stubs[service].activate()
        return self._clients[service]

    def expect(self, service: str, operation: str, response: dict[str, Any], expected: Any = None) -> None:
        """Adds an answer, and what it must be asked with."""
        self.client(service)
        self.stubs[service].add_response(operation, response, expected)

    def refuse(self, service: str, operation: str, code: str, message: str) -> None:
        """Adds an error."""
        self.client(service)
        self.stubs[service].add_client_error(operation, code, message)
