"""Deployment: the endpoint is created, or updated in place; a failure puts back what was there.

    deployment: endpoint            is it there, and in service?
    deployment: endpoint config     a new one
    deployment: create or update?   or neither, where somebody else is changing the endpoint
    deployment: wait, look          until it is in service, or the time is up
    deployment: in service?         what comes next: the smoke test, the autoscaling, the end, or the way back
    deployment: undo?               deletes the new endpoint, or puts the previous endpoint config back

SageMaker refuses to touch an endpoint that is being created or updated, and an update fails where the endpoint config
in use has been deleted; so the way back is patient, and deletes the new endpoint config last.
"""

from typing import Any

from pipeline.definition.endpoint_requests import (
    CONFIG_NAME,
    ENDPOINT_NAME,
    config_request,
    create_request,
    policy_request,
    smoke_test_request,
    target_request,
    update_request,
)
from pipeline.definition.expressions import (
    CAUGHT,
    INVOKE_RETRY,
    SCALING_RETRY,
    SDK_RETRY,
    jsonata,
    number_or,
    retry,
    with_more,
    with_result,
)
from pipeline.definition.resources import Resources

ENDPOINT = "deployment: endpoint"
_CONFIG = "deployment: endpoint config"
_CREATE_OR_UPDATE = "deployment: create or update?"
_CREATE = "deployment: create"
_UPDATE = "deployment: update"
_WAIT = "deployment: wait"
_LOOK = "deployment: look"
_IN_SERVICE = "deployment: in service?"
_RECORD = "deployment: record"
_SMOKE_TEST = "deployment: smoke test"
_TARGET = "deployment: scalable target"
_POLICY = "deployment: scaling policy"
_UNDO = "deployment: undo?"
_DELETE = "deployment: delete endpoint"
_PUT_BACK = "deployment: put back"
_DELETE_CONFIG = "deployment: delete endpoint config"
_FAILED = "deployment: failed"

DEFAULT_TIMEOUT = 3600
"""Seconds within which the endpoint must be in service."""

_LOOK_INTERVAL = 30

_PATIENT = [
    {"ErrorEquals": ["SageMaker.SageMakerException"], "IntervalSeconds": 60, "BackoffRate": 1.0, "MaxAttempts": 90}
]
"""SageMaker gives an endpoint up after an hour; until then it refuses to delete or to update it."""

_RESULT = "$states.input.deployment.result"
_INPUT = "$states.input.deployment"
_UNDER_WAY = "['Creating', 'Updating', 'SystemUpdating', 'RollingBack']"
_TIME_IS_UP = f"$millis() >= {_RESULT}.deadline"
_TIMEOUT = number_or(f"{_INPUT}.timeout_seconds", DEFAULT_TIMEOUT)
_SERVES = f"{_RESULT}.status = 'InService' and {_RESULT}.serving = {_RESULT}.EndpointConfigName"

_SAID_AT_THE_END = "['EndpointName', 'EndpointArn', 'EndpointConfigName', 'previous', 'smoke_test', 'autoscaling']"


def deployment_states(resources: Resources, *, following: str) -> dict[str, Any]:
    """The stage's states.

    Args:
        resources: what of the deployment they refer to.
        following: the name of the state after them.
    """
    return _made(resources) | _watched(resources, following) | _tried(resources) | _undone(resources)


def _task(resources: Resources, action: str, arguments: Any, output: str, after: str, **more: Any) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": resources.integration(f"aws-sdk:{action}"),
        "Arguments": arguments,
        "Output": jsonata(output),
        **more,
        "Next": after,
    }


def _more(more: str) -> str:
    return with_more("deployment", more)


def _caught(failure: str, after: str) -> list[dict[str, Any]]:
    """A Catch of every error that keeps it as the reason of the failure."""
    output = jsonata(_more(f"{{'failure': '{failure}: ' & {CAUGHT}}}"))
    return [{"ErrorEquals": ["States.ALL"], "Output": output, "Next": after}]


