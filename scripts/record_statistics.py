"""Statistics of records, collected in one pass with bounded memory, in the layout of SageMaker Model Monitor.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-statistics.html describes it. The same code describes
a model's baseline and a window of scored records, so that ``drift.py`` compares like with like.

Counts, means, deviations and extremes are of all records. The distribution of a number comes from a uniform sample of
at most ``SAMPLE`` of its values, that of a category from its most frequent values; what else there was is counted.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from columns import CATEGORY, NUMBER
from values import number

# The maximum number of values that a number's distribution is taken from.
SAMPLE = 100_000

# The maximum number of points of a number's sketch, and of its histogram's buckets; the latter is Model Monitor's.
POINTS = 1_024
BUCKETS = 10

# The maximum number of categories that the statistics list, and of those that are counted while reading.
CATEGORIES = 1_000
COUNTED = 20_000


class Distribution(NamedTuple):
    """An empirical distribution: distinct values in ascending order, and how many records have each."""

    numbers: np.ndarray
    counts: np.ndarray

    @property
    def records(self) -> int:
        """The number of records that it is made of."""
        return int(self.counts.sum())


class Numbers:
    """The statistics of a column of numbers."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.present = self.missing = self.wrong = 0
        self.whole = True
        self.mean = self.squares = 0.0  # the sum of squared distances from the mean
        self.least, self.most = math.inf, -math.inf
        self._keys, self._values = np.empty(0), np.empty(0)
        self._bound = math.inf  # a value is in the sample if its random key is below

    def add_texts(self, codes: np.ndarray, texts: Sequence[str], keys: np.ndarray) -> None:
        """Adds a column's values.

        Args:
            codes: for each record, the position of its value in ``texts``.
            texts: distinct values; the empty one is missing.
            keys: for each record, its random key, uniform from 0 to 1.
        """
        numbers = np.array([number(text) for text in texts], dtype=float)  # NaN for None
        empty = np.array([text == "" for text in texts], dtype=bool)
        wrong = np.isnan(numbers) & ~empty
        counts = np.bincount(codes, minlength=len(texts))
        self.missing += int(counts[empty].sum())
        self.wrong += int(counts[wrong].sum())
        self.present += int(counts[~empty].sum())
        good = ~np.isnan(numbers) & (counts > 0)
        self._add_moments(numbers[good], counts[good])
        self._add_sample(numbers[codes], keys)

    def add_numbers(self, numbers: np.ndarray, keys: np.ndarray) -> None:
        """Adds numbers, such as a model's scores; NaN is missing."""
        there = numbers[~np.isnan(numbers)]
        self.missing += len(numbers) - len(there)
        self.present += len(there)
        self._add_moments(there, np.ones(len(there)))
        self._add_sample(numbers, keys)

    def merge(self, other: Numbers) -> None:
        """Adds the records of another column."""
        self._merge_moments(self.present - self.wrong, other.present - other.wrong, other.mean, other.squares)
        self.missing += other.missing
        self.present += other.present
        self.wrong += other.wrong
        self.whole = self.whole and other.whole
        self.least, self.most = min(self.least, other.least), max(self.most, other.most)
        self._bound = min(self._bound, other._bound)
        self._keys = np.append(self._keys, other._keys)
        self._values = np.append(self._values, other._values)
        self._trim()

    def statistics(self) -> dict[str, Any]:
        """Returns the feature's entry in ``statistics.json``."""
        records = self.present - self.wrong
        numbers: dict[str, Any] = {"common": {"num_present": self.present, "num_missing": self.missing}}
        if records:
            numbers.update(
                mean=self.mean,
                sum=self.mean * records,
                std_dev=math.sqrt(self.squares / records),
                min=self.least,
                max=self.most,
                distribution={"kll": {"buckets": self._buckets(records), "sketch": sketch(self._distribution())}},
            )
        kind = "Integral" if self.whole and records else "Fractional"
        entry = {"name": self.name, "inferred_type": kind, "numerical_statistics": numbers}
        return dict(entry, not_numbers=self.wrong) if self.wrong else entry

    def _add_moments(self, numbers: np.ndarray, counts: np.ndarray) -> None:
        records = int(counts.sum())
        if not records:
            return
        mean = float(numbers @ counts) / records
        squares = float(((numbers - mean) ** 2) @ counts)
        before = self.present - self.wrong - records
        self._merge_moments(before, records, mean, squares)
        self.whole = self.whole and bool(np.all(numbers == np.floor(numbers)))
        self.least, self.most = min(self.least, float(numbers.min())), max(self.most, float(numbers.max()))

    def _merge_moments(self, before: int, records: int, mean: float, squares: float) -> None:
        """Merges means and squares by https://doi.org/10.1007/978-3-642-51461-6_3 (Chan, Golub, LeVeque)."""
        if not records:
            return
        total, distance = before + records, mean - self.mean
        self.squares += squares + distance * distance * before * records / total
        self.mean += distance * records / total

    def _add_sample(self, numbers: np.ndarray, keys: np.ndarray) -> None:
        kept = (keys < self._bound) & ~np.isnan(numbers)
        self._keys, self._values = np.append(self._keys, keys[kept]), np.append(self._values, numbers[kept])
        if len(self._keys) > 2 * SAMPLE:
            self._trim()

    def _trim(self) -> None:
        """Keeps the values with the smallest keys, a uniform sample however the records were divided."""
        kept = self._keys < self._bound
        self._keys, self._values = self._keys[kept], self._values[kept]
        if len(self._keys) > SAMPLE:
            self._bound = float(np.partition(self._keys, SAMPLE)[SAMPLE])
            kept = self._keys < self._bound
            self._keys, self._values = self._keys[kept], self._values[kept]

    def _distribution(self) -> Distribution:
        self._trim()
        values, counts = np.unique(self._values, return_counts=True)
        return thinned(Distribution(values, counts))

    def _buckets(self, records: int) -> list[dict[str, float]]:
        """Returns Model Monitor's histogram: buckets of equal width, their counts scaled from the sample to all."""
        self._trim()
        counts, edges = np.histogram(self._values, BUCKETS, (self.least, max(self.most, self.least + 1e-9)))
        bounds = np.round(np.cumsum(counts) * (records / len(self._values)))
        return [
            {"lower_bound": float(edges[at]), "upper_bound": float(edges[at + 1]), "count": float(count)}
            for at, count in enumerate(np.diff(bounds, prepend=0))
        ]


