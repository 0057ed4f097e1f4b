"""Compares a window of scored records with a model's baseline: what changed more than chance and the trivial explain.

A check compares a value with a threshold, which is the larger of two: the critical value for these numbers of records,
and the smallest effect that is worth a person's time. The critical values share the probability of any false alarm in
a window, ``false_alarm_rate``, equally among all its comparisons (Bonferroni's inequality), so it holds for all
features together, whatever depends on what. With few records the critical value decides, with many the effect.

The measures, for shares p of the baseline's n records and q of the window's m records in each of B bins:

- ``psi``, the population stability index: the sum of (p - q) ln(p / q). Without drift, it is distributed as chi squared
  with B - 1 degrees of freedom times 1/n + 1/m: B. Yurdakul, Statistical Properties of Population Stability Index,
  Western Michigan University (2018), https://scholarworks.wmich.edu/dissertations/3208.
- ``jensen_shannon``: the Jensen-Shannon divergence in bits, from 0 to 1: J. Lin, Divergence measures based on the
  Shannon entropy, IEEE Transactions on Information Theory 37 (1991), https://doi.org/10.1109/18.61115. By its
  expansion for small differences, without drift it is distributed as that chi squared times (1/n + 1/m) / (8 ln 2):
  I. Grosse and others, Physical Review E 65 (2002) 041905, https://doi.org/10.1103/PhysRevE.65.041905.
- ``kolmogorov_smirnov``: the largest difference between the shares of records up to any number. Its critical value is
  sqrt(ln(2 / alpha) / 2 (1/n + 1/m)), Smirnov's limit, which is an upper bound where values repeat:
  https://doi.org/10.1214/aoms/1177730256.
- Shares, of a category, of missing values, of unknown categories, are compared as arcsines of their square roots, whose
  variance depends only on the number of records: F. J. Anscombe, Biometrika 35 (1948), https://doi.org/10.2307/2332343.
  Twice the difference is Cohen's effect size h: Statistical Power Analysis for the Behavioral Sciences (1988), 6.2.
- A baseline's category that one record had would be unknown without that record, so the share of such records
  estimates that of unknown categories: I. J. Good, Biometrika 40 (1953), https://doi.org/10.2307/2333344.
- A model's scores are those of the test records, among which identical records all are or all are not, so they say less
  than as many independent ones: by their ``design_effect``, L. Kish, Survey Sampling (1965), 8.2.
- ``range``: without drift, at least k of m records exceed the highest of n with probability m/(n+m) (m-1)/(n+m-1) ...,
  k factors: S. S. Wilks, Annals of Mathematical Statistics 12 (1941), https://doi.org/10.1214/aoms/1177731788.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from scipy import special  # scipy.stats has the same, and takes 0.15 s to import

import late_quality
from baseline import EFFECTS, FALSE_ALARM_RATE
from check import Check, Levels
from record_statistics import Distribution, distribution_of

# Bins have at least this share of the baseline, and this many records of the window and of the baseline are expected
# in each, so that chi squared describes them this far from the mean.
BIN_SHARE = 0.05
BIN_RECORDS = 20


_IN_WORDS = {
    "psi": "population stability index",
    "jensen_shannon": "Jensen-Shannon divergence",
    "kolmogorov_smirnov": "largest difference of the shares up to a number",
}


def compare(
    baseline: Mapping[str, Any], window: Mapping[str, Any], monitoring_config: Mapping[str, Any]
) -> list[Check]:
    """Compares a window with the baseline.

    Args:
        baseline: the baseline's ``statistics.json``.
        window: the window's, with the same features in the same order; with ``quality``, if labels have arrived.
        monitoring_config: that of the baseline's ``constraints.json``.

    Returns:
        All comparisons made; of a feature's categories, only that which changed most.
    """
    pairs = list(zip(baseline["features"], window["features"]))
    scored = {entry["name"]: entry for entry in window["scores"]}
    pairs += [(entry, scored[entry["name"]]) for entry in baseline["scores"] if entry["name"] in scored]
    quality = window.get("quality")
    comparisons = sum(_comparisons(entry) for entry, _ in pairs)
    if quality:
        comparisons += len(late_quality.compared(baseline["quality"], quality))
    alpha = monitoring_config.get("false_alarm_rate", FALSE_ALARM_RATE) / max(comparisons, 1)
    effects = dict(EFFECTS, **monitoring_config.get("smallest_effects", {}))
    levels = Levels(alpha, effects, -float(special.ndtri(alpha / 2)))
    found = [check for before, now in pairs for check in _checks(before, now, levels)]
    return found + (list(late_quality.checks(baseline["quality"], quality, levels)) if quality else [])


def _checks(before: Mapping[str, Any], now: Mapping[str, Any], levels: Levels) -> Iterator[Check]:
    yield _missing(before, now, levels)
    if "numerical_statistics" in before:
        yield _not_numbers(before, now, levels)
        old, new = distribution_of(before), distribution_of(now)
        if old.records and new.records:
            precision = _precision(before, old.records, new.records)
            yield from _ranges(before, old, new, levels)
            yield _kolmogorov_smirnov(before["name"], old, new, precision, levels)
            yield from _binned(before["name"], *in_bins(old, new), precision, levels)
    elif "distribution" in before["string_statistics"]:
        yield from _categories(before, now, levels)


def _comparisons(entry: Mapping[str, Any]) -> int:
    """Returns the number of comparisons of a feature: those of a number, or of each category."""
    if "numerical_statistics" in entry:
        return 7
    buckets = entry["string_statistics"].get("distribution", {}).get("categorical", {}).get("buckets", ())
    return 5 + len(buckets) if buckets else 1


def _missing(before: Mapping[str, Any], now: Mapping[str, Any], levels: Levels) -> Check:
    (old, of_old), (new, of_new) = _present(before), _present(now)
    return _share(
        before, "missing", "missing values", old=(of_old - old, of_old), new=(of_new - new, of_new), levels=levels
    )


def _present(entry: Mapping[str, Any]) -> tuple[int, int]:
    """Returns how many values are present, of how many."""
    common = entry.get("numerical_statistics", entry.get("string_statistics"))["common"]
    return common["num_present"], common["num_present"] + common["num_missing"]


def _not_numbers(before: Mapping[str, Any], now: Mapping[str, Any], levels: Levels) -> Check:
    old, new = before.get("not_numbers", 0), now.get("not_numbers", 0)
    of_old, of_new = _present(before)[0], _present(now)[0]
    return _share(
        before, "not_a_number", "values that are not numbers", old=(old, of_old), new=(new, of_new), levels=levels
    )


def _share(
    before: Mapping[str, Any], check: str, what: str, *, old: tuple[int, int], new: tuple[int, int], levels: Levels
) -> Check:
    """Compares a share of the baseline with one of the window, each given as records, and of how many."""
    feature = before["name"]
    if not old[1] or not new[1]:
        return Check(feature, check, 0.0, 0.0, exceeded=False, description=f"no records to compare {what} of")
    angle, now = _angle(*old), _angle(*new)
    spread = levels.normal * math.sqrt(_precision(before, old[1], new[1]))
    most = max(spread, levels.effects[check]) / 2
    more = now >= angle
    threshold = math.sin(min(max(angle + most if more else angle - most, 0.0), math.pi / 2)) ** 2
    value = new[0] / new[1]
    text = f"{what}: {value:.2%}, {'at most' if more else 'at least'} {threshold:.2%} expected"
    return Check(feature, check, value, threshold, abs(now - angle) > most, f"{text}, baseline {old[0] / old[1]:.2%}")


def _angle(count: float, records: int) -> float:
    """Returns the arcsine of the square root of a share, by Anscombe."""
    return math.asin(math.sqrt((count + 0.375) / (records + 0.75)))


def _ranges(before: Mapping[str, Any], old: Distribution, new: Distribution, levels: Levels) -> Iterator[Check]:
    least, most = before["numerical_statistics"]["min"], before["numerical_statistics"]["max"]
    for outside, text in (
        (new.counts[new.numbers < least].sum(), f"below the baseline's least, {least:g}"),
        (new.counts[new.numbers > most].sum(), f"above the baseline's most, {most:g}"),
    ):
        records, value = new.records, float(outside) / new.records
        critical = math.log(levels.alpha) / math.log(records / (old.records + records)) / records
        threshold = min(max(critical, levels.effects["range"]), 1.0)
        description = f"{value:.2%} are {text}, at most {threshold:.2%} expected"
        yield Check(before["name"], "range", value, threshold, value > threshold, description)


def _kolmogorov_smirnov(feature: str, old: Distribution, new: Distribution, precision: float, levels: Levels) -> Check:
    at = np.union1d(old.numbers, new.numbers)
    value = float(np.abs(_up_to(old, at) - _up_to(new, at)).max())
    critical = math.sqrt(math.log(2 / levels.alpha) / 2 * precision)
    return _measured(feature, "kolmogorov_smirnov", value, critical, levels)


def _precision(before: Mapping[str, Any], old: int, new: int) -> float:
    """Returns 1/n + 1/m, the variance of a difference in units of one record's."""
    effect: float = before.get("design_effect", 1.0)
    return effect / old + 1 / new


