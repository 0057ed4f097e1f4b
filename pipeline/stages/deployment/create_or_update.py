"""The endpoint is looked for, gets a new endpoint config, and is created or updated; or it is left alone."""

from typing import Any

from pipeline.asl.jsonata import jsonata, with_result
from pipeline.asl.resources import Resources
from pipeline.asl.retries import SDK_RETRY
from pipeline.stages.deployment import ENDPOINT
from pipeline.stages.deployment.requests import (
    CONFIG_NAME,
    ENDPOINT_NAME,
    config_request,
    create_request,
    update_request,
)
from pipeline.stages.deployment.states import (
    CONFIG,
    CREATE,
    CREATE_OR_UPDATE,
    DELETE_CONFIG,
    RESULT,
    TIMEOUT,
    UPDATE,
    WAIT,
    caught,
    more,
    task,
)


def create_or_update_states(resources: Resources) -> dict[str, Any]:
    """Up to the moment at which SageMaker has the endpoint in hand."""
    return _looked_for(resources) | _begun(resources)


def _looked_for(resources: Resources) -> dict[str, Any]:
    name = f"{{'EndpointName': {ENDPOINT_NAME}, "
    found = f"{name} 'previous': $states.result.EndpointConfigName, 'status': $states.result.EndpointStatus}}"
    missing = f"{name} 'missing': $states.errorOutput.Cause}}"
    busy = (
        f"{{'failure': 'endpoint ' & {RESULT}.EndpointName & ' is ' & {RESULT}.status"
        " & '; it can be updated when it is InService'}"
    )
    return {
        ENDPOINT: task(
            resources,
            "sagemaker:describeEndpoint",
            {"EndpointName": jsonata(ENDPOINT_NAME)},
            with_result("deployment", found),
            CONFIG,
            Catch=[
                {
                    "ErrorEquals": ["SageMaker.SageMakerException"],
                    "Output": jsonata(with_result("deployment", missing)),
                    "Next": CONFIG,
                }
            ],
        ),
        CONFIG: task(
            resources,
            "sagemaker:createEndpointConfig",
            jsonata(config_request()),
            more(f"{{'EndpointConfigName': {CONFIG_NAME}}}"),
            CREATE_OR_UPDATE,
            Retry=SDK_RETRY,
        ),
        CREATE_OR_UPDATE: {
            "Type": "Choice",
            "Choices": [
                {
                    "Condition": jsonata(
                        f"$exists({RESULT}.missing) and $contains({RESULT}.missing, 'Could not find')"
                    ),
                    "Next": CREATE,
                },
                {
                    "Condition": jsonata(f"$exists({RESULT}.missing)"),
                    "Output": jsonata(more(f"{{'failure': {RESULT}.missing}}")),
                    "Next": DELETE_CONFIG,
                },
                {
                    "Condition": jsonata(f"{RESULT}.status != 'InService'"),
                    "Output": jsonata(more(busy)),
                    "Next": DELETE_CONFIG,
                },
            ],
            "Default": UPDATE,
        },
    }


def _begun(resources: Resources) -> dict[str, Any]:
    started = f"'deadline': $millis() + 1000 * {TIMEOUT}"
    return {
        CREATE: task(
            resources,
            "sagemaker:createEndpoint",
            jsonata(create_request()),
            more(f"{{'created': true, {started}}}"),
            WAIT,
            Retry=SDK_RETRY,
            Catch=caught("the endpoint was not created", DELETE_CONFIG),
        ),
        UPDATE: task(
            resources,
            "sagemaker:updateEndpoint",
            jsonata(update_request()),
            more(f"{{'created': false, {started}}}"),
            WAIT,
            Retry=SDK_RETRY,
            Catch=caught("the endpoint was not updated", DELETE_CONFIG),
        ),
    }
