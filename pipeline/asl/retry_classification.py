"""Retries transient errors that arrive under one catch-all name, and fails fast on the rest.

Throttling, service errors and rejected requests reach Step Functions under one name, and a Retry only matches names. So
a task whose Retry has such a catch-all name catches the error instead, and two more states inspect its cause. They cost
nothing as long as the task succeeds:

    TASK: refused?   retries a transient error; otherwise follows the task's own Catch, or fails the execution
    TASK: again      waits, then returns to the task

Amazon States Language has no condition on a Catch. A states file may give one to the Catch of a catch-all name: only an
error that meets it is caught, and every other one fails the execution.

The execution fails in the Choice, by ``$error``, rather than in a Fail state: a redrive evaluates the Choice again,
which then leads back to the task, whereas a redriven Fail state would only fail again. The execution's error is
therefore ``States.QueryEvaluationError``; ``pipeline.refusals`` extracts SageMaker's own from its cause.

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
"""The names of errors that a service's model does not list.

SageMaker's endpoints have one, too, but throttling there has neither a text nor an error code that would distinguish
it: https://github.com/opensearch-project/ml-commons/issues/2429
"""

TRIES = 5
"""How often a task is retried."""

_REFUSED = ": refused?"
_AGAIN = ": again"

_CAUSE_LENGTH = 4000
"""Characters kept of a cause; all variables of a state may have 256 KiB."""

_TRANSIENT = r"/Error Code: \w*Throttl|Status Code: (429|5\d\d)|rate exceeded|too many requests/i"
"""Matches the cause of a transient error.

An optimized integration reports the error code, an AWS SDK integration only the message and the status, which is 400
when SageMaker throttles (https://docs.aws.amazon.com/sagemaker/latest/APIReference/CommonErrors.html). Users' names in
a message contain no spaces, so none can match.
"""

_NO_FAULT: dict[str, Any] = {"fault": {}}
"""The variable without an error. Begin assigns it: AWS does not document the value of an unassigned variable."""


def with_retry_classification(states: dict[str, Any], *, start: str) -> dict[str, Any]:
    """Adds two states for each task that retries a catch-all error, unless the retry waits for a busy endpoint.

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
    """Returns the task and its two states."""
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
    conditional = any("Condition" in caught for caught in own)
    task = state | made[name] | {"Retry": named, "Catch": [*made[name]["Catch"], *([] if conditional else own)]}
    if own:
        (caught,) = own
        rules = made[name + _REFUSED]["Choices"]
        # A Catch without a condition takes every error, so the rule that fails the execution goes.
        rules[-1:] = [_rule(caught), rules[-1]] if conditional else [_rule(caught)]
    return made | {name: task}


def _rule(caught: dict[str, Any]) -> dict[str, Any]:
    """Returns a task's own Catch as a rule of the Choice, which reads the error from the variable."""
    condition = caught.get("Condition", "{% true %}")
    condition, output = (text.replace("$states.errorOutput", "$fault") for text in (condition, caught["Output"]))
    return {"Condition": condition, "Output": output, "Next": caught["Next"]}
