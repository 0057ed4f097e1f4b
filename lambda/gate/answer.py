"""The answer to the state machine."""

from typing import Any

from gate.metrics import Metric, metrics_table
from gate.request import Request
from gate.text import cut, one_line

REASON = 1024
"""Characters of a model package's ``ApprovalDescription``, whose pattern ``.*`` allows no line break:
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateModelPackage.html"""
CAUSE = 8192
"""Characters of the text for a failed execution; Step Functions itself allows 32,768."""

_ROWS = 40
"""Of the table in the cause; what is missed comes first."""


def answer(
    request: Request,
    decision: str,
    reason: str,
    *,
    metrics: list[Metric],
    error: str | None = None,
    notes: list[str] | None = None,
) -> dict[str, Any]:
    """What the state machine goes on with.

    Args:
        request: the model that was judged.
        decision: ``Approved``, ``Rejected``, ``Waiting`` or ``Invalid``.
        reason: why; the answer has its first 1,024 characters, on one line.
        metrics: all that were judged.
        error: the name of the error with which the execution fails.
        notes: lines for a person.
    """
    parts = [
        one_line(f"{request.execution}: {decision}: {reason}", CAUSE // 2),
        metrics_table(metrics, _ROWS) if metrics else "",
        "\n".join(one_line(note, REASON) for note in notes or []),
        one_line(f"report: {request.report or 'none'}", REASON),
    ]
    return {
        "decision": decision,
        "error": error,
        "reason": one_line(reason, REASON),
        "cause": cut("\n\n".join(filter(None, parts)), CAUSE),
        "metrics": [metric.as_json() for metric in metrics],
        "report": request.report,
        "model_package": request.model_package,
        "champion": request.champion,
    }
