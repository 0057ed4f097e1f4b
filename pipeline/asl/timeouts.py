"""How long each task may take.

A job's own stopping condition ends it; the time here is the bound beyond that, for a job of whose end Step Functions
never hears. So it is generous: Step Functions stops a job with its execution
(https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-sync), but does not say that it
stops one whose time is up.
"""

from typing import Any

REQUEST_TIMEOUT = 300
"""Seconds for a call that is answered at once, the gate's judgement and an endpoint's prediction among them."""

KEEP_TIMEOUT = 900
"""Seconds for the copy of a model that is registered: the longest time that a Lambda function has."""

JOB_MARGIN = 4 * 3600
"""Seconds that a job may take beside its run time: for capacity, start-up, its data and the upload of its results."""

DEFAULT_RUNTIME = 24 * 3600
"""SageMaker's own where the request has none (API_StoppingCondition)."""

LONGEST_TIMEOUT = 99_999_999
"""Seconds that Step Functions takes: https://docs.aws.amazon.com/step-functions/latest/dg/state-task.html"""


def with_timeouts(states: dict[str, Any]) -> dict[str, Any]:
    """The states, in which each task has a time."""
    return {
        name: state | {"TimeoutSeconds": REQUEST_TIMEOUT}
        if state["Type"] == "Task" and "TimeoutSeconds" not in state
        else state
        for name, state in states.items()
    }
