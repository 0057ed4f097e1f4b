"""Parsing ``--override KEY=VALUE``."""

import click
import pytest

from cli.overrides import parse


def test_dotted_keys_and_yaml_values() -> None:
    """Keys with a common prefix are merged, and values are parsed as in the file."""
    given = [
        "training.run=false",
        'training.input.HyperParameters.max_iter="50"',
        "a=[1, null]",
        "b=x=y",
        "c=",
        "d=yes",
        "e={f: 2026-11-23}",
    ]
    assert parse(given) == {
        "training": {"run": False, "input": {"HyperParameters": {"max_iter": "50"}}},
        "a": [1, None],
        "b": "x=y",
        "c": None,
        "d": "yes",
        "e": {"f": "2026-11-23"},
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["training"], "expected KEY=VALUE"),
        (["=1"], "expected KEY=VALUE"),
        (["a..b=1"], "expected KEY=VALUE"),
        (["a=[1"], "not valid YAML"),
        (["a=!!python/name:os.system x"], "data only"),
        (["a=.nan"], "is not a number that JSON can hold"),
        (["a=1", "a=2"], "another --override already sets a$"),
        (["a=1", "a.b=2"], "another --override already sets a$"),
        (["a.b=1", "a=2"], "another --override already sets a$"),
        (["a.b=1", "a.b=2"], r"another --override already sets a\.b$"),
    ],
)
def test_malformed_override(given: list[str], message: str) -> None:
    """A malformed override is rejected; the message says what is wrong with it."""
    with pytest.raises(click.UsageError, match=message):
        parse(given)
