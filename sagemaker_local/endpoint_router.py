"""An endpoint's port, and the router that sends its requests to the current group of model servers."""

import threading
from collections.abc import Mapping
from http import HTTPStatus

from sagemaker_local.errors import AwsError
from sagemaker_local.loopback import RequestHandler, Server
from sagemaker_local.model_server_client import ModelResponse, NoResponseError
from sagemaker_local.variant_servers import VariantGroup

VARIANT_HEADER = "x-Amzn-Invoked-Production-Variant"
TARGET_HEADER = "X-Amzn-SageMaker-Target-Variant"
_INFERENCE_HEADER = "X-Amzn-SageMaker-Inference-Id"
_FORWARDED = ("Content-Type", "Accept", "X-Amzn-SageMaker-Custom-Attributes")


class OutOfServiceError(Exception):
    """The endpoint has no running model servers."""


class VariantRouter:
    """Routes requests to the current group; each finishes in the group it started in. Safe to use from any thread."""

    def __init__(self) -> None:
        self._group: VariantGroup | None = None
        self._in_flight: dict[VariantGroup, int] = {}
        self._changed = threading.Condition()

    @property
    def group(self) -> VariantGroup | None:
        """The current group."""
        return self._group

    def send(
        self,
        method: str,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        variant: str | None = None,
        inference_id: str | None = None,
    ) -> tuple[ModelResponse, str]:
        """Sends a request to the current group.

        Args:
            method: the HTTP method.
            path: ``/ping`` or ``/invocations``.
            body: the request's body.
            headers: the request's headers.
            variant: the target variant; None: chosen by the variants' weights.
            inference_id: the client's, for the captured data.

        Returns:
            The response, and the name of the variant that sent it.

        Raises:
            OutOfServiceError: there is no current group.
            NoResponseError: the model server did not respond.
            AwsError: the variant does not exist.
        """
        with self._changed:
            group = self._group
            if group is None:
                raise OutOfServiceError
            self._in_flight[group] = self._in_flight.get(group, 0) + 1
        try:
            # A ping does not count towards the weights.
            server = group.pick(variant) if method == "POST" else group.servers[0]
            answer = server.send(method, path, body, headers)
            if method == "POST" and group.capture is not None and answer.status < HTTPStatus.MULTIPLE_CHOICES:
                group.capture.record(server.name, body, headers.get("Content-Type", ""), answer, inference_id)
            return answer, server.name
        finally:
            with self._changed:
                self._in_flight[group] -= 1
                self._changed.notify_all()

    def switch(self, group: VariantGroup | None) -> VariantGroup | None:
        """Sends all further requests to another group. Returns the previous group."""
        with self._changed:
            before, self._group = self._group, group
            return before

    def drain(self, group: VariantGroup, timeout: float) -> None:
        """Waits until a group's requests in flight are answered, for at most ``timeout`` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: not self._in_flight.get(group), timeout)
            if not self._in_flight.get(group):
                self._in_flight.pop(group, None)


class EndpointServer(Server):
    """Serves ``/ping`` and ``/invocations`` on a port of the loopback interface until ``close``.

    Args:
        router: receives the requests.
        key: the key that each request must carry.
    """

    def __init__(self, router: VariantRouter, *, key: str) -> None:
        class Handler(_ForwardingHandler):
            def send(self, body: bytes, headers: Mapping[str, str]) -> tuple[ModelResponse, str]:
                variant, inference_id = self.headers.get(TARGET_HEADER), self.headers.get(_INFERENCE_HEADER)
                return router.send(self.command, self.path, body, headers, variant=variant, inference_id=inference_id)

        super().__init__(Handler, key=key)


class _ForwardingHandler(RequestHandler):
    def send(self, body: bytes, headers: Mapping[str, str]) -> tuple[ModelResponse, str]:
        raise NotImplementedError

    def answer(self, body: bytes) -> None:
        headers = {name: self.headers[name] for name in _FORWARDED if name in self.headers}
        try:
            answer, variant = self.send(body, headers)
        except OutOfServiceError:
            self._reply_text(HTTPStatus.SERVICE_UNAVAILABLE, "the endpoint is not in service")
        except AwsError as error:
            self._reply_text(HTTPStatus.BAD_REQUEST, error.message)
        except NoResponseError as error:
            status = HTTPStatus.GATEWAY_TIMEOUT if error.timed_out else HTTPStatus.BAD_GATEWAY
            self._reply_text(status, f"{error}; the endpoint's log may say why")
        else:
            self.reply(answer.status, answer.body, {"Content-Type": answer.content_type, VARIANT_HEADER: variant})

    def _reply_text(self, status: HTTPStatus, text: str) -> None:
        self.reply(status, f"{text}\n".encode(), {})
