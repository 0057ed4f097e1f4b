"""The report's section on monitoring."""

from collections.abc import Callable
from typing import Any

import pytest

from executions import monitoring
from report import sections
from report.facts import Facts, Monitored
from report.outcome import outcome
from report.page import page


def number_entry(name: str, values: list[float], missing: int = 0) -> dict[str, Any]:
    """A number's entry in ``statistics.json``; each value is one record's."""
    common = {"num_present": len(values), "num_missing": missing}
    return {
        "name": name,
        "numerical_statistics": {"common": common, "distribution": {"kll": {"sketch": {"data": [values]}}}},
    }


def category_entry(name: str, counts: dict[str, int]) -> dict[str, Any]:
    """A category's entry."""
    buckets = [{"value": value, "count": count} for value, count in counts.items()]
    common = {"num_present": sum(counts.values()), "num_missing": 0}
    return {
        "name": name,
        "string_statistics": {"common": common, "distribution": {"categorical": {"buckets": buckets}}},
    }


def statistics(shift: float, colours: dict[str, int], *, auc: float) -> dict[str, Any]:
    """A ``statistics.json`` of three features, a score and the quality."""
    ages = [18 + shift + number % 60 for number in range(600)]
    return {
        "features": [
            number_entry("age", ages, missing=200),
            category_entry("colour", colours),
            number_entry("size", [1.0, 2.0]),
        ],
        "scores": [number_entry("probability", [number / 600 for number in range(600)])],
        "quality": {"records": 300, "metrics": {"auc": {"value": auc}}},
    }


BASELINE = statistics(0, {"red": 60, "green": 40}, auc=0.9)
WINDOW = statistics(20, {"red": 60, "<b>new</b>": 40}, auc=0.7)


def violation(feature: str) -> dict[str, Any]:
    """A violation."""
    return {"feature_name": feature, "constraint_check_type": "baseline_drift_check", "description": "psi 0.3 <b>"}


@pytest.fixture
def monitored(facts: Callable[..., Facts]) -> Facts:
    """An execution that found drift in both features."""
    found = facts()
    found.content["monitoring"] = {"run": True, "result": {"outcome": "drift", "records": 800, "violations": []}}
    violations = {"violations": [violation("colour"), violation("age"), violation("auc")]}
    return facts(content=found.content, monitored=Monitored(baseline=BASELINE, window=WINDOW, violations=violations))


def test_numbers_are_binned_alike() -> None:
    """The bins of both sides are the same; each side's shares add up to 1."""
    age = monitoring.features(BASELINE, WINDOW)[0]
    before, now = age.shares
    assert len(age.edges) == len(before) + 1 == len(now) + 1
    assert [sum(before), sum(now)] == pytest.approx([1, 1])
    assert (age.edges[0], age.edges[-1]) == (18, 97)
    assert (now[0], before[-1]) == (0, 0)
    assert age.missing == (0.25, 0.25)


def test_an_item_of_a_sketch_stands_for_its_levels_records() -> None:
    """Those of level i are 2^i values."""
    entry = number_entry("age", [1.0])
    entry["numerical_statistics"]["distribution"]["kll"]["sketch"]["data"] = [[1.0], [2.0]]
    (age,) = monitoring.features({"features": [entry]}, {"features": [entry]})
    assert [share for share in age.shares[0] if share] == [pytest.approx(1 / 3), pytest.approx(2 / 3)]


def test_rare_categories_are_joined() -> None:
    """A category that only the window has is shown if it is frequent."""
    before = category_entry("colour", {str(number): 10 for number in range(10)})
    now = category_entry("colour", {"new": 50, "0": 50})
    (colour,) = monitoring.features({"features": [before]}, {"features": [now]})
    assert colour.categories == ("0", "new", "1", "2", "3", monitoring.OTHERS)
    assert colour.shares[0] == pytest.approx((0.1, 0, 0.1, 0.1, 0.1, 0.6))
    assert colour.shares[1] == pytest.approx((0.5, 0.5, 0, 0, 0, 0))


@pytest.mark.parametrize("entry", [3, {"name": "age"}, {"name": "age", "numerical_statistics": {"common": 1}}])
def test_malformed_entries_are_left_out(entry: Any) -> None:
    """The others are still shown."""
    entries = {"features": [entry, *BASELINE["features"][1:]]}
    assert [one.name for one in monitoring.features(entries, entries)] == ["colour", "size"]
    assert monitoring.features({"features": 1}, {}) == []


def test_what_drifted_most_comes_first(monitored: Facts) -> None:
    """Then the scores; those without a violation are in the folded table; a metric has no distribution."""
    found = sections.monitoring(monitored)
    assert found is not None
    assert [one.name for one in found.drifted] == ["colour", "age", "probability"]
    assert [one.name for one in found.others] == ["size"]
    assert [one.feature for one in found.violations] == ["colour", "age", "auc"]


def test_the_quality_on_labelled_records_is_next_to_the_evaluations(monitored: Facts) -> None:
    """If labels have arrived; a malformed one is left out."""
    assert monitoring.quality(BASELINE, WINDOW) == monitoring.Quality(records=300, metrics=(("auc", 0.9, 0.7),))
    assert "Quality on the" in page(monitored)
    for window in ({}, {"quality": None}, {"quality": {"metrics": 3}}):
        assert monitoring.quality(BASELINE, window) is None


def test_an_execution_that_only_monitors_has_its_outcome_as_headline(facts: Callable[..., Facts]) -> None:
    """With the features that drifted."""
    summary = {"outcome": "drift", "records": 500, "violations": [{"feature": "age"}, {"feature": "age"}]}
    others = {key: {"run": False} for key in facts().content if key != "model_id"}
    found = outcome(facts(content={**others, "monitoring": {"run": True, "result": summary}}))
    assert (found.headline, found.tone) == ("Drift", "bad")
    assert found.detail == "500 records were compared: 2 violations, of age."


def test_large_pictures_are_few(facts: Callable[..., Facts], monitored: Facts) -> None:
    """The rest is in the table."""
    entries = {"features": [number_entry(f"f{number}", [1.0, 2.0]) for number in range(20)]}
    found = {"violations": [violation(f"f{number}") for number in range(20)]}
    many = Monitored(baseline=entries, window=entries, violations=found)
    section = sections.monitoring(facts(content=monitored.content, monitored=many))
    assert section is not None
    assert (len(section.drifted), len(section.others)) == (sections.DRIFTED, 20 - sections.DRIFTED)


def test_the_page_draws_both_distributions(monitored: Facts) -> None:
    """With the violations in words; names and descriptions are text."""
    html = page(monitored)
    part = html[html.index('<section id="monitoring"') :]
    assert "<strong>Drift</strong>" in part
    assert "psi 0.3 &lt;b&gt;" in part
    assert "<b>" not in part
    assert part.count("in the baseline and in the window") >= 2
    assert 'href="#monitoring"' in html


def test_what_a_window_has_not_taken_is_named(monitored: Facts) -> None:
    """With the reason, next to the outcome."""
    monitored.content["monitoring"]["result"]["notes"] = ["batch transform a is not taken: Accept is <b>"]
    assert "<p>batch transform a is not taken: Accept is &lt;b&gt;.</p>" in page(monitored)


def test_without_monitoring_there_is_no_section(facts: Callable[..., Facts]) -> None:
    """Neither is there a link to one."""
    assert "#monitoring" not in page(facts())
