"""Prepares the data of each section of the page; None or empty if an execution has none."""

from dataclasses import dataclass
from datetime import datetime

from executions import evaluation
from executions import monitoring as monitored
from executions.evaluation import Bin, Confusion, Metric
from executions.jobs import job_names
from executions.monitoring import Feature, Quality, Violation
from executions.progress import MODEL_REJECTED, PENDING
from pipeline.numbers import number
from report import charts
from report.charts import Curve
from report.facts import Facts
from report.outcome import short_name

DRIFTED = 8
"""The number of features whose distributions are drawn large."""

Rows = list[tuple[str, str]]
"""Names and values."""


def reason(facts: Facts) -> str:
    """The reason for a failure. Of a rejection only the first paragraph: the page shows the rest as a table."""
    if facts.failure is None:
        return ""
    text = facts.failure.reason
    return text.partition("\n\n")[0] if facts.failure.error == MODEL_REJECTED else text


@dataclass(frozen=True, kw_only=True)
class TimelineRow:
    """A stage's row."""

    key: str
    status: str
    state: str
    """The status in words."""
    job: str | None
    started: datetime | None
    seconds: float | None
    left: float
    """The start of its bar, in percent of the whole time."""
    width: float
    """The width of its bar, in percent of the whole time."""


def timeline(facts: Facts) -> list[TimelineRow]:
    """A row for each stage."""
    now = facts.stopped or facts.made
    whole = max((now - facts.started).total_seconds(), 0.001)
    jobs = job_names(facts.content, facts.name)
    rows = []
    for key, stage in facts.stages.items():
        seconds = stage.seconds(now)
        offset = (stage.started - facts.started).total_seconds() if stage.started else 0.0
        rows.append(
            TimelineRow(
                key=key,
                status=stage.status,
                state="not reached"
                if facts.stopped and stage.status == PENDING
                else stage.text
                if stage.source
                else stage.status.lower(),
                job=jobs[key][1] if key in jobs and stage.started else None,
                started=stage.started,
                seconds=seconds,
                left=round(min(max(offset / whole, 0.0), 1.0) * 100, 2),
                width=round(min((seconds or 0.0) / whole, 1.0) * 100, 2),
            )
        )
    return rows


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A metric with its thresholds."""

    name: str
    path: str
    value: float | None
    minimum: float | None
    maximum: float | None
    champion: float | None
    passed: bool
    low: float
    """The scale's start."""
    high: float
    """The scale's end."""

    @property
    def is_limited(self) -> bool:
        """Whether it has a minimum or a maximum."""
        return self.minimum is not None or self.maximum is not None

    def percent(self, value: float) -> float:
        """The position of a value on the scale, in percent."""
        return round((value - self.low) / (self.high - self.low) * 100, 2)


def judged_metrics(facts: Facts) -> list[Judged]:
    """The metrics that the approval checks."""
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
    """The ends of the scale: 0 and 1 for shares, else the numbers' range with a margin."""
    low, high = min(numbers, default=0.0), max(numbers, default=1.0)
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    margin = (high - low) * 0.1 or abs(high) * 0.1
    return low - margin, high + margin


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A metric of the model and of the champion."""

    metric: Metric
    champion: float | None

    @property
    def difference(self) -> float | None:
        """The model's value minus the champion's."""
        return None if self.champion is None else self.metric.value - self.champion


def comparison(facts: Facts) -> list[Compared]:
    """Every metric of the evaluation report, with the champion's value."""
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


@dataclass(frozen=True, kw_only=True)
class Monitoring:
    """What was monitored."""

    outcome: str
    records: float | None
    notes: list[str]
    """What a window has not taken, and why."""
    quality: Quality | None
    """None if no labels have arrived."""
    violations: list[Violation]
    drifted: list[Feature]
    """The features that drifted most, at most ``DRIFTED``, and the scores."""
    others: list[Feature]


def monitoring(facts: Facts) -> Monitoring | None:
    """The outcome of monitoring, and the distributions."""
    result, found = facts.result("monitoring"), facts.monitored
    if "outcome" not in result:
        return None
    violations = monitored.violations(found.violations) if found else []
    features = monitored.features(found.baseline, found.window) if found else []
    # The violations' order is that of the distance.
    order = {name: place for place, name in enumerate(dict.fromkeys(one.feature for one in violations))}
    scores = [one for one in features if one.is_score]
    drifted = sorted(
        (one for one in features if one.name in order and not one.is_score), key=lambda one: order[one.name]
    )
    drifted = [*drifted[:DRIFTED], *scores]
    return Monitoring(
        outcome=str(result["outcome"]).replace("_", " "),
        records=number(result.get("records")),
        notes=[str(note) for note in result.get("notes") or ()],
        quality=monitored.quality(found.baseline, found.window) if found else None,
        violations=violations,
        drifted=drifted,
        others=[one for one in features if one not in drifted],
    )


def approval(facts: Facts) -> Rows:
    """The decision, its reason, who made it and when."""
    result = facts.result("approval")
    named = {"Decision": "decision", "Reason": "reason", "By": "by", "At": "at"}
    rows = [(title, str(result[key])) for title, key in named.items() if result.get(key)]
    champion = result.get("champion")
    if isinstance(champion, dict) and champion.get("ModelPackageArn"):
        rows.append(("Champion", str(champion["ModelPackageArn"])))
    return rows
