"""Extracts SageMaker's own error from an execution that failed because SageMaker rejected a request."""

import re

_EVALUATION = "States.QueryEvaluationError"
_SAGEMAKERS = re.compile(r"(SageMaker\.\w+Exception): (.*)", re.DOTALL)
"""The message that ``pipeline.asl.retry_classification`` passes to ``$error``.

Step Functions puts its location before it: "The JSONata expression '...' specified for the field
'Choices[1]/Condition' threw an error during evaluation. D3137: " (https://github.com/floci-io/floci/issues/2736).
"""


def as_refused(error: str, cause: str) -> tuple[str, str]:
    """Returns SageMaker's error and cause; error and cause unchanged if SageMaker rejected nothing.

    Args:
        error: the execution's.
        cause: the execution's.
    """
    said = _SAGEMAKERS.search(cause) if error == _EVALUATION else None
    return (said[1], said[2]) if said else (error, cause)
