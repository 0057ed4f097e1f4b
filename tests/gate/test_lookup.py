"""Looking up a metric in a report."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import MetricMissingError
from gate.lookup import number_at
from pipeline.numbers import is_number
from tests.gate.conftest import AUC, quality

KEYS = st.text(st.characters(exclude_characters=".", exclude_categories=["Cs"]), max_size=8)
NUMBERS = st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(KEYS, below, max_size=4),
    max_leaves=12,
)


def put_below(parts: list[str | int], value: Any) -> Any:
    """A document with the value at the path, among neighbours."""
    for part in reversed(parts):
        value = {part: value, "a neighbour": None} if isinstance(part, str) else [None] * part + [value, None]
    return value


def number_or_message(report: Any, name: str) -> float | str:
    try:
        return number_at(report, name)
    except MetricMissingError as error:
        return str(error)


@given(st.lists(KEYS | st.integers(0, 5), min_size=1, max_size=6), NUMBERS)
def test_a_path_of_keys_and_indexes_leads_to_its_number(parts: list[str | int], value: float) -> None:
    """In any document, keys and indexes separated by dots lead to the number."""
    assert number_at(put_below(parts, value), ".".join(map(str, parts))) == value


@given(DOCUMENTS, st.text(max_size=20))
def test_a_path_gives_a_finite_number_or_says_why_not(document: Any, name: str) -> None:
    """Every lookup gives a number or an error message of one line that UTF-8 can encode."""
    found = number_or_message(document, name)
    if isinstance(found, str):
        assert found.isprintable()
        assert len(found) < 2_000
    else:
        assert math.isfinite(found)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("auc", "the report has no auc: the report is a mapping with the keys version, dataset, binary_"),
        (
            "binary_classification_metrics.roc_auc.value",
            "roc_auc.value: binary_classification_metrics is a mapping with the keys auc, folds, none",
        ),
        (f"{AUC}.mean", f"the report has no {AUC}.mean: {AUC} is 0.95"),
        ("binary_classification_metrics.auc", "must be a finite number; in the report it is a mapping with the keys"),
        ("binary_classification_metrics.auc.standard_deviation", 'in the report it is "NaN"'),
        ("binary_classification_metrics.folds.value.2", "folds.value is a list with the indexes 0 to 1"),
        ("binary_classification_metrics.folds.value.-1", "folds.value is a list with the indexes 0 to 1"),
        ("binary_classification_metrics.folds.value.0.1", "folds.value.0 is 0.9"),
        ("binary_classification_metrics.none.value", "in the report it is an empty list"),
        ("binary_classification_metrics..value", "binary_classification_metrics is a mapping"),
        ("", "the report has no"),
    ],
)
def test_message_says_how_far_the_path_leads(name: str, expected: str) -> None:
    """The message names the path, how far it leads, and what is there."""
    with pytest.raises(MetricMissingError) as raised:
        number_at(quality(0.95, folds=[0.9, 0.91], none=[]), name)
    assert expected in str(raised.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("true", "true"),
        ("null", "null"),
        ('"0.9"', '"0.9"'),
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
        ("1e999", "Infinity"),
        ("1" + "0" * 400, "1000"),
        ("{}", "an empty mapping"),
    ],
)
def test_values_that_are_not_numbers(text: str, expected: str) -> None:
    """A value that is not a finite double is not a metric, however it is written in JSON."""
    value = json.loads(text)
    assert not is_number(value)
    with pytest.raises(MetricMissingError, match="a must be a finite number; in the report it is ") as raised:
        number_at({"a": value}, "a")
    assert expected in str(raised.value)


def test_many_and_long_keys_are_cut() -> None:
    """A report with a thousand keys, one of them huge, gives a short message."""
    report = {"k" * 1_000_000: 0} | {f"key{number}": 0 for number in range(1000)}
    with pytest.raises(MetricMissingError, match=r"key10 and 989 more$") as raised:
        number_at(report, "auc")
    assert len(str(raised.value)) < 500
