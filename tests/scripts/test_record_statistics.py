"""The statistics of records."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from record_statistics import CATEGORIES, POINTS, SAMPLE, Numbers, RecordStatistics, distribution_of

FEATURES = [{"name": "age", "type": "number"}, {"name": "colour", "type": "category"}, {"name": "note", "type": "text"}]


def rows(**columns: list[str]) -> pd.DataFrame:
    """Records whose other features are missing."""
    length = len(next(iter(columns.values())))
    given = {feature["name"]: columns.get(feature["name"], [""] * length) for feature in FEATURES}
    return pd.DataFrame(given).astype("category")


def statistics(*parts: pd.DataFrame) -> dict[str, dict[str, object]]:
    """The features' statistics, by their names."""
    profile = RecordStatistics(FEATURES)
    for part in parts:
        profile.add(part)
    return {entry["name"]: entry for entry in profile.statistics()["features"]}


def test_statistics_have_model_monitors_layout() -> None:
    """Numbers have moments, ten buckets and a KLL sketch; categories their counts; what is missing is counted."""
    found = statistics(rows(age=["1", "3", "", "8"], colour=["red", "", "red", "blue"], note=["a b", "", "", "c"]))
    age = found["age"]["numerical_statistics"]
    assert isinstance(age, dict)
    assert found["age"]["inferred_type"] == "Integral"
    assert age["common"] == {"num_present": 3, "num_missing": 1}
    assert (age["mean"], age["sum"], age["min"], age["max"]) == (4, 12, 1, 8)
    assert age["std_dev"] == pytest.approx(np.std([1, 3, 8]))
    buckets = age["distribution"]["kll"]["buckets"]
    assert [bucket["count"] for bucket in buckets] == [1, 0, 1, 0, 0, 0, 0, 0, 0, 1]
    assert (buckets[0]["lower_bound"], buckets[-1]["upper_bound"]) == (1, 8)
    assert age["distribution"]["kll"]["sketch"]["data"] == [[1, 3, 8]]
    assert found["colour"] == {
        "name": "colour",
        "inferred_type": "String",
        "string_statistics": {
            "common": {"num_present": 3, "num_missing": 1},
            "distinct_count": 2,
            "distribution": {"categorical": {"buckets": [{"value": "red", "count": 2}, {"value": "blue", "count": 1}]}},
        },
    }
    assert found["note"]["string_statistics"] == {"common": {"num_present": 2, "num_missing": 2}}


def test_the_sketch_keeps_every_distinct_value() -> None:
    """Up to a thousand distinct values, the distribution is exactly that of the records."""
    column = Numbers("n")
    values = np.repeat(np.arange(100.0), np.arange(1, 101))
    column.add_numbers(values, np.linspace(0, 1, len(values)))
    found = distribution_of(column.statistics())
    assert found.numbers.tolist() == list(range(100))
    assert found.counts.tolist() == list(range(1, 101))


def test_many_values_are_sampled_and_joined() -> None:
    """Of more values than the sample holds, the shares up to any number stay right, and the totals exact."""
    random = np.random.default_rng(0)
    profile = RecordStatistics(FEATURES[:1])
    values = random.normal(size=3 * SAMPLE)
    for part in np.split(values, 6):
        profile.add(pd.DataFrame({"age": part}))
    (entry,) = profile.statistics()["features"]
    found = distribution_of(entry)
    assert len(found.numbers) <= POINTS
    assert found.records == pytest.approx(SAMPLE, abs=1)
    assert entry["numerical_statistics"]["common"]["num_present"] == len(values)
    assert entry["numerical_statistics"]["mean"] == pytest.approx(values.mean())
    assert entry["numerical_statistics"]["std_dev"] == pytest.approx(values.std())
    median = found.numbers[np.searchsorted(np.cumsum(found.counts), found.records / 2)]
    assert median == pytest.approx(np.median(values), abs=0.02)


def test_merged_profiles_are_those_of_all_records() -> None:
    """Statistics of parts, merged, are those of the whole."""
    parts = [rows(age=["1", "x", ""], colour=["a", "b", ""]), rows(age=["5", "7", "7"], colour=["a", "a", "c"])]
    whole, first, second = RecordStatistics(FEATURES), RecordStatistics(FEATURES), RecordStatistics(FEATURES, seed=1)
    for part in parts:
        whole.add(part)
    first.add(parts[0], {"probability": np.array([0.1, 0.2, math.nan])})
    second.add(parts[1], {"probability": np.array([0.5, 0.5, 0.5])})
    first.merge(second)
    merged, expected = first.statistics(), whole.statistics()
    assert merged["features"] == expected["features"]
    assert merged["dataset"] == {"item_count": 6}
    (scores,) = merged["scores"]
    assert scores["numerical_statistics"]["common"] == {"num_present": 5, "num_missing": 1}
    assert scores["numerical_statistics"]["mean"] == pytest.approx(0.36)


def test_values_that_are_not_numbers_are_counted() -> None:
    """They are present, but no part of the moments."""
    found = statistics(rows(age=["1", "x", "inf", "nan", "3"]))["age"]
    assert found["not_numbers"] == 3
    assert found["numerical_statistics"]["common"] == {"num_present": 5, "num_missing": 0}  # type: ignore[index]
    assert found["numerical_statistics"]["mean"] == 2  # type: ignore[index]


def test_a_million_categories_stay_within_bounds() -> None:
    """The most frequent ones are listed, the others only counted."""
    profile = RecordStatistics(FEATURES[1:2])
    for start in range(0, 200_000, 50_000):
        names = ["often"] * 100 + [str(number) for number in range(start, start + 50_000)]
        profile.add(pd.DataFrame({"colour": pd.Series(names, dtype="category")}))
    (entry,) = profile.statistics()["features"]
    buckets = entry["string_statistics"]["distribution"]["categorical"]["buckets"]
    assert buckets[0] == {"value": "often", "count": 400}
    assert len(buckets) == CATEGORIES
    assert entry["string_statistics"]["common"]["num_present"] == 200_400
