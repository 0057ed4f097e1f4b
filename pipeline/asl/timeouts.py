"""The timeout of each task.

A job's own stopping condition ends it. The timeout here only guards against a job whose end Step Functions never learns
of, so it is generous: Step Functions stops a job with its execution
(https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-sync), but does not document that
it stops one that times out.
"""

from typing import Any

REQUEST_TIMEOUT = 300
"""Seconds for a call that waits for no job, including the gate's decision and an endpoint's prediction."""

KEEP_TIMEOUT = 900
"""Seconds to copy a model before it is registered: the maximum for a Lambda function."""

JOB_MARGIN = 4 * 3600
"""Seconds that a job may take in addition to its run time: for capacity, start-up, its data and its results' upload."""

DEFAULT_RUNTIME = 24 * 3600
"""Seconds; SageMaker's default if the request has no stopping condition (API_StoppingCondition)."""

LONGEST_TIMEOUT = 99_999_999
"""Seconds; the maximum for Step Functions: https://docs.aws.amazon.com/step-functions/latest/dg/state-task.html"""


def with_timeouts(states: dict[str, Any]) -> dict[str, Any]:
    """Adds the default timeout to each task without one."""
    return {
        name: state | {"TimeoutSeconds": REQUEST_TIMEOUT}
        if state["Type"] == "Task" and "TimeoutSeconds" not in state
        else state
        for name, state in states.items()
    }
