"""``--override KEY=VALUE``."""

import click
import pytest

from cli.overrides import parse


def test_dotted_keys_and_yaml_values() -> None:
    """Keys that begin alike come together, and a value is what it would be in the file."""
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
    ("given", "said"),
    [
        (["training"], "expected KEY=VALUE"),
        (["=1"], "expected KEY=VALUE"),
        (["a..b=1"], "expected KEY=VALUE"),
        (["a=[1"], "not valid YAML"),
        (["a=!!python/name:os.system x"], "data only"),
        (["a=.nan"], "is not a number that JSON can hold"),
        (["a=1", "a=2"], "another --override says something of a too"),
        (["a=1", "a.b=2"], "another --override gives a a value of its own"),
        (["a.b=1", "a=2"], "another --override says something of a too"),
    ],
)
def test_malformed_override(given: list[str], said: str) -> None:
    """A malformed override is named, with what is wrong with it."""
    with pytest.raises(click.UsageError, match=said):
        parse(given)
