"""Reads a feature's distributions in two ``statistics.json`` on common bins.

The layout is SageMaker Model Monitor's:
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-statistics.html
"""

from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

_BINS = 20
_TAIL = 0.005
"""The share of the baseline and of the window beyond the outermost bins' limits; it is counted in these bins."""
_CATEGORIES = 8

Values = list[tuple[float, int]]
"""Distinct numbers in ascending order, and how many records have each."""


@dataclass(frozen=True, kw_only=True)
class Bars:
    """The shares of the records in each bin, or of each category; they are from 0 to 1."""

    names: tuple[str, ...]
    """Of categories; empty for numbers."""
    edges: tuple[float, ...]
    """Of bins of numbers, one more than bins; empty for categories."""
    baseline: tuple[float, ...]
    window: tuple[float, ...]

    @property
    def rows(self) -> list[tuple[str, float, float]]:
        """Name or range, and the share in the baseline and the window."""
        names = self.names or [f"{start:,.6g} to {end:,.6g}" for start, end in pairwise(self.edges)]
        return list(zip(names, self.baseline, self.window, strict=True))


def bars(before: dict[str, Any], now: dict[str, Any]) -> Bars | None:
    """Returns a feature's distributions; None if it has none, as texts and dates.

    Args:
        before: the feature's entry in the baseline's statistics.
        now: its entry in the window's.
    """
    try:
        if "numerical_statistics" in before:
            return _of_numbers(_values(before), _values(now))
        return _of_categories(_buckets(before), _buckets(now), _present(before), _present(now))
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        return None


def _values(entry: dict[str, Any]) -> Values:
    """Reads a KLL sketch, whose items of level i stand for 2^i values: https://arxiv.org/abs/1603.05346."""
    levels = entry["numerical_statistics"]["distribution"]["kll"]["sketch"]["data"]
    counts: dict[float, int] = {}
    for level, items in enumerate(levels):
        for item in items:
            counts[float(item)] = counts.get(float(item), 0) + (1 << level)
    return sorted(counts.items())


def _of_numbers(before: Values, now: Values) -> Bars | None:
    distinct = sorted({value for value, _ in before + now})
    if not before or not now:
        return None
    if len(distinct) <= _BINS and len(distinct) > 1:
        middles = [(low + high) / 2 for low, high in pairwise(distinct)]
        edges = [2 * distinct[0] - middles[0], *middles, 2 * distinct[-1] - middles[-1]]
    else:
        low = min(_quantile(each, _TAIL) for each in (before, now))
        high = max(_quantile(each, 1 - _TAIL) for each in (before, now))
        if low == high:
            low, high = distinct[0], distinct[-1]
        if low == high:
            low, high = low - 0.5, high + 0.5
        edges = [low + (high - low) * step / _BINS for step in range(_BINS + 1)]
    return Bars(names=(), edges=tuple(edges), baseline=_shares(before, edges), window=_shares(now, edges))


def _quantile(values: Values, share: float) -> float:
    wanted, so_far = share * sum(count for _, count in values), 0
    for value, count in values:
        so_far += count
        if so_far >= wanted:
            return value
    return values[-1][0]


def _shares(values: Values, edges: list[float]) -> tuple[float, ...]:
    counts = [0] * (len(edges) - 1)
    for value, count in values:
        counts[min(max(bisect_left(edges, value) - 1, 0), len(counts) - 1)] += count
    whole = sum(counts)
    return tuple(count / whole for count in counts)


def _buckets(entry: dict[str, Any]) -> dict[str, int]:
    buckets = entry["string_statistics"]["distribution"]["categorical"]["buckets"]
    return {str(bucket["value"]): int(bucket["count"]) for bucket in buckets}


def _present(entry: dict[str, Any]) -> int:
    return int(entry["string_statistics"]["common"]["num_present"])


def _of_categories(before: dict[str, int], now: dict[str, int], of_before: int, of_now: int) -> Bars | None:
    """Those that are most frequent, or whose share changed most; the others together."""
    if not of_before or not of_now:
        return None
    shares = {name: (before.get(name, 0) / of_before, now.get(name, 0) / of_now) for name in before | now}
    changed = sorted(shares, key=lambda name: -abs(shares[name][0] - shares[name][1]))[: _CATEGORIES // 2]
    frequent = [name for name in sorted(shares, key=lambda name: -max(shares[name])) if name not in changed]
    chosen = changed + frequent[: _CATEGORIES - len(changed)]
    chosen.sort(key=lambda name: -shares[name][0])
    baseline, window = ([shares[name][side] for name in chosen] for side in (0, 1))
    names = [name or "empty" for name in chosen]
    if len(shares) > len(chosen):
        names.append(f"{len(shares) - len(chosen):,} others")
        baseline.append(max(1 - sum(baseline), 0.0))
        window.append(max(1 - sum(window), 0.0))
    return Bars(names=tuple(names), edges=(), baseline=tuple(baseline), window=tuple(window))
