"""An endpoint's front: its port, the same whichever fleet serves behind it, and the switch between fleets."""

import threading
from collections.abc import Mapping
from http import HTTPStatus

from sagemaker_local.errors import Refused
from sagemaker_local.hosts import Fleet
from sagemaker_local.loopback import Requests, Server
from sagemaker_local.server import Answer, NoAnswerError

VARIANT_HEADER = "x-Amzn-Invoked-Production-Variant"
TARGET_HEADER = "X-Amzn-SageMaker-Target-Variant"
_PASSED_ON = ("Content-Type", "Accept", "X-Amzn-SageMaker-Custom-Attributes")


class OutOfServiceError(Exception):
    """No fleet serves yet, or any more."""


class Traffic:
    """Who serves now. A request stays with the fleet that it began with. Safe to use from several threads."""

    def __init__(self) -> None:
        self._fleet: Fleet | None = None
        self._under_way: dict[Fleet, int] = {}
        self._changed = threading.Condition()

    @property
    def fleet(self) -> Fleet | None:
        """The fleet that serves."""
        return self._fleet

    def ask(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], variant: str | None = None
    ) -> tuple[Answer, str]:
        """Has the fleet answer a request.

        Args:
            method: of HTTP.
            path: ``/ping`` or ``/invocations``.
            body: of the request.
            headers: the request's.
            variant: the one that shall answer; None: whose turn it is.

        Returns:
            The answer, and the variant that gave it.

        Raises:
            OutOfServiceError: no fleet serves.
            NoAnswerError: the model server gave none.
            Refused: there is no such variant.
        """
        with self._changed:
            fleet = self._fleet
            if fleet is None:
                raise OutOfServiceError
            self._under_way[fleet] = self._under_way.get(fleet, 0) + 1
        try:
            # A ping is nobody's turn.
            host = fleet.pick(variant) if method == "POST" else fleet.hosts[0]
            return host.ask(method, path, body, headers), host.name
        finally:
            with self._changed:
                self._under_way[fleet] -= 1
                self._changed.notify_all()

    def switch(self, fleet: Fleet | None) -> Fleet | None:
        """Sends all further requests to another fleet. Returns the one that served before."""
        with self._changed:
            before, self._fleet = self._fleet, fleet
            return before

    def drain(self, fleet: Fleet, patience: float) -> None:
        """Waits until the requests that a fleet began with are answered, at most so many seconds."""
        with self._changed:
            self._changed.wait_for(lambda: not self._under_way.get(fleet), patience)
            if not self._under_way.get(fleet):
                self._under_way.pop(fleet, None)


class Front(Server):
    """A port of the loopback that answers ``/ping`` and ``/invocations``, from its making to ``close``.

    Args:
        traffic: who answers.
        key: what a request must carry.
    """

    def __init__(self, traffic: Traffic, *, key: str) -> None:
        class Passing(_Passing):
            def ask(self, body: bytes, headers: Mapping[str, str]) -> tuple[Answer, str]:
                return traffic.ask(self.command, self.path, body, headers, self.headers.get(TARGET_HEADER))

        super().__init__(Passing, key=key)


class _Passing(Requests):
    def ask(self, body: bytes, headers: Mapping[str, str]) -> tuple[Answer, str]:
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