def _made(resources: Resources) -> dict[str, Any]:
    name = f"{{'EndpointName': {ENDPOINT_NAME}, "
    found = f"{name} 'previous': $states.result.EndpointConfigName, 'status': $states.result.EndpointStatus}}"
    missing = f"{name} 'missing': $states.errorOutput.Cause}}"
    started = f"'deadline': $millis() + 1000 * {_TIMEOUT}"
    busy = (
        f"{{'failure': 'endpoint ' & {_RESULT}.EndpointName & ' is ' & {_RESULT}.status"
        " & '; it can be updated when it is InService'}"
    )
    return {
        ENDPOINT: _task(
            resources,
            "sagemaker:describeEndpoint",
            {"EndpointName": jsonata(ENDPOINT_NAME)},
            with_result("deployment", found),
            _CONFIG,
            Catch=[
                {
                    "ErrorEquals": ["SageMaker.SageMakerException"],
                    "Output": jsonata(with_result("deployment", missing)),
                    "Next": _CONFIG,
                }
            ],
        ),
        _CONFIG: _task(
            resources,
            "sagemaker:createEndpointConfig",
            jsonata(config_request()),
            _more(f"{{'EndpointConfigName': {CONFIG_NAME}}}"),
            _CREATE_OR_UPDATE,
            Retry=SDK_RETRY,
        ),
        _CREATE_OR_UPDATE: {
            "Type": "Choice",
            "Choices": [
                {
                    "Condition": jsonata(
                        f"$exists({_RESULT}.missing) and $contains({_RESULT}.missing, 'Could not find')"
                    ),
                    "Next": _CREATE,
                },
                {
                    "Condition": jsonata(f"$exists({_RESULT}.missing)"),
                    "Output": jsonata(_more(f"{{'failure': {_RESULT}.missing}}")),
                    "Next": _DELETE_CONFIG,
                },
                {
                    "Condition": jsonata(f"{_RESULT}.status != 'InService'"),
                    "Output": jsonata(_more(busy)),
                    "Next": _DELETE_CONFIG,
                },
            ],
            "Default": _UPDATE,
        },
        _CREATE: _task(
            resources,
            "sagemaker:createEndpoint",
            jsonata(create_request()),
            _more(f"{{'created': true, {started}}}"),
            _WAIT,
            Retry=SDK_RETRY,
            Catch=_caught("the endpoint was not created", _DELETE_CONFIG),
        ),
        _UPDATE: _task(
            resources,
            "sagemaker:updateEndpoint",
            jsonata(update_request()),
            _more(f"{{'created': false, {started}}}"),
            _WAIT,
            Retry=SDK_RETRY,
            Catch=_caught("the endpoint was not updated", _DELETE_CONFIG),
        ),
    }


def _watched(resources: Resources, following: str) -> dict[str, Any]:
    seen = (
        "{'EndpointArn': $states.result.EndpointArn, 'status': $states.result.EndpointStatus,"
        " 'serving': $states.result.EndpointConfigName, 'reason': $states.result.FailureReason}"
    )
    unserved = (
        f"{{'failure': 'endpoint ' & {_RESULT}.EndpointName & ' is ' & {_RESULT}.status"
        f" & ({_RESULT}.status in {_UNDER_WAY} ? ' after ' & $string({_TIMEOUT}) & ' seconds' : '')"
        f" & ({_RESULT}.status = 'InService' ? ' with its previous endpoint config' : '')"
        f" & ($exists({_RESULT}.reason) ? ': ' & {_RESULT}.reason : '')}}"
    )
    finished = with_result("deployment", f"$sift({_RESULT}, function($v, $k) {{ $k in {_SAID_AT_THE_END} }})")
    untried = f"{_SERVES} and $not($exists({_RESULT}.smoke_test))"
    return {
        _WAIT: {"Type": "Wait", "Seconds": _LOOK_INTERVAL, "Next": _LOOK},
        _LOOK: _task(
            resources,
            "sagemaker:describeEndpoint",
            {"EndpointName": jsonata(f"{_RESULT}.EndpointName")},
            _more(seen),
            _IN_SERVICE,
            Retry=SDK_RETRY,
        ),
        _IN_SERVICE: {
            "Type": "Choice",
            "Choices": [
                {"Condition": jsonata(f"{_RESULT}.status in {_UNDER_WAY} and $not({_TIME_IS_UP})"), "Next": _WAIT},
                {"Condition": jsonata(f"$exists({_RESULT}.undoing)"), "Next": _DELETE_CONFIG},
                {
                    "Condition": jsonata(f"{untried} and $type({_INPUT}.smoke_test.S3Uri) = 'string'"),
                    "Next": _RECORD,
                },
                {"Condition": jsonata(f"{untried} and $type({_INPUT}.smoke_test) = 'object'"), "Next": _SMOKE_TEST},
                {
                    "Condition": jsonata(
                        f"{_SERVES} and $type({_INPUT}.autoscaling) = 'object' and $not($exists({_RESULT}.autoscaling))"
                    ),
                    "Next": _TARGET,
                },
                {"Condition": jsonata(_SERVES), "Output": jsonata(finished), "Next": following},
                {"Condition": jsonata("true"), "Output": jsonata(_more(unserved)), "Next": _UNDO},
            ],
            "Default": _UNDO,
        },
    }


