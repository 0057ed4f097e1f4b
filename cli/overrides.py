"""Parses ``--override KEY=VALUE``: a dotted key of ``input.yaml`` and a YAML value."""

from collections.abc import Iterable
from typing import Any

import click

from pipeline.input.errors import InvalidFileError
from pipeline.input.yaml_document import Document


def parse(texts: Iterable[str]) -> dict[str, Any]:
    """Returns the overrides for an event.

    Args:
        texts: such as ``training.input.HyperParameters.max_iter="50"``.

    Raises:
        click.UsageError: an override is malformed, or two of them set the same key.
    """
    overrides: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        parts = key.split(".")
        if not equals or not all(part.strip() == part != "" for part in parts):
            raise click.UsageError(f"invalid --override {text!r}; expected KEY=VALUE: training.run=false")
        _put(overrides, parts, _value(text, value), text)
    return overrides


def _value(text: str, value: str) -> Any:
    """Parses the value as in the file, where ``yes`` is a string, too."""
    try:
        document = Document("value:\n  {}".format(value.replace("\n", "\n  ")).encode(errors="surrogateescape"))
        problems = document.problems
    except InvalidFileError as error:
        problems = error.problems
    if problems:
        raise click.UsageError(f"--override {text!r}: {problems[0].message}")
    return document.data["value"]


def _put(overrides: dict[str, Any], parts: list[str], value: Any, text: str) -> None:
    parent = overrides
    for part in parts[:-1]:
        parent = parent.setdefault(part, {})
        if not isinstance(parent, dict):
            raise click.UsageError(f"--override {text!r}: another --override already sets {part}")
    if parts[-1] in parent:
        raise click.UsageError(f"--override {text!r}: another --override already sets {'.'.join(parts)}")
    parent[parts[-1]] = value
