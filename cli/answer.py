"""``mlops approve`` and ``mlops reject``: a person's answer to an execution that waits for it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from cli.options import local_options, stack_option

# What is imported within the commands is so that --help need not wait for boto3.
# ruff: noqa: PLC0415

_EXECUTION = click.argument("execution")
_REASON_LENGTH = 1024
"""Characters of a model package's ApprovalDescription, which must not have line breaks either
(https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateModelPackage.html)."""


def _one_line(_context: click.Context, option: click.Parameter, text: str) -> str:
    reason = " ".join(text.split())
    if len(reason) > _REASON_LENGTH:
        raise click.BadParameter(f"has {len(reason)} characters; allowed are {_REASON_LENGTH}")
    if option.required and not reason:
        raise click.BadParameter("is empty; say why")
    return reason


@click.command()
@_EXECUTION
@click.option("--reason", metavar="TEXT", default="", callback=_one_line, help="Why; it is kept with the decision.")
@stack_option
@local_options
def approve(execution: str, reason: str, stack: str | None, folder: Path, *, local: bool) -> None:
    """Approve the model of EXECUTION, the name or ARN of an execution that waits for an answer.

    Example: mlops approve mlops-demo-0123456789abcdef --reason "better than the champion"
    """
    from cli.approvals import APPROVED

    request, name = _answer(execution, APPROVED, reason, stack=stack, local=local, folder=folder)
    click.echo(f"approved: execution {name}")
    _show(request)
    click.echo("The execution goes on: it marks the model package as Approved, and then runs the stages that follow.")


@click.command()
@_EXECUTION
@click.option("--reason", metavar="TEXT", required=True, callback=_one_line, help="Why; it is kept with the decision.")
@stack_option
@local_options
def reject(execution: str, reason: str, stack: str | None, folder: Path, *, local: bool) -> None:
    """Reject the model of EXECUTION, the name or ARN of an execution that waits for an answer.

    Example: mlops reject mlops-demo-0123456789abcdef --reason "too few records of last month"
    """
    from cli.approvals import REJECTED

    request, name = _answer(execution, REJECTED, reason, stack=stack, local=local, folder=folder)
    click.echo(f"rejected: execution {name}")
    _show(request)
    click.echo("The execution marks the model package as Rejected and ends; nothing is deployed.")


def _answer(
    execution: str, decision: str, reason: str, *, stack: str | None, local: bool, folder: Path
) -> tuple[dict[str, Any], str]:
    """Gives the answer. Returns what the execution asked with, and its name."""
    from cli.approvals import Answer, Approvals
    from cli.errors import CommandError
    from cli.target import aws_errors, connect
    from executions.stack import find_stack

    aws = connect(local=local, folder=folder)
    with aws_errors():
        outputs = find_stack(aws, stack)
        if outputs.approval_table is None:
            raise CommandError(
                f"the stack {outputs.name} {aws.where} keeps no approval requests: it has no output ApprovalTable; "
                "deploy the module anew"
            )
        approvals = Approvals(
            step_functions=aws.client("stepfunctions"),
            dynamodb=aws.client("dynamodb"),
            table=outputs.approval_table,
            state_machine=outputs.state_machine,
        )
        name = approvals.name_of(execution)
        who = aws.client("sts").get_caller_identity()["Arn"]
        at = datetime.now(UTC).isoformat(timespec="seconds")
        return approvals.answer(name, Answer(decision=decision, by=who, at=at, reason=reason)), name


def _show(request: dict[str, Any]) -> None:
    """Prints what the decision was about."""
    champion = request.get("champion") or {}
    lines = {
        "model package": request.get("model_package"),
        "report": request.get("report"),
        "champion": champion.get("ModelPackageArn") if isinstance(champion, dict) else champion,
    }
    for name, value in lines.items():
        if value:
            click.echo(f"  {name:<14} {value}")
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
    return (
        str(metric.get("name", "")),
        str(metric.get("value", "")),
        " and ".join(limits) or "-",
        "-" if champion is None else str(champion),
    )
