"""Compares the metrics with their thresholds and with the champion's."""

from dataclasses import dataclass
from typing import Any

from gate.lookup import Number
from gate.report import Reading
from gate.request import Approval, Threshold
from gate.text import one_line, table

_NAME = 200
"""Characters of a name in a sentence."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric of the model, judged."""

    threshold: Threshold
    value: Number | None
    """None if the report has none."""
    champion: Number | None
    """The champion's value, if any."""
    comparisons: tuple[tuple[bool, str], ...]
    """For each limit, whether it is met and how the value compares: ``">= 0.9"``."""

    @property
    def passed(self) -> bool:
        """Whether there is a value that meets every limit."""
        return self.value is not None and all(holds for holds, _ in self.comparisons)

    @property
    def result(self) -> str:
        """One word: ``missing``, ``held``, ``missed``, or ``-`` without limits."""
        if self.value is None:
            return "missing"
        if not self.comparisons:
            return "-"
        return "held" if self.passed else "missed"

    def __str__(self) -> str:
        """For a sentence: ``roc_auc 0.95 >= 0.9``."""
        asked = ", ".join(text for _, text in self.comparisons) or "(no threshold)"
        return f"{one_line(self.threshold.name, _NAME)} {self.value!r} {asked}"

    def as_json(self) -> dict[str, Any]:
        """The metric's entry in the answer."""
        return {
            "name": self.threshold.name,
            "value": self.value,
            "minimum": self.threshold.minimum,
            "maximum": self.threshold.maximum,
            "champion": self.champion,
            "passed": self.passed,
        }


def judge(approval: Approval, model: Reading, champion: Reading) -> list[Metric]:
    """Judges the configured metrics, in the user's order."""
    return [_judged(threshold, approval, model, champion) for threshold in approval.thresholds]


def _judged(threshold: Threshold, approval: Approval, model: Reading, champion: Reading) -> Metric:
    value, best = (reading.values.get(threshold.name) for reading in (model, champion))
    comparisons = []
    if value is not None:
        if threshold.minimum is not None:
            comparisons.append(_at_least(value, threshold.minimum))
        if threshold.maximum is not None:
            comparisons.append(_at_most(value, threshold.maximum))
        if approval.must_beat_champion and threshold.name == approval.by and best is not None:
            compare = _at_most if approval.lower_is_better else _at_least
            comparisons.append(compare(value, best, "the champion's "))
    return Metric(threshold=threshold, value=value, champion=best, comparisons=tuple(comparisons))


def _at_least(value: Number, limit: Number, whose: str = "") -> tuple[bool, str]:
    return value >= limit, f"{'>=' if value >= limit else '<'} {whose}{limit!r}"


def _at_most(value: Number, limit: Number, whose: str = "") -> tuple[bool, str]:
    return value <= limit, f"{'<=' if value <= limit else '>'} {whose}{limit!r}"


def metrics_table(metrics: list[Metric], most: int) -> str:
    """Returns a table of the metrics with their limits, missed and missing ones first.

    Args:
        metrics: the metrics to show.
        most: the maximum number of rows; a last line counts those left out.
    """
    ordered = sorted(metrics, key=lambda metric: metric.passed)
    rows = [
        (
            metric.threshold.name,
            *(
                "-" if number is None else repr(number)
                for number in (metric.value, metric.threshold.minimum, metric.threshold.maximum, metric.champion)
            ),
            metric.result,
        )
        for metric in ordered[:most]
    ]
    text = table(("metric", "value", "minimum", "maximum", "champion", "result"), rows)
    return text if len(metrics) <= most else f"{text}\n... and {len(metrics) - most} more"
