"""Reads what a monitoring job wrote: the window's distributions next to the baseline's, and the violations.

``statistics.json`` and ``constraint_violations.json`` are in SageMaker Model Monitor's layouts:
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-statistics.html. Malformed parts are left out.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from pipeline.numbers import number

BASELINE = "baseline"
"""The monitoring job's input with the baseline."""

OUTPUT = "monitoring"
"""The job's output; without this name it is the first."""

STATISTICS, VIOLATIONS = "statistics.json", "constraint_violations.json"
"""What the job writes; the baseline has the first, too."""

BINS = 12
"""The number of a number's bins."""

CATEGORIES = 5
"""The number of categories that are shown; the others are joined."""

OTHERS = "others"

_OUTSIDE = 0.005
"""The share of records at each end that is joined to the outermost bin, so that one far-off value hides no shape."""


@dataclass(frozen=True, kw_only=True)
class Violation:
    """What exceeded its threshold."""

    feature: str
    check: str
    description: str


@dataclass(frozen=True, kw_only=True)
class Feature:
    """A feature or a score, in the baseline and in the window."""

    name: str
    edges: tuple[float, ...]
    """The limits of a number's bins, one more than there are shares; empty for categories."""
    categories: tuple[str, ...]
    """Empty for numbers."""
    shares: tuple[tuple[float, ...], tuple[float, ...]]
    """The shares of present values in each bin or category, from 0 to 1: the baseline's and the window's."""
    missing: tuple[float, float]
    """The shares of missing values, from 0 to 1: the baseline's and the window's."""
    is_score: bool
    """Whether it is what the model answered."""


@dataclass(frozen=True, kw_only=True)
class Quality:
    """The model's quality on the records whose labels have arrived."""

    records: int
    metrics: tuple[tuple[str, float | None, float], ...]
    """Name, and the value in the evaluation and in the window."""


def quality(baseline: dict[str, Any], window: dict[str, Any]) -> Quality | None:
    """The quality that both ``statistics.json`` have; None without labels."""
    try:
        before, now = baseline["quality"]["metrics"], window["quality"]["metrics"]
        rows = [(name, number((before.get(name) or {}).get("value")), number(now[name].get("value"))) for name in now]
        known = tuple((name, old, new) for name, old, new in rows if new is not None)
        return Quality(records=int(window["quality"]["records"]), metrics=known)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def violations(report: dict[str, Any]) -> list[Violation]:
    """The violations in ``constraint_violations.json``, in its order: the largest first."""
    found = report.get("violations")
    return [
        Violation(
            feature=str(one.get("feature_name")),
            check=str(one.get("check") or one.get("constraint_check_type")),
            description=str(one.get("description")),
        )
        for one in (found if isinstance(found, list) else ())
        if isinstance(one, dict)
    ]


def features(baseline: dict[str, Any], window: dict[str, Any]) -> list[Feature]:
    """The features and scores that both ``statistics.json`` describe, in the baseline's order."""
    found = []
    for group in ("features", "scores"):
        now = dict(_entries(window, group))
        found += [
            _feature(name, entry, now[name], is_score=group == "scores")
            for name, entry in _entries(baseline, group)
            if name in now
        ]
    return [one for one in found if one]


def _entries(statistics: dict[str, Any], group: str) -> list[tuple[str, dict[str, Any]]]:
    entries = statistics.get(group)
    found = entries if isinstance(entries, list) else ()
    return [(str(entry.get("name")), entry) for entry in found if isinstance(entry, dict)]


def _feature(name: str, before: dict[str, Any], now: dict[str, Any], *, is_score: bool) -> Feature | None:
    kind = "numerical_statistics" if "numerical_statistics" in before else "string_statistics"
    edges: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()
    shares: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())
    try:
        sides = [entry[kind] for entry in (before, now)]
        counts = [(side["common"]["num_present"], side["common"]["num_missing"]) for side in sides]
        missing = tuple(absent / (present + absent) if present + absent else 0.0 for present, absent in counts)
        if kind == "numerical_statistics":
            edges, shares = _numbers([_weighted(side) for side in sides])
        elif all("distribution" in side for side in sides):
            categories, shares = _categories([_buckets(side) for side in sides], [present for present, _ in counts])
    except (KeyError, TypeError, ValueError):
        return None
    return Feature(
        name=name,
        edges=edges,
        categories=categories,
        shares=shares,
        missing=(missing[0], missing[1]),
        is_score=is_score,
    )


def _weighted(side: dict[str, Any]) -> list[tuple[float, int]]:
    """Reads a KLL sketch, whose items of level i stand for 2^i values: https://arxiv.org/abs/1603.05346."""
    levels = side["distribution"]["kll"]["sketch"]["data"] if "distribution" in side else []
    items = [(number(item), 1 << level) for level, data in enumerate(levels) for item in data]
    return sorted((item, weight) for item, weight in items if item is not None)


def _numbers(
    sides: Sequence[list[tuple[float, int]]],
) -> tuple[tuple[float, ...], tuple[tuple[float, ...], tuple[float, ...]]]:
    """Returns the limits of bins of the same width, and each side's shares in them."""
    if not sides[0]:
        return (), ((), ())
    ends = [(_quantile(side, _OUTSIDE), _quantile(side, 1 - _OUTSIDE)) for side in sides if side]
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = tuple(low + (high - low) * step / BINS for step in range(BINS + 1))
    before, now = ([0] * BINS, [0] * BINS)
    for counts, side in zip((before, now), sides, strict=True):
        for value, weight in side:
            counts[min(max(bisect_right(edges, value) - 1, 0), BINS - 1)] += weight
    return edges, (_shares(before), _shares(now))


def _quantile(side: list[tuple[float, int]], share: float) -> float:
    up_to = list(accumulate(weight for _, weight in side))
    return side[min(bisect_right(up_to, share * up_to[-1]), len(side) - 1)][0]


def _shares(counts: Sequence[float]) -> tuple[float, ...]:
    whole = sum(counts)
    return tuple(count / whole if whole else 0.0 for count in counts)


def _buckets(side: dict[str, Any]) -> dict[str, int]:
    return {str(one["value"]): int(one["count"]) for one in side["distribution"]["categorical"]["buckets"]}


def _categories(
    sides: Sequence[dict[str, int]], present: Sequence[int]
) -> tuple[tuple[str, ...], tuple[tuple[float, ...], tuple[float, ...]]]:
    """Returns the categories with the most records on either side, and each side's shares of them and of the others."""
    parts = [
        {name: count / max(of, 1) for name, count in side.items()} for side, of in zip(sides, present, strict=True)
    ]
    most = {name: max(part.get(name, 0.0) for part in parts) for name in [*sides[0], *sides[1]]}
    names = sorted(most, key=lambda name: (-most[name], name))[:CATEGORIES]
    before, now = ([part.get(name, 0.0) for name in names] for part in parts)
    if len(most) > len(names):
        names.append(OTHERS)
        for shares, of in ((before, present[0]), (now, present[1])):
            shares.append(max(1 - sum(shares), 0.0) if of else 0.0)
    return tuple(names), (tuple(before), tuple(now))
