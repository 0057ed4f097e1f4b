"""``inference.py`` as the scikit-learn container uses it."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import joblib
import pytest
from werkzeug.exceptions import HTTPException
from werkzeug.test import Client

import inference
from rows import read_rows
from schema import Schema
from tests.image_packages import IMAGE
from tests.scripts.conftest import SCRIPTS, Container

SERVE = """
import sys, inference
model = inference.model_fn(sys.argv[1])
rows = inference.input_fn(sys.stdin.read(), "text/csv")
print(inference.output_fn(inference.predict_fn(rows, model), "text/csv")[0], end="")
"""


@pytest.fixture(scope="module")
def model(trained: Container) -> Any:
    """The model, as the container loads it."""
    return inference.model_fn(str(trained.base / "model"))


@pytest.fixture
def features(trained: Container) -> list[str]:
    """Some lines of the test features."""
    return trained.lines("processing/test/test_features.csv")[:20]


@pytest.fixture
def expected(trained: Container, features: list[str]) -> list[float]:
    """The model's own probabilities for these lines."""
    own = joblib.load(trained.base / "model" / "model.joblib")
    rows = read_rows("\n".join(features), Schema.read(trained.base / "model"))
    return list(own.predict_proba(rows)[:, 1])


def answer(model: Any, body: str | bytes, content_type: str = "text/csv", accept: str = "text/csv") -> str:
    """The container's response to a request."""
    body, kind = inference.output_fn(inference.predict_fn(inference.input_fn(body, content_type), model), accept)
    assert kind == accept
    return body


def served(text: str) -> list[float]:
    """The probabilities of a CSV response, whose labels must match."""
    lines = [line.split(",") for line in text.splitlines()]
    assert all(label == str(int(float(probability) >= 0.5)) for probability, label in lines)
    return [float(probability) for probability, _ in lines]


def test_a_line_for_each_record(model: Any, features: list[str], expected: list[float]) -> None:
    """A CSV response has a line ``probability,label`` for each record, with exactly the model's probability."""
    assert served(answer(model, "\n".join(features))) == expected


def test_bytes_and_parameters_of_the_content_type(model: Any, features: list[str], expected: list[float]) -> None:
    """A body of bytes, as the container passes it if the content type names a character set, works, too."""
    assert served(answer(model, "\n".join(features).encode(), "text/csv; charset=utf-8")) == expected


def test_json_both_ways(model: Any, features: list[str], expected: list[float]) -> None:
    """JSON instances, with numbers and null for unknown, give the same result as CSV."""
    rows = [line.split(",") for line in features]
    instances = [[float(v) if v.isdigit() else (v or None) for v in row] for row in rows]
    body = answer(model, json.dumps({"instances": instances}), "application/json", "application/json")
    predictions = json.loads(body)["predictions"]
    assert [prediction["probability"] for prediction in predictions] == expected
    assert [prediction["label"] for prediction in predictions] == [int(p >= 0.5) for p in expected]


def test_json_by_name(model: Any, trained: Container, features: list[str], expected: list[float]) -> None:
    """JSON objects by the features' names, in any order and with other keys, give the same; a missing name is named."""
    names = [feature["name"] for feature in json.loads(trained.read("model/schema.json"))["features"]]
    rows = [dict(zip(reversed(["note", *names]), reversed(["x", *line.split(",")]), strict=True)) for line in features]
    body = answer(model, json.dumps({"instances": rows}), "application/json", "application/json")
    assert [prediction["probability"] for prediction in json.loads(body)["predictions"]] == expected
    del rows[1]["age"]
    with pytest.raises(inference.RequestError, match="row 2 lacks 'age'"):
        answer(model, json.dumps({"instances": rows}), "application/json")


def test_raw_values_give_the_same(model: Any, features: list[str], expected: list[float]) -> None:
    """Published values, with blanks and question marks, give the same result as cleaned ones."""
    raw = [",".join(f" {value or '?'}" for value in line.split(",")) for line in features]
    assert served(answer(model, "\n".join(raw))) == expected


def test_each_record_is_predicted_independently(model: Any, features: list[str], expected: list[float]) -> None:
    """Predictions do not depend on how batch transform splits the lines."""
    assert [served(answer(model, line))[0] for line in features] == expected


