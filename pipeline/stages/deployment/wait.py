"""The endpoint is waited for; from the Choice at the end, the trials, the end and the way back are reached."""

from typing import Any

from pipeline.asl.jsonata import jsonata, with_result
from pipeline.asl.resources import Resources
from pipeline.asl.retries import SDK_RETRY
from pipeline.stages.deployment.states import (
    DELETE_CONFIG,
    IN_SERVICE,
    LOOK,
    RECORD,
    RESULT,
    SECTION,
    SMOKE_TEST,
    TARGET,
    TIMEOUT,
    UNDER_WAY,
    UNDO,
    WAIT,
    more,
    task,
)

_INTERVAL = 30
"""Seconds between two looks."""

_TIME_IS_UP = f"$millis() >= {RESULT}.deadline"
_SERVES = f"{RESULT}.status = 'InService' and {RESULT}.serving = {RESULT}.EndpointConfigName"
_SAID_AT_THE_END = "['EndpointName', 'EndpointArn', 'EndpointConfigName', 'previous', 'smoke_test', 'autoscaling']"


def wait_states(resources: Resources, following: str) -> dict[str, Any]:
    """Looks until the endpoint is in service or the time is up, and says what comes next."""
    seen = (
        "{'EndpointArn': $states.result.EndpointArn, 'status': $states.result.EndpointStatus,"
        " 'serving': $states.result.EndpointConfigName, 'reason': $states.result.FailureReason}"
    )
    unserved = (
        f"{{'failure': 'endpoint ' & {RESULT}.EndpointName & ' is ' & {RESULT}.status"
        f" & ({RESULT}.status in {UNDER_WAY} ? ' after ' & $string({TIMEOUT}) & ' seconds' : '')"
        f" & ({RESULT}.status = 'InService' ? ' with its previous endpoint config' : '')"
        f" & ($exists({RESULT}.reason) ? ': ' & {RESULT}.reason : '')}}"
    )
    finished = with_result("deployment", f"$sift({RESULT}, function($v, $k) {{ $k in {_SAID_AT_THE_END} }})")
    untried = f"{_SERVES} and $not($exists({RESULT}.smoke_test))"
    return {
        WAIT: {"Type": "Wait", "Seconds": _INTERVAL, "Next": LOOK},
        LOOK: task(
            resources,
            "sagemaker:describeEndpoint",
            {"EndpointName": jsonata(f"{RESULT}.EndpointName")},
            more(seen),
            IN_SERVICE,
            Retry=SDK_RETRY,
        ),
        IN_SERVICE: {
            "Type": "Choice",
            "Choices": [
                {"Condition": jsonata(f"{RESULT}.status in {UNDER_WAY} and $not({_TIME_IS_UP})"), "Next": WAIT},
                {"Condition": jsonata(f"$exists({RESULT}.undoing)"), "Next": DELETE_CONFIG},
                {
                    "Condition": jsonata(f"{untried} and $type({SECTION}.smoke_test.S3Uri) = 'string'"),
                    "Next": RECORD,
                },
                {"Condition": jsonata(f"{untried} and $type({SECTION}.smoke_test) = 'object'"), "Next": SMOKE_TEST},
                {
                    "Condition": jsonata(
                        f"{_SERVES} and $type({SECTION}.autoscaling) = 'object' and $not($exists({RESULT}.autoscaling))"
                    ),
                    "Next": TARGET,
                },
                {"Condition": jsonata(_SERVES), "Output": jsonata(finished), "Next": following},
                {"Condition": jsonata("true"), "Output": jsonata(more(unserved)), "Next": UNDO},
            ],
            "Default": UNDO,
        },
    }
