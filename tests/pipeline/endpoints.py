"""A small fake of SageMaker's endpoints."""

from collections.abc import Callable
from typing import Any

from tests.pipeline.machine import Ended, Handler, TaskError

Deploy = Callable[..., Ended]
"""Runs the deployment against endpoints."""

UNKNOWN = "SageMaker.SageMakerException"


class Endpoints:
    """SageMaker's endpoints as the state machine sees them.

    Args:
        serving: the endpoint config of the endpoint that is there; None for none.
        status: its status.
        progress: the statuses that each creation and each update goes through; the last one stays.
        config: the endpoint config that serves at the end of an update; the new one by default.
    """

    def __init__(
        self,
        *,
        serving: str | None = None,
        status: str = "InService",
        progress: tuple[str, ...] = ("Creating", "InService"),
        config: str | None = None,
    ) -> None:
        self.serving = serving
        self.status = status
        self._progress = progress
        self._left: list[str] = []
        self.config = config
        self.configs: set[str] = {serving} if serving else set()

    def handlers(self) -> dict[str, Handler]:
        """The handler of each action."""
        return {
            "describeEndpoint": self._describe,
            "createEndpointConfig": self._create_config,
            "createEndpoint": self._create,
            "updateEndpoint": self._update,
            "deleteEndpoint": self._delete,
            "deleteEndpointConfig": self._delete_config,
        }

    def _describe(self, request: dict[str, Any]) -> Any:
        if self.serving is None:
            raise TaskError(UNKNOWN, f'Could not find endpoint "{request["EndpointName"]}".')
        if self._left:
            self.status = self._left.pop(0)
        return {"EndpointArn": "arn", "EndpointStatus": self.status, "EndpointConfigName": self.serving}

    def _create_config(self, request: dict[str, Any]) -> Any:
        self.configs.add(request["EndpointConfigName"])
        return {}

    def _create(self, request: dict[str, Any]) -> Any:
        self.serving, self.status = request["EndpointConfigName"], "Creating"
        self._left = list(self._progress)
        return {}

    def _update(self, request: dict[str, Any]) -> Any:
        if self.status == "Updating":
            raise TaskError(UNKNOWN, "Cannot update in-progress endpoint")
        self.serving, self.status = self.config or request["EndpointConfigName"], "Updating"
        self._left = list(self._progress)
        return {}

    def _delete(self, _request: dict[str, Any]) -> Any:
        self.serving = None
        return {}

    def _delete_config(self, request: dict[str, Any]) -> Any:
        self.configs.remove(request["EndpointConfigName"])
        return {}