def test_unseen_categories_are_unknown(model: Any, features: list[str]) -> None:
    """A category not seen in training counts as unknown."""
    head, _, tail = features[0].split(",", 2)
    unseen, unknown = (served(answer(model, f"{head},{value},{tail}")) for value in ("Astronaut", "?"))
    assert unseen == unknown


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: [lines[0].rpartition(",")[0]], "row 1: expected 40 values, found 39"),
        (lambda lines: [lines[0] + ",1"], "row 1: expected 40 values, found 41"),
        (lambda lines: [lines[0], lines[1].rpartition(",")[0]], "row 2: expected 40 values, found 39"),
        (lambda lines: [lines[0], lines[1] + ",1"], "expected 40 values in each row.*line 2, saw 41"),
        (lambda lines: [lines[0], "old" + lines[1]], "'age' is 'old.*', expected a number"),
        (lambda _: [], "there are no rows"),
    ],
)
def test_bad_rows_are_named(model: Any, features: list[str], change: Any, message: str) -> None:
    """Rows of the wrong length and non-numeric values are rejected, naming the row or the value."""
    with pytest.raises(ValueError, match=message):
        answer(model, "\n".join(change(features)))


@pytest.mark.parametrize("body", ["{}", "[]", "{", '{"instances": 1}', '{"instances": ["1,2"]}'])
def test_bad_json_is_named(model: Any, body: str) -> None:
    """JSON of another form is rejected with the expected form."""
    with pytest.raises(ValueError, match=r'expected JSON of the form \{"instances"'):
        answer(model, body, "application/json")


def test_json_without_instances_has_no_rows(model: Any) -> None:
    """A JSON request with an empty list is rejected like an empty file."""
    with pytest.raises(inference.RequestError, match="there are no rows"):
        answer(model, '{"instances": []}', "application/json")


def test_other_content_types_are_rejected(model: Any, features: list[str]) -> None:
    """An unknown content type of a request or response is rejected with the allowed ones."""
    with pytest.raises(ValueError, match="content type 'image/png', expected text/csv or application/json"):
        answer(model, features[0], "image/png")
    with pytest.raises(ValueError, match="accept 'image/png', expected text/csv or application/json"):
        answer(model, features[0], accept="image/png")


def test_serves_from_source_tar_gz(
    tmp_path: Path, trained: Container, features: list[str], expected: list[float]
) -> None:
    """Unpacked from an archive of just the folder, the script loads the model and serves it."""
    with tarfile.open(tmp_path / "source.tar.gz", "w:gz") as archive:
        for file in SCRIPTS.iterdir():
            if file.is_file():
                archive.add(file, arcname=file.name)
    code = tmp_path / "code"
    code.mkdir()
    subprocess.run(["tar", "-xzf", tmp_path / "source.tar.gz", "-C", code], check=True)
    served_text = subprocess.run(
        [IMAGE.interpreter, "-W", "error", "-c", SERVE, str(trained.base / "model")],
        input="\n".join(features),
        env={**os.environ, "PYTHONPATH": str(code)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert served(served_text) == expected


@pytest.mark.parametrize("content_type", ["text/csv", "application/json"])
@pytest.mark.parametrize("encoded", [str, str.encode])
def test_a_body_in_quotes(
    content_type: str, encoded: Any, model: Any, features: list[str], expected: list[float]
) -> None:
    """A request that arrives as a JSON string has the same answer as its text: Step Functions may send either."""
    body = "\n".join(features)
    if content_type == "application/json":
        body = json.dumps({"instances": [line.split(",") for line in features]})
    assert served(answer(model, encoded(json.dumps(body)), content_type)) == expected
    assert served(answer(model, encoded(body), content_type)) == expected


def test_a_quoted_value_is_not_a_quoted_body(model: Any, features: list[str], expected: list[float]) -> None:
    """A row that begins with a quoted value is CSV."""
    first, _, rest = features[0].partition(",")
    assert served(answer(model, f'"{first}",{rest}')) == expected[:1]


def test_the_reason_reaches_the_answer(model: Any) -> None:
    """The web server of the container answers a wrong request with status 400 and the reason, not with its own page."""

    def invocation(environ: Any, start_response: Any) -> Any:
        try:
            inference.predict_fn(inference.input_fn("1,2,3", "text/csv"), model)
        except HTTPException as error:  # as Flask does, for this kind of exception only
            return error.get_response(environ)(environ, start_response)
        raise AssertionError

    answer = Client(invocation).post("/invocations")
    assert answer.status_code == 400
    assert "values" in answer.get_data(as_text=True)
