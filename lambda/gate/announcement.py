"""Formats the request to approve a model."""

from datetime import datetime, timedelta

from gate.metrics import Metric, metrics_table
from gate.request import Request
from gate.text import one_line
from pipeline.limits import SNS_SUBJECT_LENGTH

_LINE = 1200
_ROWS = 100
"""Rows of the table; the message is part of the state's data, which Step Functions limits to 256 KiB."""


def announcement(
    request: Request, metrics: list[Metric], notes: list[str], *, timeout_seconds: int, now: datetime
) -> dict[str, str]:
    """Returns the subject and the text of an e-mail.

    Args:
        request: the model to approve.
        metrics: its metrics, which meet all thresholds.
        notes: further lines.
        timeout_seconds: how long the state machine waits for the answer.
        now: when it starts waiting; a datetime with time zone.
    """
    until = (now + timedelta(seconds=timeout_seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    champion = request.champion["ModelPackageArn"] if request.champion else "none with a report"
    facts = {
        "execution": request.execution,
        "model package": request.model_package or "none",
        "champion": champion,
        "report": request.report or "none",
    }
    parts = [
        "A model is waiting for your approval.",
        "\n".join(f"{f'{name}:':<16}{one_line(value, _LINE)}" for name, value in facts.items()),
        metrics_table(metrics, _ROWS) if metrics else "No metrics are configured.",
        "\n".join(one_line(note, _LINE) for note in notes),
        f"Answer by {until} with one of:",
        f'    mlops approve {request.execution}\n    mlops reject {request.execution} --reason "..."',
    ]
    subject = f"Approval needed: {request.execution}".encode("ascii", "replace").decode()
    return {"subject": one_line(subject, SNS_SUBJECT_LENGTH), "message": "\n\n".join(filter(None, parts)) + "\n"}