class Categories:
    """The statistics of a column of categories."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.present = self.missing = 0
        self._counts: Counter[str] = Counter()

    def add_texts(self, codes: np.ndarray, texts: Sequence[str], _keys: np.ndarray) -> None:
        """Adds a column's values; the arguments are those of ``Numbers.add_texts``."""
        counts = np.bincount(codes, minlength=len(texts)).tolist()
        for text, count in zip(texts, counts):
            if text == "":
                self.missing += count
            elif count:
                self._counts[text] += count
                self.present += count
        self._trim()

    def merge(self, other: Categories) -> None:
        """Adds the records of another column."""
        self.missing += other.missing
        self.present += other.present
        self._counts.update(other._counts)
        self._trim()

    def statistics(self) -> dict[str, Any]:
        """Returns the feature's entry in ``statistics.json``."""
        ranked = sorted(self._counts.items(), key=lambda item: (-item[1], item[0]))
        buckets = [{"value": value, "count": count} for value, count in ranked[:CATEGORIES]]
        return {
            "name": self.name,
            "inferred_type": "String",
            "string_statistics": {
                "common": {"num_present": self.present, "num_missing": self.missing},
                "distinct_count": len(ranked),
                "distribution": {"categorical": {"buckets": buckets}},
            },
        }

    def _trim(self) -> None:
        """Drops the rarest categories of too many; their records still count as present."""
        if len(self._counts) > 2 * COUNTED:
            self._counts = Counter(dict(self._counts.most_common(COUNTED)))


class Texts:
    """The statistics of a column of free text or of dates: how many there are."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.present = self.missing = 0

    def add_texts(self, codes: np.ndarray, texts: Sequence[str], _keys: np.ndarray) -> None:
        """Adds a column's values; the arguments are those of ``Numbers.add_texts``."""
        empty = np.array([text == "" for text in texts], dtype=bool)
        counts = np.bincount(codes, minlength=len(texts))
        self.missing += int(counts[empty].sum())
        self.present += int(counts[~empty].sum())

    def merge(self, other: Texts) -> None:
        """Adds the records of another column."""
        self.missing += other.missing
        self.present += other.present

    def statistics(self) -> dict[str, Any]:
        """Returns the feature's entry in ``statistics.json``."""
        common = {"num_present": self.present, "num_missing": self.missing}
        return {"name": self.name, "inferred_type": "String", "string_statistics": {"common": common}}


