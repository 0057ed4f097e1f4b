"""The parts of the page, each as the data that its template shows; None where an execution has nothing for it."""

from dataclasses import dataclass
from datetime import datetime

from executions import evaluation
from executions.evaluation import Bin, Confusion, Metric
from executions.jobs import job_names
from executions.progress import MODEL_REJECTED, PENDING
from pipeline.numbers import number
from report import charts
from report.charts import Curve
from report.facts import Facts
from report.outcome import short_name

Rows = list[tuple[str, str]]
"""Names and values."""


def reason(facts: Facts) -> str:
    """Why it failed. What a rejection's cause has below its first paragraph, the page shows as a table."""
    if facts.failure is None:
        return ""
    text = facts.failure.reason
    return text.partition("\n\n")[0] if facts.failure.error == MODEL_REJECTED else text


@dataclass(frozen=True, kw_only=True)
class TimelineRow:
    """A stage's line."""

    key: str
    status: str
    state: str
    """The status in words."""
    job: str | None
    started: datetime | None
    seconds: float | None
    left: float
    """Where its bar begins, in percent of the whole time."""
    width: float


def timeline(facts: Facts) -> list[TimelineRow]:
    """A line for each stage."""
    now = facts.stopped or facts.made
    whole = max((now - facts.started).total_seconds(), 0.001)
    jobs = job_names(facts.content, facts.name)
    rows = []
    for key, stage in facts.stages.items():
        seconds = stage.seconds(now)
        begun = (stage.started - facts.started).total_seconds() if stage.started else 0.0
        rows.append(
            TimelineRow(
                key=key,
                status=stage.status,
                state="not reached" if facts.stopped and stage.status == PENDING else stage.status.lower(),
                job=jobs[key][1] if key in jobs and stage.started else None,
                started=stage.started,
                seconds=seconds,
                left=round(min(max(begun / whole, 0.0), 1.0) * 100, 2),
                width=round(min((seconds or 0.0) / whole, 1.0) * 100, 2),
            )
        )
    return rows


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A metric with what was asked of it."""

    name: str
    path: str
    value: float | None
    minimum: float | None
    maximum: float | None
    champion: float | None
    passed: bool
    low: float
    """The scale's beginning."""
    high: float
    """The scale's end."""

    @property
    def is_limited(self) -> bool:
        """Whether a limit of its own is asked of it."""
        return self.minimum is not None or self.maximum is not None

    def percent(self, value: float) -> float:
        """Where a value lies on the scale."""
        return round((value - self.low) / (self.high - self.low) * 100, 2)


def judged_metrics(facts: Facts) -> list[Judged]:
    """The metrics that the approval asks for."""
    found = []
    for metric in facts.result("approval").get("metrics") or ():
        if not isinstance(metric, dict):
            continue
        numbers = {key: number(metric.get(key)) for key in ("value", "minimum", "maximum", "champion")}
        low, high = _scale([number for number in numbers.values() if number is not None])
        name = str(metric.get("name"))
        found.append(
            Judged(name=short_name(name), path=name, passed=metric.get("passed") is True, low=low, high=high, **numbers)
        )
    return found


def _scale(numbers: list[float]) -> tuple[float, float]:
    """From 0 to 1 for shares; for others a little more than what they span."""
    low, high = min(numbers, default=0.0), max(numbers, default=1.0)
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    margin = (high - low) * 0.1 or abs(high) * 0.1
    return low - margin, high + margin


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A metric of the model, beside the champion's."""

    metric: Metric
    champion: float | None

    @property
    def difference(self) -> float | None:
        """The model's less the champion's."""
        return None if self.champion is None else self.metric.value - self.champion


def comparison(facts: Facts) -> list[Compared]:
    """Every number of the evaluation report, beside the champion's."""
    best = {metric.path: metric.value for metric in evaluation.metrics(facts.champion or {})}
    return [
        Compared(metric=metric, champion=best.get(metric.path)) for metric in evaluation.metrics(facts.evaluation or {})
    ]


def roc(facts: Facts) -> Curve | None:
    """The ROC curve."""
    points = evaluation.roc_curve(facts.evaluation or {})
    area = next((metric.value for metric in evaluation.metrics(facts.evaluation or {}) if metric.name == "auc"), None)
    return charts.roc(points, evaluation.roc_curve(facts.champion or {}), area=area) if points else None


def precision_recall(facts: Facts) -> Curve | None:
    """The precision-recall curve."""
    points = evaluation.precision_recall_curve(facts.evaluation or {})
    champion = evaluation.precision_recall_curve(facts.champion or {})
    return charts.precision_recall(points, champion, positives=_positives(facts)) if points else None


def confusion(facts: Facts) -> Confusion | None:
    """The confusion matrix."""
    return evaluation.confusion(facts.evaluation or {})


def calibration(facts: Facts) -> list[Bin] | None:
    """The calibration's bins."""
    return evaluation.calibration(facts.evaluation or {})


def _positives(facts: Facts) -> float | None:
    """The share of the second of two classes."""
    found = confusion(facts)
    if found is None or len(found.classes) != 2:  # noqa: PLR2004 - of a binary classifier
        return None
    total = sum(map(sum, found.counts))
    return number(sum(found.counts[1]) / total) if total else None


def approval(facts: Facts) -> Rows:
    """Who decided what, and why."""
    result = facts.result("approval")
    named = {"Decision": "decision", "Reason": "reason", "By": "by", "At": "at"}
    rows = [(title, str(result[key])) for title, key in named.items() if result.get(key)]
    champion = result.get("champion")
    if isinstance(champion, dict) and champion.get("ModelPackageArn"):
        rows.append(("Champion", str(champion["ModelPackageArn"])))
    return rows
