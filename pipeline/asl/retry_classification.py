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

from typing import Any

from pipeline.asl.jsonata import REDRIVES, jsonata
from pipeline.asl.retries import PATIENT

UNNAMED = {
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

_PASSES = r"/Error Code: \w*Throttl|Status Code: (429|5\d\d)|rate exceeded|too many requests/i"
"""What the cause of an error that passes has.

An optimized integration tells the error code; the AWS SDK's only the message and the status, which is 400 where
SageMaker throttles (https://docs.aws.amazon.com/sagemaker/latest/APIReference/CommonErrors.html). Names of the user's
in a message have no space, so none looks like any of these.
"""

_NONE: dict[str, Any] = {"fault": {}}
"""The variables where no fault is known: from the first Choice on, since AWS does not say what an unassigned one is."""


def with_retry_classification(states: dict[str, Any], *, start: str) -> dict[str, Any]:
    """The states, with two more for each task that tries such an error again, except where it waits for an endpoint.

    Args:
        states: all states.
        start: the name of the Choice that the execution begins with.
    """
    begin = states[start] | {"Choices": [rule | {"Assign": _NONE} for rule in states[start]["Choices"]]}
    found = states | {start: begin}
    for name, state in states.items():
        unnamed = [error for rule in state.get("Retry", []) for error in rule["ErrorEquals"] if error in UNNAMED]
        if unnamed and state["Retry"] != PATIENT:
            found |= _judged(name, state, unnamed)
    return found


def is_judge(name: str) -> bool:
    """Whether a state is one of those that judge a task's fault."""
    return name.endswith((_REFUSED, _AGAIN))


def _judged(name: str, state: dict[str, Any], unnamed: list[str]) -> dict[str, Any]:
    retry = [
        rule | {"ErrorEquals": [error for error in rule["ErrorEquals"] if error not in unnamed]}
        for rule in state["Retry"]
    ]
    refused, again = name + _REFUSED, name + _AGAIN
    caught = {
        "ErrorEquals": unnamed,
        "Assign": {"fault": jsonata(_fault(name))},
        "Output": jsonata("$states.input"),
        "Next": refused,
    }
    passes = f"$fault.tries <= {TRIES} and $contains($fault.Cause, {_PASSES})"
    return {
        name: state | {"Retry": retry, "Catch": [caught, *state.get("Catch", [])], "Assign": _NONE},
        refused: {
            "Type": "Choice",
            "Choices": [{"Condition": jsonata(passes), "Next": again}, _end(name, state)],
        },
        # As long as a Retry with an IntervalSeconds of 2, a BackoffRate of 2 and full jitter.
        again: {"Type": "Wait", "Seconds": jsonata("$ceil($random() * $power(2, $fault.tries))"), "Next": name},
    }


def _fault(name: str) -> str:
    """The variable: the error, how often in a row this task had such a one, and the number of redrives before it."""
    known = f"$fault.task = '{name}' and $fault.redrives = {REDRIVES}"
    return (
        f"{{'task': '{name}', 'Error': $states.errorOutput.Error,"
        f" 'Cause': $substring($states.errorOutput.Cause, 0, {_CAUSE_LENGTH}),"
        f" 'tries': ({known} ? $fault.tries : 0) + 1, 'redrives': {REDRIVES}}}"
    )


def _end(name: str, state: dict[str, Any]) -> dict[str, Any]:
    """The rule for what does not pass: as the task's own Catch has it, or a failure up to the next redrive."""
    if "Catch" in state:
        (own,) = state["Catch"]
        output = own["Output"].replace("$states.errorOutput", "$fault")
        return {"Condition": jsonata("true"), "Output": output, "Next": own["Next"]}
    failure = "$error($fault.Error & ': ' & $fault.Cause)"
    return {"Condition": jsonata(f"$fault.redrives = {REDRIVES} ? {failure} : true"), "Next": name}