class RecordStatistics:
    """The statistics of records: their features, and the scores that a model gave them.

    Args:
        features: the schema's features: ``{"name": ..., "type": "number" | "category" | "date" | "text"}``.
        seed: seeds the sampling; profiles that are merged need different ones.
    """

    def __init__(self, features: Iterable[Mapping[str, str]], seed: int = 0) -> None:
        kinds: dict[str, Any] = {NUMBER: Numbers, CATEGORY: Categories}
        self.records = 0
        self._features = [kinds.get(feature["type"], Texts)(feature["name"]) for feature in features]
        self._scores: dict[str, Any] = {}
        self._random = np.random.RandomState(seed)

    def add(self, rows: Any, scores: Mapping[str, np.ndarray] | None = None) -> None:
        """Adds records.

        Args:
            rows: pandas' DataFrame with a column for each feature: numbers, NaN where they are missing, or pandas' type
                ``category`` with cleaned strings.
            scores: the model's answers for these rows, by their names: numbers, or texts for classes.
        """
        keys = self._random.random_sample(len(rows))
        self.records += len(rows)
        for column in self._features:
            values = rows[column.name]
            if values.dtype.kind == "f":
                column.add_numbers(values.to_numpy(), keys)
            else:
                column.add_texts(values.cat.codes.to_numpy(), [str(value) for value in values.cat.categories], keys)
        for name, answers in (scores or {}).items():
            if answers.dtype.kind == "f":
                self._scores.setdefault(name, Numbers(name)).add_numbers(answers, keys)
            else:
                texts, codes = np.unique(answers, return_inverse=True)
                self._scores.setdefault(name, Categories(name)).add_texts(codes, texts.tolist(), keys)

    def merge(self, other: RecordStatistics) -> None:
        """Adds the records of another profile with the same features."""
        self.records += other.records
        for column, others in zip(self._features, other._features):
            column.merge(others)
        for name, column in other._scores.items():
            if name in self._scores:
                self._scores[name].merge(column)
            else:
                self._scores[name] = column

    def statistics(self) -> dict[str, Any]:
        """Returns ``statistics.json``; ``scores``, in the layout of features, is this project's own."""
        return {
            "version": 0.0,
            "dataset": {"item_count": self.records},
            "features": [column.statistics() for column in self._features],
            "scores": [column.statistics() for column in self._scores.values()],
        }


def sketch(distribution: Distribution) -> dict[str, Any]:
    """Writes a distribution as the KLL sketch of ``statistics.json``, whose items of level i stand for 2^i values.

    https://arxiv.org/abs/1603.05346. A value that n records have is an item of each level that is a one in binary n, so
    nothing is lost.
    """
    levels = int(distribution.counts.max()).bit_length() if len(distribution.counts) else 0
    bits = (distribution.counts[:, None] >> np.arange(levels)) & 1
    data = [distribution.numbers[bits[:, level] == 1].tolist() for level in range(levels)]
    return {"parameters": {"c": 0.64, "k": float(POINTS)}, "data": data}


def distribution_of(entry: Mapping[str, Any]) -> Distribution:
    """Reads the distribution of a number from its entry in ``statistics.json``; without one it is empty."""
    found = entry["numerical_statistics"].get("distribution")
    levels = found["kll"]["sketch"]["data"] if found else []
    if not levels:
        return Distribution(np.empty(0), np.empty(0, dtype=np.int64))
    weights = np.concatenate([np.full(len(level), 1 << number, dtype=np.int64) for number, level in enumerate(levels)])
    values, places = np.unique(
        np.concatenate([np.asarray(items, dtype=float) for items in levels]), return_inverse=True
    )
    return Distribution(values, np.bincount(places, weights=weights).astype(np.int64))


def thinned(distribution: Distribution) -> Distribution:
    """Joins neighbouring values to at most ``POINTS``, with about the same number of records in each.

    The values kept are the highest of those joined, where the shares of the records up to them stay exact.
    """
    values, counts = distribution
    if len(values) <= POINTS:
        return distribution
    up_to = np.cumsum(counts)
    kept = np.unique(np.searchsorted(up_to, np.linspace(up_to[-1] / POINTS, up_to[-1], POINTS) - 1e-9))
    return Distribution(values[kept], np.diff(up_to[kept], prepend=0))
