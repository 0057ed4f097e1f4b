"""Builds the answer to the state machine."""

from typing import Any

from gate.metrics import Metric, metrics_table
from gate.request import Request
from gate.text import cut, one_line
from pipeline.limits import APPROVAL_REASON_LENGTH

CAUSE = 8192
"""Characters of a failed execution's cause; Step Functions allows 32,768."""

_ROWS = 40
"""Rows of the table in the cause; missed metrics come first."""


def answer(
    request: Request,
    decision: str,
    reason: str,
    *,
    metrics: list[Metric],
    error: str | None = None,
    notes: list[str] | None = None,
) -> dict[str, Any]:
    """Returns the answer that the state machine continues with.

    Args:
        request: the model that was judged.
        decision: ``Approved``, ``Rejected``, ``Waiting`` or ``Invalid``.
        reason: why; cut to 1,024 characters on one line.
        metrics: all metrics that were judged.
        error: the name of the error that fails the execution.
        notes: further lines for people.
    """
    parts = [
        one_line(f"{request.execution}: {decision}: {reason}", CAUSE // 2),
        metrics_table(metrics, _ROWS) if metrics else "",
        "\n".join(one_line(note, APPROVAL_REASON_LENGTH) for note in notes or []),
        one_line(f"report: {request.report or 'none'}", APPROVAL_REASON_LENGTH),
    ]
    return {
        "decision": decision,
        "error": error,
        "reason": one_line(reason, APPROVAL_REASON_LENGTH),
        "cause": cut("\n\n".join(filter(None, parts)), CAUSE),
        "metrics": [metric.as_json() for metric in metrics],
        "report": request.report,
        "model_package": request.model_package,
        "champion": request.champion,
    }
