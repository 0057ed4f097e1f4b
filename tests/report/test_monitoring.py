"""The section about what monitoring found."""

from collections.abc import Callable
from typing import Any

import pytest

from report.distributions import bars
from report.facts import Facts
from report.monitoring import monitoring
from report.outcome import outcome
from report.page import page
from tests.report.conftest import content, monitored, statistics_of

EMPTY: dict[str, Any] = {"name": "age", "numerical_statistics": {"common": {"num_present": 0}}}


def test_drifted_features_and_scores_are_drawn(facts: Callable[..., Facts]) -> None:
    """With the checks that they failed; the other features are in the table, and texts nowhere."""
    found = monitoring(facts(**monitored()))
    assert found is not None
    assert (found.outcome, found.records, found.labelled) == ("drift", 500, 300)
    assert [(one.name, one.violations) for one in found.drawn] == [("age", ("psi",)), ("probability", ())]
    assert [name for name, *_ in found.others] == ["colour"]
    assert found.others[0][1:] == pytest.approx((0.1, 0.1))
    assert [(one.name, one.baseline, one.window) for one in found.quality] == [("auc", 0.9, 0.7)]


def test_only_so_many_features_are_drawn(facts: Callable[..., Facts]) -> None:
    """The page stays readable if everything drifts."""
    many = monitored()
    for statistics in (many["baseline"], many["window"]):
        statistics["features"] = [dict(statistics["features"][0], name=f"f{number}") for number in range(30)]
    many["violations"] = tuple({"feature_name": f"f{number}", "check": "psi"} for number in range(30))
    found = monitoring(facts(**many))
    assert found is not None
    assert [one.name for one in found.drawn] == [*(f"f{number}" for number in range(8)), "probability"]
    assert len(found.others) == 22


@pytest.mark.parametrize("statistics", [None, {}, {"features": 3}, {"features": [{"name": "age"}], "scores": [3]}])
def test_without_statistics_the_findings_remain(facts: Callable[..., Facts], statistics: Any) -> None:
    """They may have been deleted since, or be another script's."""
    summary = {"outcome": "drift", "records": 7, "violations": [{"feature": "age", "check": "psi", "value": 1}]}
    found = facts(content=content() | {"monitoring": {"result": summary}}, baseline=statistics, window=statistics)
    section = monitoring(found)
    assert section is not None
    assert [one.feature for one in section.violations] == ["age"]
    assert not section.drawn
    assert 'id="monitoring"' in page(found)


def test_no_section_without_monitoring(facts: Callable[..., Facts]) -> None:
    """As in most executions."""
    assert monitoring(facts()) is None
    assert 'id="monitoring"' not in page(facts())


def test_an_execution_that_only_monitors_has_its_outcome_as_headline(facts: Callable[..., Facts]) -> None:
    """With the features that drifted."""
    summary = {"outcome": "drift", "records": 500, "violations": [{"feature": "age"}, {"feature": "age"}]}
    others = {key: {"run": False} for key in content() if key != "model_id"}
    found = outcome(facts(content={**others, "monitoring": {"run": True, "result": summary}}))
    assert (found.headline, found.tone) == ("Drift", "bad")
    assert found.detail == "500 records were compared: 2 violations, of age."


def test_bins_of_numbers_have_all_records() -> None:
    """A value that few records have is a bin; many are joined; none of them is lost at the ends."""
    few, many = statistics_of([1, 2, 3], {"a": 1}), statistics_of(list(range(1000)), {"a": 1})
    for before, now, count in ((few, few, 3), (few, many, 20)):
        found = bars(before["features"][0], now["features"][0])
        assert found is not None
        assert len(found.baseline) == count
        assert sum(found.baseline) == pytest.approx(1)
        assert sum(found.window) == pytest.approx(1)
    assert bars(few["features"][0], EMPTY) is None


def test_the_category_that_changed_most_is_shown() -> None:
    """Among hundreds of others, which are one."""
    before = statistics_of([1], {f"c{number}": 100 - number for number in range(100)})
    now = statistics_of([1], {f"c{number}": 100 - number for number in range(100)} | {"new": 500})
    found = bars(before["features"][1], now["features"][1])
    assert found is not None
    assert "new" in found.names
    assert (len(found.names), found.names[-1]) == (9, "93 others")
    assert sum(found.window) == pytest.approx(1)
