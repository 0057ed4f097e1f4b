"""Decides, by what the reports say and what the user asks for. Nothing here needs AWS."""

from datetime import datetime
from typing import Any

from gate.announcement import announcement
from gate.answer import answer
from gate.errors import GateError, MetricMissingError, ReportMissingError
from gate.metrics import Metric, judge
from gate.report import Reading
from gate.request import Approval, Request


def verdict(
    request: Request, approval: Approval, model: Reading | None, champion: Reading | None, *, now: datetime
) -> dict[str, Any]:
    """The gate's answer, with the versions of the reports that it is based on.

    Args:
        request: the model to judge.
        approval: what the user asks for.
        model: what the model's report says; None where it has none.
        champion: what the champion's report says; None where there is no champion, or none with a report.
        now: the time from which a person's time to answer is counted.
    """
    metrics = judge(approval, model or Reading(), champion or Reading())
    fault = _fault(approval, model, champion)
    if fault:
        return answer(request, "Invalid", str(fault), metrics=metrics, error=fault.name)
    notes = _notes(approval, champion)
    missed = [metric for metric in metrics if not metric.passed]
    if missed:
        reason = f"{len(missed)} of {len(metrics)} metrics missed: {_sentence(missed)}"
        held = [metric for metric in metrics if metric.passed]
        reason += f"; held: {_sentence(held)}" if held else ""
        return answer(request, "Rejected", reason, metrics=metrics, error="ModelRejected", notes=notes)
    reason = _praise(approval, metrics)
    if not approval.manual:
        return answer(request, "Approved", reason, metrics=metrics, notes=notes)
    return answer(request, "Waiting", reason, metrics=metrics, notes=notes) | {
        "announcement": announcement(request, metrics, notes, timeout_seconds=approval.timeout_seconds, now=now)
    }


def _fault(approval: Approval, model: Reading | None, champion: Reading | None) -> GateError | None:
    """Why there can be no verdict; None where there can be one."""
    if model is None:
        if not approval.names:
            return None
        names = f"approval names {approval.names[0]}"
        return ReportMissingError(f"there is no report to judge by: {names}, and the execution has no evaluation")
    if model.fault:
        return model.fault
    if model.missing:
        return MetricMissingError("; ".join(map(str, model.missing.values())))
    if not (approval.must_beat_champion and champion):
        return None
    fault = champion.fault or champion.missing.get(approval.by or "")
    return type(fault)(f"the champion must be beaten, and its report is of no use: {fault}") if fault else None


def _notes(approval: Approval, champion: Reading | None) -> list[str]:
    """What a person should know about the champion's values."""
    if champion is None:
        return (
            ["There is no champion with a report, so nothing is to be beaten."] if approval.must_beat_champion else []
        )
    if champion.fault:
        return [f"The champion's values are not shown: {champion.fault}"]
    return [f"The champion's value is not shown: {error}" for error in champion.missing.values()]


def _praise(approval: Approval, metrics: list[Metric]) -> str:
    asked = [metric for metric in metrics if metric.comparisons]
    if asked:
        return f"every threshold holds: {_sentence(asked)}"
    return (
        "there is no champion with a report to beat, and no threshold was set"
        if approval.must_beat_champion
        else ("no threshold was set")
    )


def _sentence(metrics: list[Metric]) -> str:
    return "; ".join(map(str, metrics))
