"""Serves the actions to AWS SDKs over HTTP, in the AWS services' own protocols.

SageMaker and Application Auto Scaling speak JSON 1.1 (https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html),
SageMaker Runtime speaks REST (https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html). Only the access key id
of a signature is checked; see ``sagemaker_local.guard``.
"""

import json
import re
import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote

from botocore.utils import parse_to_aware_datetime

from sagemaker_local.errors import AwsError, TaskFailed, aws_error, not_supported
from sagemaker_local.guard import Rejection
from sagemaker_local.loopback import RequestHandler, Server
from sagemaker_local.requests import operation_name, service_model
from sagemaker_local.service import SageMaker
from sagemaker_local.services import SAGEMAKER, SCALING

if TYPE_CHECKING:
    from botocore.model import OperationModel, Shape

_TARGETS = {"SageMaker": SAGEMAKER, "AnyScaleFrontendService": SCALING}
_JSON = "application/x-amz-json-1.1"
_INVOCATION = re.compile(r"/endpoints/(?P<name>[^/?]+)/invocations")
_ENDPOINT = re.compile(r"/endpoints/(?P<name>[^/?]+)")
_INVOKE = "invokeEndpoint"


class Api:
    """An HTTP server for any AWS SDK: ``boto3.client("sagemaker", endpoint_url=api.url)``.

    Args:
        sagemaker: runs the actions.
        port: the port to listen on, on 127.0.0.1 only; 0: any free one.
    """

    def __init__(self, sagemaker: SageMaker, *, port: int = 0) -> None:
        self._sagemaker = sagemaker
        self._port = port
        self._server: Server | None = None

    @property
    def url(self) -> str:
        """The server's URL, such as ``http://127.0.0.1:8080``."""
        if self._server is None:
            raise RuntimeError("the API server is not running")
        return self._server.url

    def start(self) -> None:
        """Starts listening. Raises OSError if the port is taken."""

        class Handler(AwsRequestHandler):
            sagemaker = self._sagemaker

        self._server = Server(Handler, self._port, key=self._sagemaker.key)

    def stop(self) -> None:
        """Stops listening, if it is; endpoints keep running."""
        server, self._server = self._server, None
        if server is not None:
            server.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class AwsRequestHandler(RequestHandler):
    """One connection from an AWS SDK. A subclass sets ``sagemaker``, which runs the actions."""

    sagemaker: SageMaker

    def answer(self, body: bytes) -> None:
        """See ``loopback.RequestHandler``."""
        invocation, endpoint = _INVOCATION.fullmatch(self.path), _ENDPOINT.fullmatch(self.path)
        try:
            if endpoint is not None:
                self._reply_endpoint_url(unquote(endpoint["name"]))
            elif invocation is not None:
                self._invoke(unquote(invocation["name"]), body)
            else:
                self._run_action(body)
        except TaskFailed as error:
            self._reply_error(error if isinstance(error, AwsError) else aws_error(error.cause, code=error.error))
        except Exception as error:  # noqa: BLE001 - without a response the client would wait
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            self._reply_error(aws_error(repr(error), code="InternalFailure", status=status))

    def _reply_endpoint_url(self, name: str) -> None:
        """Replies with an endpoint's URL on this machine as text, which no AWS API returns."""
        url = self.sagemaker.endpoint_url(name)
        self.reply(HTTPStatus.NOT_FOUND if url is None else HTTPStatus.OK, f"{url or ''}\n".encode(), {})

    def _run_action(self, body: bytes) -> None:
        """Runs one action of a service that speaks JSON 1.1."""
        prefix, _, name = self.headers.get("X-Amz-Target", "").partition(".")
        service = _TARGETS.get(prefix)
        if service is None:
            raise aws_error(
                f"X-Amz-Target is {self.headers.get('X-Amz-Target')!r}; expected one of "
                f"{', '.join(f'{target}.<Action>' for target in _TARGETS)}",
                code="UnknownOperationException",
            )
        action = name[:1].lower() + name[1:]
        actions = [known for known, of in self.sagemaker.actions.items() if of == service]
        if action not in actions:
            raise not_supported("the action", name, f"one of {', '.join(map(operation_name, actions))}")
        try:
            request = json.loads(body or b"{}")
        except ValueError as error:
            raise aws_error(f"the body is not JSON: {error}", code="SerializationException") from error
        if not isinstance(request, dict):
            raise aws_error("the body is not a JSON object", code="SerializationException")
        shape = _operation(service.name, action).output_shape
        response = self.sagemaker.answer(action, request)
        content = b"" if shape is None else json.dumps(_wire(response, shape)).encode()
        self.reply(HTTPStatus.OK, content, self._headers(_JSON))

    def _invoke(self, name: str, body: bytes) -> None:
        """Runs InvokeEndpoint, whose other members are headers."""
        operation = _operation("sagemaker-runtime", _INVOKE)
        request: dict[str, Any] = {"EndpointName": name, "Body": body}
        for member, header in _header_members(operation.input_shape):
            if header in self.headers:
                request[member] = self.headers[header]
        response = self.sagemaker.answer(_INVOKE, request)
        headers = {
            header: response[member]
            for member, header in _header_members(operation.output_shape)
            if response.get(member)
        }
        self.reply(HTTPStatus.OK, response["Body"], self._headers(None) | headers)

    def reject(self, rejected: Rejection) -> None:
        """See ``loopback.RequestHandler``."""
        self._reply_error(aws_error(rejected.message, code=rejected.code, status=rejected.status))

    def _reply_error(self, error: AwsError) -> None:
        # The code and the message are where either protocol expects them.
        content = {"__type": error.code, "message": error.message, "Message": error.message} | error.members
        headers = self._headers(_JSON) | {"x-amzn-ErrorType": error.code}
        self.reply(error.status, json.dumps(content).encode(), headers)

    @staticmethod
    def _headers(content_type: str | None) -> dict[str, str]:
        headers = {"x-amzn-RequestId": str(uuid.uuid4())}
        return headers | ({"Content-Type": content_type} if content_type else {})


def _operation(service: str, action: str) -> "OperationModel":
    return service_model(service).operation_model(operation_name(action))


def _header_members(shape: Any) -> list[tuple[str, str]]:
    """Returns the members of a shape that are sent as headers, with the headers' names."""
    members = shape.members.items()
    return [
        (name, member.serialization["name"])
        for name, member in members
        if member.serialization.get("location") == "header"
    ]


def _wire(value: Any, shape: "Shape") -> Any:
    """Converts a response to JSON 1.1: times in seconds since the epoch, and only the members in the service model."""
    kinds: Any = shape
    match shape.type_name:
        case "structure":
            return {
                name: _wire(value[name], member)
                for name, member in kinds.members.items()
                if value.get(name) is not None
            }
        case "list":
            return [_wire(one, kinds.member) for one in value]
        case "map":
            return {name: _wire(one, kinds.value) for name, one in value.items()}
        case "timestamp":
            return parse_to_aware_datetime(value).timestamp()
    return value
