"""``mlops approve`` and ``mlops reject``: answer an execution that waits for a person."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from cli.approvals import APPROVED, REJECTED, Approvals, Decision
from cli.errors import CommandError
from cli.target import aws_errors, target
from executions.text import printable


def approve(*, execution: str, reason: str, stack: str | None, folder: Path, local: bool) -> None:
    """Approves the model of an execution."""
    request, name = _answer(execution, APPROVED, reason, stack=stack, local=local, folder=folder)
    click.echo(f"approved: execution {name}")
    _show(request)
    click.echo("The execution resumes: it marks the model package as Approved and runs the remaining stages.")


def reject(*, execution: str, reason: str, stack: str | None, folder: Path, local: bool) -> None:
    """Rejects the model of an execution."""
    request, name = _answer(execution, REJECTED, reason, stack=stack, local=local, folder=folder)
    click.echo(f"rejected: execution {name}")
    _show(request)
    click.echo("The execution marks the model package as Rejected and ends; nothing is deployed.")


def _answer(
    execution: str, decision: str, reason: str, *, stack: str | None, local: bool, folder: Path
) -> tuple[dict[str, Any], str]:
    """Sends the answer. Returns the execution's request, and its name."""
    with aws_errors():
        found = target(stack=stack, local=local, folder=folder)
        if found.stack.approval_table is None:
            raise CommandError(
                f"the stack {found.stack.name} {found.aws.where} has no output ApprovalTable; deploy the module again"
            )
        approvals = Approvals(
            step_functions=found.step_functions,
            dynamodb=found.aws.client("dynamodb"),
            table=found.stack.approval_table,
            state_machine=found.stack.state_machine,
        )
        described = found.executions.describe(execution)
        who = found.aws.client("sts").get_caller_identity()["Arn"]
        at = datetime.now(UTC).isoformat(timespec="seconds")
        request = approvals.answer(described, Decision(decision=decision, by=who, at=at, reason=reason))
        return request, str(described["name"])


def _show(request: dict[str, Any]) -> None:
    """Prints what the decision was based on."""
    champion = request.get("champion") or {}
    lines = {
        "model package": request.get("model_package"),
        "report": request.get("report"),
        "champion": champion.get("ModelPackageArn") if isinstance(champion, dict) else champion,
    }
    for name, value in lines.items():
        if value:
            click.echo(f"  {name:<14} {printable(str(value))}")
    rows = [_row(metric) for metric in request.get("metrics") or () if isinstance(metric, dict)]
    if rows:
        rows.insert(0, ("metric", "value", "threshold", "champion"))
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        for row in rows:
            click.echo("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _row(metric: dict[str, Any]) -> tuple[str, str, str, str]:
    limits = [
        f"{sign} {metric[key]}" for sign, key in ((">=", "minimum"), ("<=", "maximum")) if metric.get(key) is not None
    ]
    champion = metric.get("champion")
    cells = (metric.get("name", ""), metric.get("value", ""), " and ".join(limits) or "-")
    name, value, threshold = (printable(str(cell)) for cell in cells)
    return name, value, threshold, "-" if champion is None else printable(str(champion))