def _tried(resources: Resources) -> dict[str, Any]:
    uri = f"{_INPUT}.smoke_test.S3Uri"
    return {
        _RECORD: _task(
            resources,
            "s3:getObject",
            {
                "Bucket": jsonata(f"$split({uri}, '/')[2]"),
                "Key": jsonata(f"$replace({uri}, /^s3:\\/\\/[^\\/]+\\//, '')"),
            },
            _more("{'record': $states.result.Body}"),
            _SMOKE_TEST,
            Retry=retry("S3.S3Exception", "S3.SdkClientException"),
            Catch=_caught("the smoke test has no record", _UNDO),
        ),
        _SMOKE_TEST: _task(
            resources,
            "sagemakerruntime:invokeEndpoint",
            jsonata(smoke_test_request()),
            _more("{'smoke_test': {'ContentType': $states.result.ContentType, 'Body': $states.result.Body}}"),
            _IN_SERVICE,
            Retry=INVOKE_RETRY,
            Catch=_caught("the smoke test failed", _UNDO),
        ),
        _TARGET: _task(
            resources,
            "applicationautoscaling:registerScalableTarget",
            jsonata(target_request()),
            "$states.input",
            _POLICY,
            Retry=SCALING_RETRY,
            Catch=_caught("the autoscaling was not set up", _UNDO),
        ),
        _POLICY: _task(
            resources,
            "applicationautoscaling:putScalingPolicy",
            jsonata(policy_request()),
            _more("{'autoscaling': {'PolicyARN': $states.result.PolicyARN}}"),
            _IN_SERVICE,
            Retry=SCALING_RETRY,
            Catch=_caught("the autoscaling was not set up", _UNDO),
        ),
    }


def _undone(resources: Resources) -> dict[str, Any]:
    config = jsonata(f"{_RESULT}.EndpointConfigName")
    also = f"{{'failure': {_RESULT}.failure & '; and what was made could not be undone: ' & {CAUGHT}}}"
    stuck = [{"ErrorEquals": ["States.ALL"], "Output": jsonata(_more(also)), "Next": _FAILED}]
    name = jsonata(f"{_RESULT}.EndpointName")
    back = f"{_RESULT}.status = 'InService' and {_RESULT}.serving = {_RESULT}.previous"
    return {
        _UNDO: {
            "Type": "Choice",
            "Choices": [
                {"Condition": jsonata(f"{_RESULT}.created = true"), "Next": _DELETE},
                {"Condition": jsonata(back), "Next": _DELETE_CONFIG},
            ],
            "Default": _PUT_BACK,
        },
        _DELETE: _task(
            resources,
            "sagemaker:deleteEndpoint",
            {"EndpointName": name},
            "$states.input",
            _DELETE_CONFIG,
            Retry=_PATIENT,
            Catch=stuck,
        ),
        _PUT_BACK: _task(
            resources,
            "sagemaker:updateEndpoint",
            {"EndpointName": name, "EndpointConfigName": jsonata(f"{_RESULT}.previous")},
            _more(f"{{'undoing': true, 'deadline': $millis() + 1000 * {_TIMEOUT}}}"),
            _WAIT,
            Retry=_PATIENT,
            Catch=stuck,
        ),
        _DELETE_CONFIG: _task(
            resources,
            "sagemaker:deleteEndpointConfig",
            {"EndpointConfigName": config},
            "$states.input",
            _FAILED,
            Retry=SDK_RETRY,
            Catch=stuck,
        ),
        _FAILED: {
            "Type": "Fail",
            "Error": "DeploymentFailed",
            "Cause": jsonata(f"{_RESULT}.failure"),
        },
    }
