"""The way back: the new endpoint is deleted, or the previous endpoint config put back; last the new one goes."""

from typing import Any

from pipeline.asl.jsonata import CAUGHT, jsonata
from pipeline.asl.resources import Resources
from pipeline.asl.retries import PATIENT, SDK_RETRY
from pipeline.stages.deployment.states import (
    DELETE,
    DELETE_CONFIG,
    FAILED,
    PUT_BACK,
    RESULT,
    TIMEOUT,
    UNDO,
    WAIT,
    more,
    task,
)


def rollback_states(resources: Resources) -> dict[str, Any]:
    """The way back to what was there, and the end of the execution."""
    config = jsonata(f"{RESULT}.EndpointConfigName")
    also = f"{{'failure': {RESULT}.failure & '; and what was made could not be undone: ' & {CAUGHT}}}"
    stuck = [{"ErrorEquals": ["States.ALL"], "Output": jsonata(more(also)), "Next": FAILED}]
    name = jsonata(f"{RESULT}.EndpointName")
    back = f"{RESULT}.status = 'InService' and {RESULT}.serving = {RESULT}.previous"
    return {
        UNDO: {
            "Type": "Choice",
            "Choices": [
                {"Condition": jsonata(f"{RESULT}.created = true"), "Next": DELETE},
                {"Condition": jsonata(back), "Next": DELETE_CONFIG},
            ],
            "Default": PUT_BACK,
        },
        DELETE: task(
            resources,
            "sagemaker:deleteEndpoint",
            {"EndpointName": name},
            "$states.input",
            DELETE_CONFIG,
            Retry=PATIENT,
            Catch=stuck,
        ),
        PUT_BACK: task(
            resources,
            "sagemaker:updateEndpoint",
            {"EndpointName": name, "EndpointConfigName": jsonata(f"{RESULT}.previous")},
            more(f"{{'undoing': true, 'deadline': $millis() + 1000 * {TIMEOUT}}}"),
            WAIT,
            Retry=PATIENT,
            Catch=stuck,
        ),
        DELETE_CONFIG: task(
            resources,
            "sagemaker:deleteEndpointConfig",
            {"EndpointConfigName": config},
            "$states.input",
            FAILED,
            Retry=SDK_RETRY,
            Catch=stuck,
        ),
        FAILED: {
            "Type": "Fail",
            "Error": "DeploymentFailed",
            "Cause": jsonata(f"{RESULT}.failure"),
        },
    }
