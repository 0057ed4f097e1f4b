"""SageMaker's own error and cause of an execution that has failed because SageMaker refused a request."""

import re

_EVALUATION = "States.QueryEvaluationError"
_SAGEMAKERS = re.compile(r"(SageMaker\.\w+Exception): (.*)", re.DOTALL)
"""What ``pipeline.asl.retry_classification`` has the state say.

Step Functions puts before it where it was said: "The JSONata expression '...' specified for the field
'Choices[1]/Condition' threw an error during evaluation. D3137: " (https://github.com/floci-io/floci/issues/2736).
"""


def as_refused(error: str, cause: str) -> tuple[str, str]:
    """Error and cause as SageMaker gave them; unchanged where they are not of a refusal.

    Args:
        error: the execution's.
        cause: the execution's.
    """
    said = _SAGEMAKERS.search(cause) if error == _EVALUATION else None
    return (said[1], said[2]) if said else (error, cause)
