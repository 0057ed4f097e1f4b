"""``--override KEY=VALUE``: a dotted key and a YAML value, over what ``input.yaml`` says."""

from collections.abc import Iterable
from typing import Any

import click

from pipeline.input.errors import InvalidFileError
from pipeline.input.yaml_document import Document


def parse(texts: Iterable[str]) -> dict[str, Any]:
    """The overrides of an event.

    Args:
        texts: such as ``training.input.HyperParameters.max_iter="50"``.

    Raises:
        click.UsageError: one is malformed, or two of them say different things of the same key.
    """
    overrides: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        parts = key.split(".")
        if not equals or not all(part.strip() == part != "" for part in parts):
            raise click.UsageError(f"--override {text!r} was given; expected KEY=VALUE: training.run=false")
        _put(overrides, parts, _value(text, value), text)
    return overrides


def _value(text: str, value: str) -> Any:
    """The value, read as it would be in the file: ``yes`` is a string there, too."""
    try:
        document = Document("value:\n  {}".format(value.replace("\n", "\n  ")).encode(errors="surrogateescape"))
        problems = document.problems
    except InvalidFileError as error:
        problems = error.problems
    if problems:
        raise click.UsageError(f"--override {text!r}: {problems[0].message}")
    return document.data["value"]


def _put(overrides: dict[str, Any], parts: list[str], value: Any, text: str) -> None:
    place = overrides
    for part in parts[:-1]:
        place = place.setdefault(part, {})
        if not isinstance(place, dict):
            raise click.UsageError(f"--override {text!r}: another --override gives {part} a value of its own")
    if parts[-1] in place:
        raise click.UsageError(f"--override {text!r}: another --override says something of {'.'.join(parts)} too")
    place[parts[-1]] = value
