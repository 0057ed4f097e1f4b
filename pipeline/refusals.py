"""Extracts the error that a service or a function raised from an execution that failed because of it."""

import json
import re

_EVALUATION = "States.QueryEvaluationError"
_SAGEMAKERS = re.compile(r"(SageMaker\.\w+Exception): (.*)", re.DOTALL)
"""The message that ``pipeline.asl.retry_classification`` passes to ``$error``.

Step Functions puts its location before it: "The JSONata expression '...' specified for the field
'Choices[1]/Condition' threw an error during evaluation. D3137: " (https://github.com/floci-io/floci/issues/2736).
"""


def as_refused(error: str, cause: str) -> tuple[str, str]:
    """Returns SageMaker's error and cause, or a Lambda function's; error and cause unchanged if neither raised any.

    Args:
        error: the execution's.
        cause: the execution's. A function's exception is an object with ``errorMessage``, ``errorType`` and its stack
            trace: https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html.
    """
    said = _SAGEMAKERS.search(cause) if error == _EVALUATION else None
    if said:
        return said[1], said[2]
    try:
        raised = json.loads(cause)
    except ValueError:
        return error, cause
    is_function = isinstance(raised, dict) and {"errorMessage", "errorType"} <= raised.keys()
    return (str(raised["errorType"]), str(raised["errorMessage"])) if is_function else (error, cause)
