"""SageMaker Runtime: InvokeEndpoint and its error messages.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
"""

from http import HTTPStatus

from sagemaker_local.endpoint_router import OutOfServiceError
from sagemaker_local.endpoints import Endpoints
from sagemaker_local.errors import AwsError, aws_error, not_supported
from sagemaker_local.job import JobContext
from sagemaker_local.listings import Document
from sagemaker_local.model_server_client import ModelResponse, NoResponseError
from sagemaker_local.variant_servers import log_file

_HEADERS = {
    "ContentType": "Content-Type",
    "Accept": "Accept",
    "CustomAttributes": "X-Amzn-SageMaker-Custom-Attributes",
}
_UNSUPPORTED = ("TargetModel", "TargetContainerHostname", "InferenceComponentName", "SessionId", "EnableExplanations")
_MODEL_ERROR = 424
_MESSAGE_LENGTH = 4096
_TIMED_OUT = (
    "Your invocation timed out while waiting for a response from container primary. Review the latency metrics for "
    "each container in Amazon CloudWatch, resolve the issue, and try again."
)


class Runtime:
    """Invokes endpoints. Safe to use from several threads.

    Args:
        context: the environment that the endpoints run in.
        endpoints: the endpoints.
    """

    def __init__(self, context: JobContext, endpoints: Endpoints) -> None:
        self._context = context
        self._endpoints = endpoints

    def invoke(self, request: Document) -> Document:
        """InvokeEndpoint.

        Args:
            request: the request, with ``Body`` as bytes.

        Returns:
            ``Body`` as bytes, ``ContentType`` and ``InvokedProductionVariant``.

        Raises:
            AwsError: ``ValidationError`` if the endpoint is missing or not in service, ``ModelError`` if its container
                returned no prediction.
            TaskFailed: the request is for a kind of endpoint that is not supported.
        """
        for key in _UNSUPPORTED:
            if key in request:
                raise not_supported(key, request[key], "leave it out")
        name = request["EndpointName"]
        headers = {header: _header(key, request[key]) for key, header in _HEADERS.items() if key in request}
        try:
            router = self._endpoints.find(name).router
        except AwsError:
            raise self._not_found(name) from None
        try:
            answer, variant = router.send(
                "POST",
                "/invocations",
                request["Body"],
                headers,
                variant=request.get("TargetVariant"),
                inference_id=request.get("InferenceId"),
            )
        except OutOfServiceError:
            raise self._not_found(name) from None
        except NoResponseError as error:
            raise self._model_error(name, 0, _TIMED_OUT if error.timed_out else str(error)) from error
        if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
            raise self._model_error(name, answer.status, answer.body.decode("utf-8", "replace"))
        return _response(answer, variant)

    def _not_found(self, name: str) -> AwsError:
        """SageMaker returns this error also for an endpoint that is being created."""
        return aws_error(f"Endpoint {name} of account {self._context.account} not found.", code="ValidationError")

    def _model_error(self, name: str, status: int, text: str) -> AwsError:
        client = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
        text = text[:_MESSAGE_LENGTH]
        group = f"log-group:/aws/sagemaker/Endpoints/{name}"
        return aws_error(
            f'Received {"client" if client else "server"} error ({status}) from primary with message "{text}". See '
            f"{log_file(self._context, name)} for more information.",
            code="ModelError",
            status=_MODEL_ERROR,
            OriginalStatusCode=status,
            OriginalMessage=text,
            LogStreamArn=f"arn:aws:logs:{self._context.region}:{self._context.account}:{group}",
        )


def _header(key: str, value: str) -> str:
    """Returns a value that is a valid header; else raises AwsError. Python cannot check the service model's pattern."""
    if not (value.isascii() and value.isprintable()):
        raise aws_error(
            f"1 validation error detected: Value {value!r} at '{key[0].lower()}{key[1:]}' failed to satisfy "
            "constraint: Member must be printable ASCII",
            code="ValidationError",
        )
    return value


def _response(answer: ModelResponse, variant: str) -> Document:
    return {"Body": answer.body, "ContentType": answer.content_type, "InvokedProductionVariant": variant}
