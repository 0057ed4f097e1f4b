"""Parsing ``input.yaml``."""

from typing import Any

import pytest

from pipeline.input.errors import InputIssue, InvalidFileError
from pipeline.input.yaml_document import Document
from tests.input.conftest import refused

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + level)}: &{chr(98 + level)} [{', '.join([f'*{chr(97 + level)}'] * 9)}]\n" for level in range(9)
)
LADDER = "k0: &k0 [x]\n" + "".join(f"k{level}: &k{level} [*k{level - 1}]\n" for level in range(1, 2000))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 2026-11-23\nb: 2026-11-23T06:00:00Z", {"a": "2026-11-23", "b": "2026-11-23T06:00:00Z"}),
        ("a: yes\nb: on\nc: True", {"a": "yes", "b": "on", "c": True}),
        ("a: 12:30\nb: 0755\nc: 0o17\nd: 0x1F\ne: -1", {"a": "12:30", "b": 755, "c": 15, "d": 31, "e": -1}),
        ("a: 1.5\nb: 1e3\nc: 1_000", {"a": 1.5, "b": 1000.0, "c": "1_000"}),
        ("a: ~\nb:\nc: null\nd: 'null'", {"a": None, "b": None, "c": None, "d": "null"}),
        ("\ufeffa: ä\r\n", {"a": "ä"}),
        ("a: &x {b: 1}\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}),
        ("a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}", {"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}}),
        (
            "a: &x {b: 1}\nc: &y {b: 2, d: 3}\ne: {<<: [*x, *y]}",
            {"a": {"b": 1}, "c": {"b": 2, "d": 3}, "e": {"b": 1, "d": 3}},
        ),
        ('{"a": "\\u00e4", "b": [true]}', {"a": "ä", "b": [True]}),
    ],
)
def test_scalars_are_those_of_the_core_schema(text: str, expected: dict[str, Any]) -> None:
    """Numbers, booleans and null are those of YAML's core schema; aliases and merges are resolved."""
    document = Document(text.encode())
    assert document.data == expected
    assert document.problems == []


@pytest.mark.parametrize(
    ("content", "place", "expected"),
    [
        (b"a: [1\nb: 2", (2, 2), "not valid YAML"),
        (b"a:\n\tb: 1", (2, 1), "indent with spaces, not with tabs"),
        (b"a: 1\n---\nb: 2", (2, 1), "another document"),
        (b"- a\n- b", (1, 1), "must be a mapping of stages; found ["),
        (b"yes", (1, 1), 'must be a mapping of stages; found "yes"'),
        (b"", (1, 1), "must be a mapping of stages; found nothing"),
        (b"# only a comment\n", (1, 1), "found nothing"),
        (b"a: 1\n\xff\xfe", (2, 1), "not UTF-8 text"),
        (b"a: b\0c", (1, 5), "the character 0x0000 is not allowed"),
        (bytes(range(1, 127)), (1, 1), "is not allowed"),
        (b'a: "\\UFFFFFFFF"', (1, 1), "not valid YAML"),
        (b"a: *nobody", (1, 4), "undefined alias"),
        (b"a: &a [*a]", (1, 4), "alias of a value that contains it"),
        (b"a: &a {<<: *a}", (1, 4), "alias of a value that contains it"),
        (LAUGHS.encode(), (1, 8), "more than 131,072 values"),
        (LADDER.encode(), None, "more than 100 levels"),
        (b"[" * 100_000, (1, 101), "more than 100 levels"),
        (b"a: [" + b"?," * 50_000 + b"]", None, "more than 131,072 values"),  # each a mapping, its key and its value
        (b"a: " + b"x" * 10_000_000, None, "more than 1,000,000 bytes"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_what_is_not_data_is_rejected(content: bytes, place: tuple[int, int] | None, expected: str) -> None:
    """A file that is not a single document of plain data is rejected with one issue and its position."""
    with pytest.raises(InvalidFileError) as raised:
        Document(content)
    (problem,) = raised.value.problems
    assert expected in problem.message
    assert place is None or (problem.line, problem.column) == place


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        ("a: !!python/object:os.system 1", (1, 4), "tag"),
        ("a: !!bool maybe", (1, 4), "tag"),
        ("a: !Ref {b: 1}", (1, 4), "tag"),
        ("a: 1\nb: 2\na: 3", (3, 1), "appears twice"),
        ("a: {1: x}", (1, 5), 'the key "1" is not a string'),
        ("? [a]\n: 1", (1, 3), "is not a string"),
        ("a: {<<: 1}", (1, 9), "<< takes a mapping"),
        ("a: .inf", (1, 4), "not a number that JSON can hold"),
        ("a: 1e999", (1, 4), "not a number that JSON can hold"),
        ("a: " + "9" * 5000, (1, 4), "not a number that JSON can hold"),
        ("a: 0x" + "f" * 5000, (1, 4), "not a number that JSON can hold"),
        ('a: "\\ud800"', (1, 4), "half a character"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_other_issues_are_reported_with_the_rest(text: str, place: tuple[int, int], expected: str) -> None:
    """Tags, duplicate keys and the like are reported with the content's issues, each at its position."""
    (problem,) = Document(text.encode()).problems
    assert expected in problem.message
    assert (problem.line, problem.column) == place
    assert problem in refused(text)


@pytest.mark.parametrize(
    ("problem", "place"),
    [
        (InputIssue(path=("b", "d", 1), message=""), (4, 10)),
        (InputIssue(path=("b", "c"), message=""), (3, 6)),
        (InputIssue(path=("b", "c"), message="", at_key=True), (3, 3)),
        (InputIssue(path=("b", "missing"), message=""), (2, 1)),
        (InputIssue(path=("b", "d", 7, "x"), message=""), (4, 3)),
        (InputIssue(path=("e", "c"), message=""), (3, 6)),
        (InputIssue(path=("missing",), message=""), (1, 1)),
        (InputIssue(message=""), (1, 1)),
    ],
)
def test_every_issue_has_a_position(problem: InputIssue, place: tuple[int, int]) -> None:
    """An issue is located at its value, at its key, or, for a missing key, at the key of the mapping that lacks it."""
    document = Document(b"a: 1\nb: &b\n  c: 1\n  d: [x, y]\ne: {<<: *b}\n")
    located = document.located(problem)
    assert (located.line, located.column) == place
