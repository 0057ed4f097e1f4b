"""The door for AWS SDKs: the same actions by HTTP, in the protocols of the services' own endpoints.

SageMaker and Application Auto Scaling speak JSON 1.1 (https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html),
SageMaker Runtime REST (https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html). Of a signature, only the
access key id is looked at; see ``sagemaker_local.guard``.
"""

import json
import re
import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote

from botocore.utils import parse_to_aware_datetime

from sagemaker_local.errors import JobFailed, Refused, not_supported, refused
from sagemaker_local.guard import Refusal
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
    """The services of this machine for any AWS SDK: ``boto3.client("sagemaker", endpoint_url=api.url)``.

    Args:
        sagemaker: what answers.
        port: where it listens, on 127.0.0.1 only; 0: any that is free.
    """

    def __init__(self, sagemaker: SageMaker, *, port: int = 0) -> None:
        self._sagemaker = sagemaker
        self._port = port
        self._server: Server | None = None

    @property
    def url(self) -> str:
        """Where it listens, such as ``http://127.0.0.1:8080``."""
        if self._server is None:
            raise RuntimeError("the door has not been opened")
        return self._server.url

    def start(self) -> None:
        """Begins to listen. Raises OSError if the port is taken."""

        class Handler(AwsRequestHandler):
            sagemaker = self._sagemaker

        self._server = Server(Handler, self._port, key=self._sagemaker.key)

    def stop(self) -> None:
        """Stops listening; the endpoints stay. Harmless if it does not."""
        server, self._server = self._server, None
        if server is not None:
            server.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class AwsRequestHandler(RequestHandler):
    """One connection of an AWS SDK; a subclass has ``sagemaker``, which answers."""

    sagemaker: SageMaker

    def answer(self, body: bytes) -> None:
        """See ``loopback.RequestHandler``."""
        invocation, endpoint = _INVOCATION.fullmatch(self.path), _ENDPOINT.fullmatch(self.path)
        try:
            if endpoint is not None:
                self._tell(unquote(endpoint["name"]))
            elif invocation is not None:
                self._invoke(unquote(invocation["name"]), body)
            else:
                self._do(body)
        except JobFailed as error:
            self._refuse(error if isinstance(error, Refused) else refused(error.cause, code=error.error))
        except Exception as error:  # noqa: BLE001 - a fault of ours is an answer: the client would wait otherwise
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            self._refuse(refused(repr(error), code="InternalFailure", status=status))

    def _tell(self, name: str) -> None:
        """Where an endpoint listens on this machine, as text: no AWS API has an answer to that."""
        url = self.sagemaker.endpoint_url(name)
        self.reply(HTTPStatus.NOT_FOUND if url is None else HTTPStatus.OK, f"{url or ''}\n".encode(), {})

    def _do(self, body: bytes) -> None:
        """One action of a service that speaks JSON 1.1."""
        prefix, _, name = self.headers.get("X-Amz-Target", "").partition(".")
        service = _TARGETS.get(prefix)
        if service is None:
            raise refused(
                f"X-Amz-Target is {self.headers.get('X-Amz-Target')!r}; it is one of "
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
            raise refused(f"the body is no JSON: {error}", code="SerializationException") from error
        if not isinstance(request, dict):
            raise refused("the body is no JSON object", code="SerializationException")
        shape = _operation(service.name, action).output_shape
        response = self.sagemaker.answer(action, request)
        content = b"" if shape is None else json.dumps(_wire(response, shape)).encode()
        self.reply(HTTPStatus.OK, content, self._headers(_JSON))

    def _invoke(self, name: str, body: bytes) -> None:
        """InvokeEndpoint: its members are headers, its body is the container's."""
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

    def refuse(self, refusal: Refusal) -> None:
        """See ``loopback.RequestHandler``."""
        self._refuse(refused(refusal.message, code=refusal.code, status=refusal.status))

    def _refuse(self, error: Refused) -> None:
        # Where each of the two protocols has the code and the message, so that one form serves both.
        said = {"__type": error.code, "message": error.message, "Message": error.message} | error.members
        headers = self._headers(_JSON) | {"x-amzn-ErrorType": error.code}
        self.reply(error.status, json.dumps(said).encode(), headers)

    @staticmethod
    def _headers(content_type: str | None) -> dict[str, str]:
        headers = {"x-amzn-RequestId": str(uuid.uuid4())}
        return headers | ({"Content-Type": content_type} if content_type else {})


def _operation(service: str, action: str) -> "OperationModel":
    return service_model(service).operation_model(operation_name(action))


def _header_members(shape: Any) -> list[tuple[str, str]]:
    """The members of a shape that travel as headers, and the headers."""
    members = shape.members.items()
    return [
        (name, member.serialization["name"])
        for name, member in members
        if member.serialization.get("location") == "header"
    ]


def _wire(value: Any, shape: "Shape") -> Any:
    """A response as JSON 1.1 has it: times in seconds since the epoch, and only members that the model has."""
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
