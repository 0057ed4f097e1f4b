"""Writes the headline of an execution, and one sentence of detail."""

import textwrap
from dataclasses import dataclass
from typing import Any

from executions.evaluation import metrics
from executions.kind import ONLY_MONITORING, kind
from executions.progress import MODEL_REJECTED, RUNNING
from pipeline.numbers import number
from report.facts import Facts

GOOD, BAD, OPEN = "good", "bad", "open"


_ENDED = {
    "TIMED_OUT": "The run timed out",
    "ABORTED": "The run was stopped",
    "PENDING_REDRIVE": "The run is about to resume",
}
_LEAD = 280
"""The maximum length of the sentence below the headline, in characters."""
FIRST_METRICS = ("auc", "roc_auc", "accuracy", "f1", "rmse", "mae", "r2")
"""The metrics that matter most, by preference, after those that the approval checks."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The headline and its tone."""

    headline: str
    tone: str
    """``good``, ``bad`` or ``open``."""
    detail: str = ""


def outcome(facts: Facts) -> Outcome:
    """Returns the headline of an execution."""
    if facts.status == RUNNING:
        if facts.result("approval").get("decision") == "Waiting":
            answer = f"Answer with mlops approve {facts.name}, or mlops reject {facts.name} --reason TEXT."
            return Outcome(headline="Waiting for approval", tone=OPEN, detail=answer)
        key = next((key for key, stage in facts.stages.items() if stage.status == RUNNING), None)
        return Outcome(headline="Running", tone=OPEN, detail=f"The current stage is {key}." if key else "")
    if facts.status == "SUCCEEDED":
        return _success(facts)
    failure = facts.failure
    if failure and failure.error == MODEL_REJECTED:
        return Outcome(headline="The model was rejected", tone=BAD, detail=_rejection(facts))
    if facts.status == "FAILED":
        where = failure.stage if failure and failure.stage else "The run"
        return Outcome(headline=f"{where[0].upper()}{where[1:]} failed", tone=BAD, detail=_reason(facts))
    return Outcome(headline=_ENDED.get(facts.status, facts.status), tone=BAD, detail=_reason(facts))


def main_metric(facts: Facts) -> tuple[str, float] | None:
    """The path and the value of the main metric: the first that the approval checks, else a well-known one."""
    found = metrics(facts.evaluation or {})
    known = [metric for name in FIRST_METRICS for metric in found if metric.name == name]
    first = next(((metric.path, metric.value) for metric in known or found), None)
    return metric_of_approval(facts.content) or first


def metric_of_approval(content: dict[str, Any]) -> tuple[str, float] | None:
    """The path and the value of the first metric that the approval checks; None if it checks none.

    Args:
        content: the execution's data.
    """
    result = (content.get("approval") or {}).get("result") or {}
    for judged in result.get("metrics") or ():
        value = number(judged.get("value")) if isinstance(judged, dict) else None
        if value is not None:
            return str(judged.get("name")), value
    return None


def short_name(path: str) -> str:
    """A metric's path without the parts that all share: ``auc`` of ``binary_classification_metrics.auc.value``."""
    parts = path.split(".")
    middle = parts[1:-1] if len(parts) > 2 and parts[-1] == "value" else parts  # noqa: PLR2004 - group, name, value
    return ".".join(middle)


def _success(facts: Facts) -> Outcome:
    endpoint = facts.result("deployment").get("EndpointName")
    decision = facts.result("approval").get("decision")
    if endpoint:
        headline = "Approved and deployed" if decision == "Approved" else "Deployed"
        return Outcome(headline=headline, tone=GOOD, detail=f"The endpoint {endpoint} serves the model of this run.")
    if decision == "Approved":
        return Outcome(headline="Approved", tone=GOOD, detail="This run did not deploy the model.")
    if kind(facts.content) == ONLY_MONITORING and facts.result("monitoring").get("outcome"):
        return _monitored(facts.result("monitoring"))
    return Outcome(headline="Succeeded", tone=GOOD, detail="Every requested stage ran.")


def _monitored(result: dict[str, Any]) -> Outcome:
    """What an execution found that only monitored."""
    found, records = str(result["outcome"]), number(result.get("records")) or 0
    headline = {"healthy": "Healthy", "drift": "Drift", "too_little_data": "Too little data"}.get(found, found)
    features = list(dict.fromkeys(str(one.get("feature")) for one in result.get("violations") or ()))
    named = f", of {', '.join(features[:3])}{' and others' if len(features) > 3 else ''}" if features else ""  # noqa: PLR2004
    tone = {"healthy": GOOD, "drift": BAD}.get(found, OPEN)
    violations = f"{len(result.get('violations') or ())} violations{named}"
    return Outcome(headline=headline, tone=tone, detail=f"{records:,.0f} records were compared: {violations}.")


def _reason(facts: Facts) -> str:
    """The first line of the reason; the page has all of it below."""
    lines = (facts.failure.reason if facts.failure else "").strip().splitlines()
    return textwrap.shorten(lines[0], _LEAD, placeholder=" ...") if lines else ""


def _rejection(facts: Facts) -> str:
    """The thresholds that were missed; the recorded reason if a person rejected the model."""
    missed = []
    for metric in facts.result("approval").get("metrics") or ():
        if not isinstance(metric, dict) or metric.get("passed") is not False:
            continue
        value, least, most, best = (number(metric.get(key)) for key in ("value", "minimum", "maximum", "champion"))
        name = short_name(str(metric.get("name")))
        if value is None:
            missed.append(f"{name} is missing")
        elif least is not None and value < least:
            missed.append(f"{name} {value:.4f} is below the minimum {least:g}")
        elif most is not None and value > most:
            missed.append(f"{name} {value:.4f} is above the maximum {most:g}")
        elif best is not None:
            missed.append(f"{name} {value:.4f} is worse than the champion's {best:.4f}")
    sentence = "; ".join(missed)
    return f"{sentence[0].upper()}{sentence[1:]}." if missed else _reason(facts)