def _up_to(distribution: Distribution, at: np.ndarray) -> np.ndarray:
    """Returns the shares of records up to each number."""
    up_to = np.append(0, np.cumsum(distribution.counts))
    return up_to[np.searchsorted(distribution.numbers, at, "right")] / distribution.records


def in_bins(old: Distribution, new: Distribution) -> tuple[np.ndarray, np.ndarray]:
    """Counts two distributions' records in bins that each have at least ``BIN_SHARE`` of the first."""
    highest, count = [], 0
    for value, records in zip(old.numbers.tolist(), old.counts.tolist()):
        count += records
        if count >= BIN_SHARE * old.records:
            highest.append(value)
            count = 0
    edges = np.array(highest[:-1] if count < BIN_SHARE * old.records / 2 else highest)
    bins = len(edges) + 1
    return tuple(
        np.bincount(np.searchsorted(edges, each.numbers, "left"), weights=each.counts, minlength=bins)
        for each in (old, new)
    )


def _categories(before: Mapping[str, Any], now: Mapping[str, Any], levels: Levels) -> Iterator[Check]:
    feature, old, new = before["name"], _buckets(before), _buckets(now)
    of_old, of_new = _present(before)[0], _present(now)[0]
    if not of_old or not of_new:
        return
    if of_old == sum(old.values()):  # otherwise those that are not listed cannot be told from unknown ones
        unknown = of_new - sum(new.get(category, 0) for category in old)
        single = sum(1 for count in old.values() if count == 1)
        names = [category for category in new if category not in old][:3]
        what = "unknown categories" + (f" such as {', '.join(map(repr, names))}" if names else "")
        yield _share(before, "unknown_categories", what, old=(single, of_old), new=(unknown, of_new), levels=levels)
    shares = [
        _share(
            before,
            "category_share",
            f"{category!r}",
            old=(count, of_old),
            new=(new.get(category, 0), of_new),
            levels=levels,
        )
        for category, count in old.items()
    ]
    yield max(shares, key=lambda check: (check.exceeded, abs(check.value - check.threshold) if check.exceeded else 0))
    both = np.array([[count, new.get(category, 0)] for category, count in old.items()], dtype=float).T
    others = [of_old - both[0].sum(), of_new - both[1].sum()]
    precision = _precision(before, of_old, of_new)
    yield from _binned(feature, np.append(both[0], others[0]), np.append(both[1], others[1]), precision, levels)


