"""``--override KEY=VALUE``."""

import click
import pytest

from cli.overrides import parse


def test_dotted_keys_and_yaml_values() -> None:
    """Keys that begin alike come together, and a value is what YAML makes of it."""
    given = ["training.run=false", 'training.input.HyperParameters.max_iter="50"', "a=[1, null]", "b=x=y", "c="]
    assert parse(given) == {
        "training": {"run": False, "input": {"HyperParameters": {"max_iter": "50"}}},
        "a": [1, None],
        "b": "x=y",
        "c": None,
    }


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["training"], "expected KEY=VALUE"),
        (["=1"], "expected KEY=VALUE"),
        (["a..b=1"], "expected KEY=VALUE"),
        (["a=[1"], "the value is not YAML"),
        (["a=2026-11-23"], "cannot be written as JSON"),
        (["a=.nan"], "cannot be written as JSON"),
        (["a=1", "a=2"], "another --override says something of a too"),
        (["a=1", "a.b=2"], "another --override gives a a value of its own"),
        (["a.b=1", "a=2"], "another --override says something of a too"),
    ],
)
def test_malformed_override(given: list[str], said: str) -> None:
    """A malformed override is named, with what is wrong with it."""
    with pytest.raises(click.UsageError, match=said):
        parse(given)
