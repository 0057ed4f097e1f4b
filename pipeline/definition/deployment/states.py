"""What the states of the deployment share: their names, and how they keep what they learn."""

from typing import Any

from pipeline.definition.expressions import CAUGHT, jsonata, number_or, with_more
from pipeline.definition.resources import Resources

ENDPOINT = "deployment: endpoint"
CONFIG = "deployment: endpoint config"
CREATE_OR_UPDATE = "deployment: create or update?"
CREATE = "deployment: create"
UPDATE = "deployment: update"
WAIT = "deployment: wait"
LOOK = "deployment: look"
IN_SERVICE = "deployment: in service?"
RECORD = "deployment: record"
SMOKE_TEST = "deployment: smoke test"
TARGET = "deployment: scalable target"
POLICY = "deployment: scaling policy"
UNDO = "deployment: undo?"
DELETE = "deployment: delete endpoint"
PUT_BACK = "deployment: put back"
DELETE_CONFIG = "deployment: delete endpoint config"
FAILED = "deployment: failed"

DEFAULT_TIMEOUT = 3600
"""Seconds within which the endpoint must be in service."""

SECTION = "$states.input.deployment"
RESULT = f"{SECTION}.result"
TIMEOUT = number_or(f"{SECTION}.timeout_seconds", DEFAULT_TIMEOUT)
UNDER_WAY = "['Creating', 'Updating', 'SystemUpdating', 'RollingBack']"


def task(resources: Resources, action: str, arguments: Any, output: str, after: str, **fields: Any) -> dict[str, Any]:
    """A Task of an AWS SDK integration.

    Args:
        resources: what of the deployment it refers to.
        action: service and action: ``sagemaker:describeEndpoint``.
        arguments: the request.
        output: the expression of what the next state gets.
        after: the name of the next state.
        fields: further fields of the state, such as Retry.
    """
    return {
        "Type": "Task",
        "Resource": resources.integration(f"aws-sdk:{action}"),
        "Arguments": arguments,
        "Output": jsonata(output),
        **fields,
        "Next": after,
    }


def more(learnt: str) -> str:
    """The data with what was learnt in the stage's result."""
    return with_more("deployment", learnt)


def caught(failure: str, after: str) -> list[dict[str, Any]]:
    """A Catch of every error that keeps it as the reason of the failure."""
    output = jsonata(more(f"{{'failure': '{failure}: ' & {CAUGHT}}}"))
    return [{"ErrorEquals": ["States.ALL"], "Output": output, "Next": after}]
