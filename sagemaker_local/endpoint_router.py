"""An endpoint's front: its port, the same whichever group serves behind it, and the switch between groups."""

import threading
from collections.abc import Mapping
from http import HTTPStatus

from sagemaker_local.errors import Refused
from sagemaker_local.loopback import RequestHandler, Server
from sagemaker_local.model_server_client import ModelResponse, NoAnswerError
from sagemaker_local.variant_servers import VariantGroup

VARIANT_HEADER = "x-Amzn-Invoked-Production-Variant"
TARGET_HEADER = "X-Amzn-SageMaker-Target-Variant"
_PASSED_ON = ("Content-Type", "Accept", "X-Amzn-SageMaker-Custom-Attributes")


class OutOfServiceError(Exception):
    """No group serves yet, or any more."""


class VariantRouter:
    """Who serves now. A request stays with the group that it began with. Safe to use from several threads."""

    def __init__(self) -> None:
        self._group: VariantGroup | None = None
        self._under_way: dict[VariantGroup, int] = {}
        self._changed = threading.Condition()

    @property
    def group(self) -> VariantGroup | None:
        """The group that serves."""
        return self._group

    def ask(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], variant: str | None = None
    ) -> tuple[ModelResponse, str]:
        """Has the group answer a request.

        Args:
            method: of HTTP.
            path: ``/ping`` or ``/invocations``.
            body: of the request.
            headers: the request's.
            variant: the one that shall answer; None: whose turn it is.

        Returns:
            The answer, and the variant that gave it.

        Raises:
            OutOfServiceError: no group serves.
            NoAnswerError: the model server gave none.
            Refused: there is no such variant.
        """
        with self._changed:
            group = self._group
            if group is None:
                raise OutOfServiceError
            self._under_way[group] = self._under_way.get(group, 0) + 1
        try:
            # A ping is nobody's turn.
            host = group.pick(variant) if method == "POST" else group.hosts[0]
            return host.ask(method, path, body, headers), host.name
        finally:
            with self._changed:
                self._under_way[group] -= 1
                self._changed.notify_all()

    def switch(self, group: VariantGroup | None) -> VariantGroup | None:
        """Sends all further requests to another group. Returns the one that served before."""
        with self._changed:
            before, self._group = self._group, group
            return before

    def drain(self, group: VariantGroup, patience: float) -> None:
        """Waits until the requests that a group began with are answered, at most so many seconds."""
        with self._changed:
            self._changed.wait_for(lambda: not self._under_way.get(group), patience)
            if not self._under_way.get(group):
                self._under_way.pop(group, None)


class EndpointServer(Server):
    """A port of the loopback that answers ``/ping`` and ``/invocations``, from its making to ``close``.

    Args:
        traffic: who answers.
        key: what a request must carry.
    """

    def __init__(self, traffic: VariantRouter, *, key: str) -> None:
        class Passing(_Passing):
            def ask(self, body: bytes, headers: Mapping[str, str]) -> tuple[ModelResponse, str]:
                return traffic.ask(self.command, self.path, body, headers, self.headers.get(TARGET_HEADER))

        super().__init__(Passing, key=key)


class _Passing(RequestHandler):
    def ask(self, body: bytes, headers: Mapping[str, str]) -> tuple[ModelResponse, str]:
        raise NotImplementedError

    def answer(self, body: bytes) -> None:
        headers = {name: self.headers[name] for name in _PASSED_ON if name in self.headers}
        try:
            answer, variant = self.ask(body, headers)
        except OutOfServiceError:
            self._say(HTTPStatus.SERVICE_UNAVAILABLE, "the endpoint is not in service")
        except Refused as error:
            self._say(HTTPStatus.BAD_REQUEST, error.message)
        except NoAnswerError as error:
            status = HTTPStatus.GATEWAY_TIMEOUT if error.timed_out else HTTPStatus.BAD_GATEWAY
            self._say(status, f"{error}; the endpoint's log may say why")
        else:
            self.reply(answer.status, answer.body, {"Content-Type": answer.content_type, VARIANT_HEADER: variant})

    def _say(self, status: HTTPStatus, text: str) -> None:
        self.reply(status, f"{text}\n".encode(), {})
