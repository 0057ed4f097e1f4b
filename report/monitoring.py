"""Prepares the section about what monitoring found."""

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from pipeline.numbers import number
from report import charts
from report.distributions import Bars, bars
from report.facts import Facts

_DRAWN = 8
"""The maximum number of features that are drawn; the scores are drawn in any case."""
_LISTED = 100
"""The maximum number of violations and of features in the tables."""
_IN_WORDS = {
    "healthy": "The records are like those that the model was evaluated on.",
    "drift": "The records, or the model's answers, differ from those that the model was evaluated on.",
    "too_little_data": "Too few records, or labels, to tell.",
}


@dataclass(frozen=True, kw_only=True)
class Violation:
    """What exceeded its threshold."""

    feature: str
    """Or the metric."""
    check: str
    description: str


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A feature's distributions."""

    name: str
    picture: Markup
    bars: Bars
    violations: tuple[str, ...]
    """The names of the checks."""


@dataclass(frozen=True, kw_only=True)
class Quality:
    """A metric of the labelled records, and of the evaluation."""

    name: str
    baseline: float | None
    window: float | None


@dataclass(frozen=True, kw_only=True)
class Monitoring:
    """The section."""

    outcome: str
    in_words: str
    records: int | None
    labelled: int | None
    """The number of records whose labels have arrived; None if no labels were given."""
    violations: list[Violation]
    unlisted: int
    """The number of violations that are not listed."""
    drawn: list[Drawn]
    others: list[tuple[str, float, float]]
    """Of the other features: the name, and the most that a bin's share differs, and the bins' total difference."""
    quality: list[Quality]


def monitoring(facts: Facts) -> Monitoring | None:
    """The section; None if the execution did not monitor."""
    summary = {key: facts.result("monitoring").get(key) for key in ("outcome", "records")} | facts.monitoring
    if not summary.get("outcome"):
        return None
    violations = _violations(facts)
    drawn, others = _distributions(facts, violations)
    labels, records = summary.get("labels"), number(summary.get("records"))
    labelled = number(labels.get("records")) if isinstance(labels, dict) else None
    outcome = str(summary["outcome"])
    return Monitoring(
        outcome=outcome.replace("_", " "),
        in_words=_IN_WORDS.get(outcome, ""),
        records=None if records is None else int(records),
        labelled=None if labelled is None else int(labelled),
        violations=violations[:_LISTED],
        unlisted=max(len(violations) - _LISTED, 0),
        drawn=drawn,
        others=others[:_LISTED],
        quality=_quality(facts),
    )


def _violations(facts: Facts) -> list[Violation]:
    """All of them or, if their file is unavailable, those of the execution's data."""
    found = facts.violations or facts.result("monitoring").get("violations")
    return [
        Violation(
            feature=str(one.get("feature_name") or one.get("feature")),
            check=str(one.get("check") or one.get("constraint_check_type")).replace("_", " "),
            description=str(one.get("description") or f"{one.get('value')}, {one.get('threshold')} expected"),
        )
        for one in (found if isinstance(found, list | tuple) else ())
        if isinstance(one, dict)
    ]


def _entries(statistics: dict[str, Any] | None, key: str) -> dict[str, dict[str, Any]]:
    found = (statistics or {}).get(key)
    return {str(one.get("name")): one for one in (found if isinstance(found, list) else ()) if isinstance(one, dict)}


def _distributions(facts: Facts, violations: list[Violation]) -> tuple[list[Drawn], list[tuple[str, float, float]]]:
    """The features that drifted most and the scores; and the differences of the others, the largest first."""
    checks: dict[str, list[str]] = {}
    for one in violations:
        checks.setdefault(one.feature, []).append(one.check)
    found: dict[str, Bars] = {}
    for key in ("scores", "features"):
        before, now = _entries(facts.baseline, key), _entries(facts.window, key)
        both = {name: bars(before[name], now[name]) for name in before if name in now}
        found |= {name: one for name, one in both.items() if one}
    scores = [name for name in _entries(facts.baseline, "scores") if name in found]
    drifted = [name for name in checks if name in found and name not in scores][:_DRAWN]
    drawn = [
        Drawn(
            name=name,
            picture=charts.overlaid(name, found[name]),
            bars=found[name],
            violations=tuple(checks.get(name, ())),
        )
        for name in drifted + scores
    ]
    others = [(name, *_differences(one)) for name, one in found.items() if name not in {*drifted, *scores}]
    return drawn, sorted(others, key=lambda row: -row[2])


def _differences(found: Bars) -> tuple[float, float]:
    """The largest difference of a share, and the share of records that would have to move to another bin."""
    differences = [abs(before - now) for _, before, now in found.rows]
    return max(differences), sum(differences) / 2


def _quality(facts: Facts) -> list[Quality]:
    before, now = (
        (((statistics or {}).get("quality") or {}).get("metrics") or {})
        for statistics in (facts.baseline, facts.window)
    )
    return [
        Quality(name=name, baseline=number((before.get(name) or {}).get("value")), window=number(metric.get("value")))
        for name, metric in now.items()
        if isinstance(metric, dict)
    ]
