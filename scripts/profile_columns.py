"""Profiles the columns for the run's report: unknown and distinct values, and their distribution by side."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from datetime import datetime, timezone
from typing import Any

from columns import DATE, NUMBER, TEXT, Counts, Feature
from values import category, date, number

BINS = 10
CATEGORIES = 8


def profile(feature: Feature, sides: dict[str, Counts]) -> dict[str, Any]:
    """Returns a feature's profile.

    That is ``name``, ``type``, ``bins``, and for each side ``records``, ``missing``, ``distinct`` and ``shares``, one
    for each bin.

    A number's or a date's bins are as wide as each other, and hold the training records' values but for the lowest and
    the highest hundredth, which are in the first and the last bin; ``bins`` has their limits. A category's bins are its
    most frequent values and, as the last one, all others.
    """
    counts = {side: _typed(feature, counts.cleaned()) for side, counts in sides.items()}
    profiled: dict[str, Any] = {"name": feature.name, "type": feature.type}
    edges = _edges(counts["train"]) if feature.type in (NUMBER, DATE) else None
    names = [value for value, _ in _known(counts["train"]).most_common(CATEGORIES)]
    if edges:
        profiled["bins"] = [_text(feature, edge) for edge in edges]
    elif feature.type != TEXT:
        profiled["bins"] = [
            *names,
            *(["others"] if any(set(_known(count)) - set(names) for count in counts.values()) else []),
        ]
    for side, found in counts.items():
        known = _known(found)
        total = sum(known.values())
        if edges:
            binned = [0] * (len(edges) - 1)
            for value, times in known.items():
                binned[min(max(bisect_right(edges, value) - 1, 0), len(binned) - 1)] += times
        else:
            binned = [known[name] for name in names]
            binned += [total - sum(binned)] if "bins" in profiled and len(profiled["bins"]) > len(names) else []
        profiled[side] = {
            "records": sides[side].records,
            "missing": found[None],
            "distinct": len(known),
            "shares": [round(times / total, 4) for times in binned] if total and "bins" in profiled else [],
        }
    return profiled


def _typed(feature: Feature, counts: Counter[str]) -> Counter[Any]:
    """Returns the counts by number, seconds since 1970, or category; those of unknown values by None."""
    found: Counter[Any] = Counter({None: 0})
    for value, times in counts.items():
        if not feature.fits(value):
            found[None] += times
        elif feature.format:
            found[date(value, feature.format).timestamp()] += times  # type: ignore[union-attr] # it fits
        else:
            found[number(value) if feature.type == NUMBER else category(value)] += times
    return found


def _known(counts: Counter[Any]) -> Counter[Any]:
    return Counter({value: times for value, times in counts.items() if value is not None})


def _edges(counts: Counter[Any]) -> list[float] | None:
    """Returns the limits of the bins; None if the values do not differ."""
    known = sorted(_known(counts).items())
    total = sum(times for _, times in known)
    low, high = (_quantile(known, share * total) for share in (0.01, 0.99))
    if low == high and known:
        low, high = known[0][0], known[-1][0]
    step = (high - low) / BINS
    return [low + step * number for number in range(BINS + 1)] if step > 0 and math.isfinite(step) else None


def _quantile(known: list[tuple[float, int]], rank: float) -> float:
    passed = 0
    for value, times in known:
        passed += times
        if passed >= rank:
            return value
    return 0.0


def _text(feature: Feature, edge: float) -> str:
    if feature.type == NUMBER:
        return f"{edge:.4g}"

    return datetime.fromtimestamp(edge, timezone.utc).strftime("%Y-%m-%d")
