"""Retries transient errors that arrive under one catch-all name, and fails fast on the rest.

Throttling, faults of the service and refusals reach Step Functions under one name, and a Retry sees the name alone. So
a task whose Retry has such a name catches it instead, and two states of the task's own, which cost nothing where all
goes well, look into the cause:

    TASK: refused?   to the next one where it passes; to where the task's own Catch leads; or it fails the execution
    TASK: again      waits, and leads back to the task

The execution fails in the Choice, by ``$error``, and not in a Fail state: a redrive evaluates a Choice's rules again,
and this one then leads back to the task, but it enters a Fail state again to fail once more. So the execution's error
is ``States.QueryEvaluationError``; ``pipeline.refusals`` finds SageMaker's own in its cause.

Sources: https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html#redrive-behavior-states,
https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html and, for ``$random`` and ``$error``,
https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

from pathlib import Path
from typing import Any

from pipeline.asl.states_file import read_states, shared

_FILE = Path(__file__).with_suffix(".asl.yaml")

CATCH_ALL = {
    "SageMaker.AmazonSageMakerException",
    "SageMaker.SageMakerException",
    "ApplicationAutoScaling.ApplicationAutoScalingException",
    "S3.S3Exception",
}
"""The names of what a service's model does not list.

SageMaker's endpoints have one, too, but neither text nor error code for throttling, so nothing tells it from a refusal:
https://github.com/opensearch-project/ml-commons/issues/2429
"""

TRIES = 5
"""How often a task is tried again."""

_REFUSED = ": refused?"
_AGAIN = ": again"

_CAUSE_LENGTH = 4000
"""Characters kept of a cause; all variables of a state may have 256 KiB."""

_TRANSIENT = r"/Error Code: \w*Throttl|Status Code: (429|5\d\d)|rate exceeded|too many requests/i"
"""What the cause of an error that passes has.

An optimized integration tells the error code; the AWS SDK's only the message and the status, which is 400 where
SageMaker throttles (https://docs.aws.amazon.com/sagemaker/latest/APIReference/CommonErrors.html). Names of the user's
in a message have no space, so none looks like any of these.
"""

_NO_FAULT: dict[str, Any] = {"fault": {}}
"""The variable while no fault is known. Begin assigns it, since AWS does not say what an unassigned one is."""


def with_retry_classification(states: dict[str, Any], *, start: str) -> dict[str, Any]:
    """The states, with two more for each task that retries a catch-all error, except where it waits for an endpoint.

    Args:
        states: all states.
        start: the name of the Choice that the execution begins with.
    """
    begin = states[start] | {"Choices": [rule | {"Assign": _NO_FAULT} for rule in states[start]["Choices"]]}
    found = states | {start: begin}
    waits_for_endpoint = shared()["endpoint_busy_retry"]
    for name, state in states.items():
        catch_all = [error for rule in state.get("Retry", []) for error in rule["ErrorEquals"] if error in CATCH_ALL]
        if catch_all and state["Retry"] != waits_for_endpoint:
            found |= _classified(name, state, catch_all)
    return found


def is_classification(name: str) -> bool:
    """Whether a state is one of the two that classify a task's error."""
    return name.endswith((_REFUSED, _AGAIN))


def _classified(name: str, state: dict[str, Any], catch_all: list[str]) -> dict[str, Any]:
    """The task and its two states."""
    made = read_states(
        _FILE,
        {},
        task=name,
        catch_all=catch_all,
        no_fault=_NO_FAULT,
        cause_length=_CAUSE_LENGTH,
        transient=_TRANSIENT,
        tries=TRIES,
    )
    named = [
        rule | {"ErrorEquals": [error for error in rule["ErrorEquals"] if error not in catch_all]}
        for rule in state["Retry"]
    ]
    own = state.get("Catch", [])
    task = state | made[name] | {"Retry": named, "Catch": [*made[name]["Catch"], *own]}
    if own:
        (caught,) = own
        output = caught["Output"].replace("$states.errorOutput", "$fault")
        made[name + _REFUSED]["Choices"][-1] = {"Condition": "{% true %}", "Output": output, "Next": caught["Next"]}
    return made | {name: task}