def _buckets(entry: Mapping[str, Any]) -> dict[str, int]:
    buckets = entry["string_statistics"]["distribution"]["categorical"]["buckets"]
    return {bucket["value"]: bucket["count"] for bucket in buckets}


def _binned(feature: str, old: np.ndarray, new: np.ndarray, precision: float, levels: Levels) -> Iterator[Check]:
    """Yields the measures of binned records, if more than one bin has enough of them."""
    old, new = _with_enough_records(old, new)
    if len(old) == 1:
        return
    spread = float(special.chdtri(len(old) - 1, levels.alpha)) * precision
    p, q = _smooth(old), _smooth(new)
    yield _measured(feature, "psi", float(((p - q) * np.log(p / q)).sum()), spread, levels)
    middle = (p + q) / 2
    divergence = float((p * np.log2(p / middle) + q * np.log2(q / middle)).sum() / 2)
    yield _measured(feature, "jensen_shannon", divergence, spread / (8 * math.log(2)), levels)


def _with_enough_records(old: np.ndarray, new: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Joins the bins in which too few records are expected."""
    expected = (old + new) / (old.sum() + new.sum()) * min(old.sum(), new.sum())
    rare = expected < BIN_RECORDS
    if rare.any() and expected[rare].sum() < BIN_RECORDS and not rare.all():
        rare[np.argmin(np.where(rare, np.inf, expected))] = True
    joined = [np.append(each[~rare], each[rare].sum()) if rare.any() else each for each in (old, new)]
    return joined[0], joined[1]


def _smooth(counts: np.ndarray) -> np.ndarray:
    """Returns shares with half a record added to each bin, so that none is empty: https://doi.org/10.1109/TIT.1981.1056331."""
    return (counts + 0.5) / (counts.sum() + 0.5 * len(counts))


def _measured(feature: str, check: str, value: float, critical: float, levels: Levels) -> Check:
    threshold = max(critical, levels.effects[check])
    text = f"{_IN_WORDS[check]}: {value:.4f}, at most {threshold:.4f} expected"
    return Check(feature, check, value, threshold, value > threshold, text)
