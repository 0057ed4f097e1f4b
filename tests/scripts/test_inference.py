"""The serving functions, as the scikit-learn container calls them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import joblib
import pytest

import inference
from rows import read_rows
from tests.scripts.conftest import Container


@pytest.fixture(scope="session")
def rows(trained: Container) -> str:
    """Ten raw rows of the test side."""
    return "".join(line + "\n" for line in trained.lines("processing/test/test_features.csv")[:10])


@pytest.fixture(scope="session")
def model(trained: Container) -> Any:
    """The model as the container loads it."""
    return inference.model_fn(str(trained.base / "model"))


def predict(model: Any, body: str | bytes, content_type: str, accept: str) -> str:
    """What the container answers."""
    prediction = inference.predict_fn(inference.input_fn(body, content_type), model)
    answer, answered_type = inference.output_fn(prediction, accept)
    assert answered_type == accept
    return answer


@pytest.mark.parametrize("encode", [str, str.encode], ids=["text", "bytes"])
def test_csv_in_csv_out(encode: Callable[[str], str | bytes], model: Any, rows: str, trained: Container) -> None:
    """A line comes back for each line, with the probability that the model itself gives, and its label."""
    answer = predict(model, encode(rows), "text/csv; charset=utf-8", "text/csv")
    found = [(float(probability), int(label)) for probability, label in csv.reader(StringIO(answer))]
    own = joblib.load(trained.base / "model" / "model.joblib").predict_proba(read_rows(StringIO(rows)))[:, 1]
    assert [probability for probability, _ in found] == pytest.approx(list(own))
    assert [label for _, label in found] == [int(probability >= 0.5) for probability in own]


def test_json_says_the_same(model: Any, rows: str) -> None:
    """The same records as JSON give the same predictions."""
    instances = list(csv.reader(StringIO(rows)))
    answer = json.loads(predict(model, json.dumps({"instances": instances}), "application/json", "application/json"))
    as_csv = [line.split(",") for line in predict(model, rows, "text/csv", "text/csv").splitlines()]
    assert [[repr(one["probability"]), str(one["label"])] for one in answer["predictions"]] == as_csv


def test_values_as_published_are_understood(model: Any, rows: str) -> None:
    """Blanks around values and ? for unknown, as the survey publishes them, change nothing."""
    published = "".join(
        ", ".join(value or "?" for value in line) + "\n"
        for line in csv.reader(StringIO(rows))
        if "," not in "".join(line)
    )
    cleaned = "".join(",".join(line) + "\n" for line in csv.reader(StringIO(rows)) if "," not in "".join(line))
    assert predict(model, published, "text/csv", "text/csv") == predict(model, cleaned, "text/csv", "text/csv")


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        ("1,2,3\n", "text/csv", "row 1 has 3 values, expected 40"),
        ("", "text/csv", "no rows"),
        ("x", "image/png", "content type 'image/png', expected text/csv or application/json"),
        ("{}", "application/json", "instances"),
        ("no json", "application/json", "expected JSON"),
        ('{"instances": [1]}', "application/json", "instances"),
        ('{"instances": []}', "application/json", "no rows"),
    ],
)
def test_bad_request_is_explained(body: str, content_type: str, expected: str) -> None:
    """A request that is not rows of the right length is refused with what is expected."""
    with pytest.raises(ValueError, match=r"\S") as refusal:
        inference.input_fn(body, content_type)
    assert expected in str(refusal.value)


def test_unknown_accept_is_refused(model: Any, rows: str) -> None:
    """A response type that is not known is refused with those that are."""
    with pytest.raises(ValueError, match="accept 'image/png', expected text/csv or application/json"):
        predict(model, rows, "text/csv", "image/png")
