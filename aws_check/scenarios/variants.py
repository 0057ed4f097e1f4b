"""What SageMaker refuses in an endpoint config with a serverless variant. Starts nothing."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from aws_check.assumptions import CONFIRMED, NOT_SETTLED, Answer
from aws_check.context import Context, NotPossibleError
from aws_check.names import PROBE
from pipeline.stages import CREATE_MODEL

_SERVERLESS = {"MemorySizeInMB": 2048, "MaxConcurrency": 1}
_COPIED = ("PrimaryContainer", "ExecutionRoleArn")


def serverless_variants(context: Context) -> Iterator[Answer]:
    """Asks for a config with data capture, with two variants, and with a model in network isolation."""
    if context.shipped is None:
        raise NotPossibleError("the shipped input left no model")
    sagemaker = context.client("sagemaker")
    model = CREATE_MODEL.name_prefix + context.shipped
    described = sagemaker.describe_model(ModelName=model)
    isolated = CREATE_MODEL.name_prefix + PROBE
    copied = {name: described[name] for name in _COPIED if name in described}
    sagemaker.create_model(ModelName=isolated, EnableNetworkIsolation=True, **copied)
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": context.uri("capture"),
        "CaptureOptions": [{"CaptureMode": "Input"}],
    }
    requests: dict[str, dict[str, Any]] = {
        "data capture": {"ProductionVariants": [_variant("a", model)], "DataCaptureConfig": capture},
        "a second variant": {"ProductionVariants": [_variant("a", model), _variant("b", model)]},
        "network isolation": {"ProductionVariants": [_variant("a", isolated)]},
    }
    refusals = {what: _refusal(sagemaker, request) for what, request in requests.items()}
    evidence = "; ".join(f"{what}: {refusal or 'accepted'}" for what, refusal in refusals.items())
    verdict = CONFIRMED if all(refusals.values()) else NOT_SETTLED
    yield Answer(number=12, verdict=verdict, evidence=f"CreateEndpointConfig with {evidence}; a VPC was not tried")


def _variant(name: str, model: str) -> dict[str, Any]:
    return {"VariantName": name, "ModelName": model, "ServerlessConfig": _SERVERLESS}


def _refusal(sagemaker: Any, request: dict[str, Any]) -> str | None:
    """Returns the message of the refusal; None if the config was created, and deletes it."""
    try:
        sagemaker.create_endpoint_config(EndpointConfigName=PROBE, **request)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationException":
            raise
        return str(error.response["Error"]["Message"])
    sagemaker.delete_endpoint_config(EndpointConfigName=PROBE)
    return None
