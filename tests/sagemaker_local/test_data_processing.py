"""Filtering a transform job's records, and joining them with their predictions."""

import json
from typing import Any

import pytest

from sagemaker_local.data_processing import DataProcessing, DataProcessingError
from sagemaker_local.errors import TaskFailed


def processed(
    body: str, answer: str, config: dict[str, str], content_type: str = "application/json", split: str = "None"
) -> tuple[str, str]:
    """Returns what the model gets and what is in the output file."""
    got = []

    def invoke(payload: bytes) -> bytes:
        got.append(payload.decode())
        return answer.encode()

    processing = DataProcessing(config, content_type=content_type, accept=content_type, by_line=split == "Line")
    written = processing.around(invoke)(body.encode())
    return got[0], written.decode()


@pytest.mark.parametrize(
    ("config", "sent", "written"),
    [
        ({}, "1,2,3\n4,5,6\n", "a\nb\n"),
        ({"InputFilter": "$", "OutputFilter": "$"}, "1,2,3\n4,5,6\n", "a\nb\n"),
        ({"InputFilter": "$[1:]"}, "2,3\n5,6\n", "a\nb\n"),
        ({"InputFilter": "$[0]"}, "1\n4\n", "a\nb\n"),
        ({"JoinSource": "Input"}, "1,2,3\n4,5,6\n", "1,2,3,a\n4,5,6,b\n"),
        ({"JoinSource": "Input", "OutputFilter": "$[0,3:]"}, "1,2,3\n4,5,6\n", "1,a\n4,b\n"),
        ({"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"}, "2,3\n5,6\n", "1,a\n4,b\n"),
    ],
    ids=str,
)
def test_csv(config: dict[str, str], sent: str, written: str) -> None:
    """A row is an array; a joined row has its prediction at its end."""
    assert processed("1,2,3\n4,5,6\n", "a\nb\n", config, "text/csv") == (sent, written)


def test_csv_with_quotes() -> None:
    """A quoted value with a comma or a line break stays one value."""
    body = 'x,"a,b"\ny,"c\nd"\n'
    sent, written = processed(body, "1\n2\n", {"JoinSource": "Input"}, "text/csv; charset=utf-8")
    assert (sent, written) == (body, 'x,"a,b",1\ny,"c\nd",2\n')


@pytest.mark.parametrize(
    ("body", "config", "sent", "written"),
    [
        ({"f": [1], "id": 7}, {"InputFilter": "$.f"}, [1], {"p": 0.5}),
        ({"f": [1], "id": 7}, {"JoinSource": "Input"}, None, {"f": [1], "id": 7, "SageMakerOutput": {"p": 0.5}}),
        ([1, 2], {"JoinSource": "Input"}, None, {"SageMakerInput": [1, 2], "SageMakerOutput": {"p": 0.5}}),
        (
            {"f": [1], "id": 7},
            {"JoinSource": "Input", "OutputFilter": "$['id','SageMakerOutput']"},
            None,
            {"id": 7, "SageMakerOutput": {"p": 0.5}},
        ),
        ({"f": {"a": 1, "b": 2, "c": 3}}, {"InputFilter": "$.f.['a','b']"}, {"a": 1, "b": 2}, {"p": 0.5}),
        ({"id": 7}, {"OutputFilter": "$.p"}, None, 0.5),
    ],
    ids=str,
)
def test_json(body: Any, config: dict[str, str], sent: Any, written: Any) -> None:
    """A prediction is added to a JSON object as SageMakerOutput; any other document becomes SageMakerInput."""
    found = processed(json.dumps(body), '{"p": 0.5}', config)
    assert [json.loads(text) for text in found] == [body if sent is None else sent, written]


@pytest.mark.parametrize(("content_type", "split"), [("application/jsonlines", "None"), ("application/json", "Line")])
def test_json_lines(content_type: str, split: str) -> None:
    """Each line is a record."""
    config = {"InputFilter": "$.f", "JoinSource": "Input"}
    sent, written = processed('{"f":1}\n{"f":2}\n', "[3]\n[4]", config, content_type, split)
    assert sent == "1\n2\n"
    assert written == '{"f":1,"SageMakerOutput":[3]}\n{"f":2,"SageMakerOutput":[4]}\n'


@pytest.mark.parametrize(
    ("body", "answer", "config", "expected"),
    [
        ("{", "1", {"InputFilter": "$.f"}, "the input is not application/json"),
        ("{}", "1", {"InputFilter": "$.f"}, "selects nothing"),
        ("{}", "<p>", {"JoinSource": "Input"}, "the prediction is not application/json"),
    ],
)
def test_records_that_do_not_fit(body: str, answer: str, config: dict[str, str], expected: str) -> None:
    """What cannot be parsed or filtered is an error that says which of the two."""
    with pytest.raises(DataProcessingError, match=expected):
        processed(body, answer, config)


@pytest.mark.parametrize("text", ["$[", "features", "$.a | $.b", ""])
def test_a_filter_that_is_no_jsonpath_is_rejected(text: str) -> None:
    """A filter must be one JSONPath that begins with $."""
    with pytest.raises(TaskFailed, match=r"DataProcessing\.InputFilter is"):
        processed("{}", "{}", {"InputFilter": text})


def test_formats_that_cannot_be_joined_are_rejected() -> None:
    """Records are CSV or JSON, and so are their predictions."""
    for content_type, accept in (("image/png", ""), ("text/csv", "application/json")):
        with pytest.raises(TaskFailed, match="with DataProcessing is"):
            DataProcessing({"JoinSource": "Input"}, content_type=content_type, accept=accept, by_line=True)
    assert DataProcessing({}, content_type="image/png", accept="", by_line=False)
