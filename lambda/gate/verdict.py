"""Decides on a model by its report, the champion's and the user's limits. Needs no AWS."""

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
    """Returns the gate's answer.

    Args:
        request: the model to judge.
        approval: the user's section.
        model: the model's report, or None.
        champion: the champion's report; None without a champion that has one.
        now: when a person's time to answer begins.
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
    reason = _approval_reason(approval, metrics)
    if not approval.manual:
        return answer(request, "Approved", reason, metrics=metrics, notes=notes)
    return answer(request, "Waiting", reason, metrics=metrics, notes=notes) | {
        "announcement": announcement(request, metrics, notes, timeout_seconds=approval.timeout_seconds, now=now)
    }


def _fault(approval: Approval, model: Reading | None, champion: Reading | None) -> GateError | None:
    """Returns why no verdict is possible, or None."""
    if model is None:
        if not approval.names:
            return None
        names = f"approval names {approval.names[0]}"
        return ReportMissingError(f"there is no report: {names}, but the execution has no evaluation")
    if model.fault:
        return model.fault
    if model.missing:
        return MetricMissingError("; ".join(map(str, model.missing.values())))
    if not (approval.must_beat_champion and champion):
        return None
    fault = champion.fault or champion.missing.get(approval.by or "")
    return type(fault)(f"the champion must be beaten, but its report cannot be used: {fault}") if fault else None


def _notes(approval: Approval, champion: Reading | None) -> list[str]:
    """Returns what people should know about the champion's values."""
    if champion is None:
        return (
            ["There is no champion with a report, so there is nothing to beat."] if approval.must_beat_champion else []
        )
    if champion.fault:
        return [f"The champion's values are not shown: {champion.fault}"]
    return [f"The champion's value is not shown: {error}" for error in champion.missing.values()]


def _approval_reason(approval: Approval, metrics: list[Metric]) -> str:
    compared = [metric for metric in metrics if metric.comparisons]
    if compared:
        return f"all thresholds met: {_sentence(compared)}"
    return (
        "there is no champion with a report to beat, and no threshold is set"
        if approval.must_beat_champion
        else "no threshold is set"
    )


def _sentence(metrics: list[Metric]) -> str:
    return "; ".join(map(str, metrics))
