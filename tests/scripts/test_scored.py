"""Reading scored records."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

import scored
from job import JobError

FEATURES = [{"name": "age", "type": "number"}, {"name": "colour", "type": "category"}]
SCORES = [{"name": "probability", "type": "number"}]


def captured(rows: str, answers: str, **metadata: str) -> str:
    """A captured request in CSV."""
    return line(
        {"observedContentType": "text/csv", "mode": "INPUT", "data": rows, "encoding": "CSV"},
        {"observedContentType": "text/csv; charset=utf-8", "mode": "OUTPUT", "data": answers, "encoding": "CSV"},
        **metadata,
    )


def line(asked: dict[str, str], answered: dict[str, str], **metadata: str) -> str:
    """A line of a capture file."""
    event: dict[str, Any] = {
        "captureData": {"endpointInput": asked, "endpointOutput": answered},
        "eventMetadata": {"eventId": "event", "inferenceTime": "2026-11-29T00:00:00Z", **metadata},
        "eventVersion": "0",
    }
    return json.dumps(event) + "\n"


def read(folder: Path, **files: str | bytes) -> list[scored.Scored]:
    """Reads files, by their names with ``__`` for the dot; those that end with ``out`` are answers."""
    for name, content in files.items():
        kind = "answers" if name.endswith("out") else "records"
        file = folder / kind / name.replace("__", ".")
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = scored.blocks(folder / "records", folder / "answers")
    return [scored.read(block, FEATURES, SCORES) for block in found]


def test_captured_requests_are_read(tmp_path: Path) -> None:
    """Of one or more records; values are cleaned, and identified by the client's ID or else the capture's."""
    content = captured("31, red\n?,04\n", "0.5,1\n0.25,0\n") + captured("7,blue", "0.1,0", inferenceId="mine")
    (found,) = read(tmp_path, a__jsonl=content)
    assert found.rows["age"].tolist() == ["31", "", "7"]
    assert found.rows["colour"].tolist() == ["red", "4", "blue"]
    assert found.scores["probability"].tolist() == [0.5, 0.25, 0.1]
    assert list(found.keys) == ["event\n0", "event\n1", "mine\n0"]


def test_captured_json_in_base64_is_read(tmp_path: Path) -> None:
    """As an endpoint captures content types that it was not given as JSON or CSV."""

    def part(mode: str, content: Any) -> dict[str, str]:
        data = base64.b64encode(json.dumps(content).encode()).decode()
        return {"observedContentType": "application/json", "mode": mode, "data": data, "encoding": "BASE64"}

    asked, answered = (
        {"instances": [[31, "a, b"], [None, "c"], {"colour": "d", "age": 4}]},
        {"predictions": [{"label": 1, "probability": 1}] * 3},
    )
    (found,) = read(tmp_path, a__jsonl=line(part("INPUT", asked), part("OUTPUT", answered)))
    assert found.rows["age"].tolist() == ["31", "", "4"]
    assert found.rows["colour"].tolist() == ["a, b", "c", "d"]
    assert found.scores["probability"].tolist() == [1, 1, 1]


def test_a_batch_transform_is_read(tmp_path: Path) -> None:
    """Each record with its answer; without a file of answers, only the records."""
    (found,) = read(tmp_path, a__csv="1,red\n2,blue\n", a__csv__out="0.1,0\n0.9,1\n")
    assert found.scores["probability"].tolist() == [0.1, 0.9]
    (only,) = read(_folder(tmp_path), b__csv="1,red\n")
    assert only.rows["age"].tolist() == ["1"]
    assert not only.scores


def test_answers_are_read_to_their_last_bit(tmp_path: Path) -> None:
    """Otherwise records with the lowest score of all would be below the lowest of the baseline."""
    answered = [1 / divisor for divisor in range(3, 200)]
    body = "".join(f"{score!r},0\n" for score in answered)
    (found,) = read(tmp_path, a__csv="1,red\n" * len(answered), a__csv__out=body)
    assert found.scores["probability"].tolist() == answered


def _folder(tmp_path: Path) -> Path:
    folder = tmp_path / "other"
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"captureData": ', r"a.jsonl, line 2 is not a captured request with its answer: JSONDecodeError"),
        ("[]\n", "line 2 is not a captured request"),
        ('{"captureData": {"endpointInput": {}}, "eventMetadata": {}}\n', "line 2 is not .* KeyError"),
        (captured("1,red", "0.1\n0.2"), "line 2 has 1 records, but 2 answers"),
        (captured("1", "0.1"), "line 2: expected 2 values, as in the baseline, found 1"),
        (captured("1,red,3", "0.1"), "line 2: expected 2 values, as in the baseline, found 3"),
        (captured("1,red", "yes"), "answers to .*a.jsonl, from line 1 on, are not probability"),
    ],
)
def test_a_bad_capture_names_its_file_and_line(tmp_path: Path, content: str, message: str) -> None:
    """Cut off, not JSON, of another layout or of another schema: never skipped."""
    with pytest.raises(JobError, match=message):
        read(tmp_path, a__jsonl=captured("1,red", "0.1") + content)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a__csv": "1,red\n2,red\n", "a__csv__out": "0.1\n"}, "a.csv.out has 1 answers, but .*a.csv has more"),
        ({"a__csv": "1,red\n", "a__csv__out": "0.1\n0.2\n"}, "more answers than the 1 records of .*a.csv"),
        ({"b__csv__out": "0.1\n"}, "b.csv.out: no b.csv in"),
        ({"a__csv": "1,red\n2\n"}, "a.csv, line 2: expected 2 values"),
    ],
)
def test_answers_that_do_not_fit_name_their_file(tmp_path: Path, files: dict[str, str], message: str) -> None:
    """A batch transform's answers belong to its records, one by one."""
    with pytest.raises(JobError, match=message):
        read(tmp_path, **files)


def test_a_large_file_is_read_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error still names the line in the file."""
    monkeypatch.setattr(scored, "LINES", 3)
    found = read(tmp_path, a__csv="1,red\n" * 7, a__csv__out="0.5,1\n" * 7)
    assert [len(each.rows) for each in found] == [3, 3, 1]
    with pytest.raises(JobError, match=r"b.csv, line 8: expected 2 values"):
        read(tmp_path, b__csv="1,red\n" * 7 + "1\n")
