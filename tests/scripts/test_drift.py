"""Comparing a window with the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from baseline import constraints_of
from check import Check
from drift import compare
from record_statistics import RecordStatistics

RANDOM = np.random.default_rng(0)
COLOURS = ["red", "green", "blue", "white"]
SHARES = [0.5, 0.3, 0.14, 0.06]


def described(
    numbers: np.ndarray, colours: Sequence[str] | None = None, scores: np.ndarray | None = None
) -> dict[str, Any]:
    """The statistics of records with a number, a category and a score."""
    features = [{"name": "number", "type": "number"}, {"name": "colour", "type": "category"}]
    profile = RecordStatistics(features)
    given = RANDOM.choice(COLOURS, len(numbers), p=SHARES) if colours is None else np.array(colours)
    rows = pd.DataFrame({"number": numbers, "colour": pd.Series(given).astype("category")})
    profile.add(rows, {} if scores is None else {"probability": scores})
    return profile.statistics()


@cache
def baseline() -> dict[str, Any]:
    """The statistics that windows are compared with."""
    return described(RANDOM.normal(size=50_000), scores=RANDOM.beta(1, 5, 50_000))


@cache
def config() -> dict[str, Any]:
    """What those statistics suggest for the checks."""
    found: dict[str, Any] = constraints_of(baseline())["monitoring_config"]
    return found


def checks(window: dict[str, Any], **changed: Any) -> dict[tuple[str, str], Check]:
    """All comparisons, by feature and check."""
    return {(check.feature, check.check): check for check in compare(baseline(), window, {**config(), **changed})}


def exceeded(window: dict[str, Any], **changed: Any) -> set[tuple[str, str]]:
    """The features and checks that found too much."""
    return {name for name, check in checks(window, **changed).items() if check.exceeded}


@pytest.mark.parametrize("records", [200, 5_000, 50_000])
def test_records_of_the_same_kind_are_healthy(records: int) -> None:
    """Whatever the number of records, what chance explains is no violation."""
    assert not exceeded(described(RANDOM.normal(size=records), scores=RANDOM.beta(1, 5, records)))


def test_the_measures_are_those_of_scipy() -> None:
    """KS, and Jensen-Shannon on bins, agree with scipy's; PSI with its definition."""
    from scipy import stats  # noqa: PLC0415 - slow to import
    from scipy.spatial import distance  # noqa: PLC0415 - as above

    numbers, colours = RANDOM.normal(0.3, 1, 5_000), RANDOM.choice(COLOURS, 5_000, p=[0.4, 0.3, 0.2, 0.1])
    window = described(numbers, list(colours))
    found = checks(window)
    everything = np.concatenate([RANDOM.normal(size=0), numbers])
    expected = stats.ks_2samp(_sampled(baseline()), everything).statistic
    assert found["number", "kolmogorov_smirnov"].value == pytest.approx(expected, abs=0.003)
    old, new = (_counts(each) for each in (baseline(), window))
    assert found["colour", "jensen_shannon"].value == pytest.approx(
        distance.jensenshannon(old, new, base=2) ** 2, rel=0.01
    )
    p, q = old / old.sum(), new / new.sum()
    assert found["colour", "psi"].value == pytest.approx(((p - q) * np.log(p / q)).sum(), rel=0.01)


def _sampled(statistics: dict[str, Any]) -> np.ndarray:
    levels = statistics["features"][0]["numerical_statistics"]["distribution"]["kll"]["sketch"]["data"]
    return np.concatenate([np.repeat(level, 1 << number) for number, level in enumerate(levels)])


def _counts(statistics: dict[str, Any]) -> np.ndarray:
    buckets = statistics["features"][1]["string_statistics"]["distribution"]["categorical"]["buckets"]
    counts = {bucket["value"]: bucket["count"] for bucket in buckets}
    return np.array([counts[colour] for colour in COLOURS], dtype=float)


def test_a_moved_number_is_found() -> None:
    """By a quarter of its standard deviation."""
    assert ("number", "kolmogorov_smirnov") in exceeded(described(RANDOM.normal(0.25, 1, 5_000)))


def test_a_doubled_category_is_found() -> None:
    """Of six percent; nothing else is named."""
    window = described(RANDOM.normal(size=5_000), list(RANDOM.choice(COLOURS, 5_000, p=[0.48, 0.28, 0.12, 0.12])))
    assert ("colour", "category_share") in exceeded(window)
    assert {feature for feature, _ in exceeded(window)} == {"colour"}
    assert checks(window)["colour", "category_share"].description.startswith("'white': 12")


def test_missing_values_are_found() -> None:
    """Five percent of them, where there were none."""
    numbers = RANDOM.normal(size=5_000)
    numbers[:250] = np.nan
    found = checks(described(numbers))["number", "missing"]
    assert found.exceeded
    assert (found.value, found.constraint) == (0.05, "completeness_check")
    assert found.threshold < 0.01


def test_an_unknown_category_is_found() -> None:
    """It is named."""
    colours = list(RANDOM.choice(COLOURS, 4_950, p=SHARES)) + ["purple"] * 50
    found = checks(described(RANDOM.normal(size=5_000), colours))["colour", "unknown_categories"]
    assert found.exceeded
    assert found.constraint == "categorical_values_check"
    assert "'purple'" in found.description


def test_numbers_out_of_range_are_found() -> None:
    """A few records far above what the baseline had."""
    numbers = np.append(RANDOM.normal(size=4_980), np.full(20, 99.0))
    assert exceeded(described(numbers)) == {("number", "range")}


def test_drifted_scores_are_found() -> None:
    """Probabilities that are ten points too high."""
    window = described(RANDOM.normal(size=5_000), scores=RANDOM.beta(1, 5, 5_000) * 0.9 + 0.1)
    assert {feature for feature, _ in exceeded(window)} == {"probability"}


def test_an_effect_that_is_too_small_for_anyone_is_none() -> None:
    """With many records, a shift that is certain but trivial is no violation; the smallest effects decide."""
    window = described(RANDOM.normal(0.06, 1, 100_000))
    assert not exceeded(window)
    assert ("number", "kolmogorov_smirnov") in exceeded(window, smallest_effects={"kolmogorov_smirnov": 0.01})


def test_identical_records_count_less() -> None:
    """A baseline with a design effect tolerates more."""
    window = described(RANDOM.normal(size=500), scores=RANDOM.beta(1, 4.2, 500))
    before = checks(window)["probability", "kolmogorov_smirnov"].threshold
    alike = {**baseline(), "scores": [{**baseline()["scores"][0], "design_effect": 200.0}]}
    after = {check.check: check.threshold for check in compare(alike, window, config()) if check.feature != "number"}
    assert after["kolmogorov_smirnov"] > 1.4 * before
