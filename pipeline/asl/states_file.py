"""Reads states from a file of Amazon States Language in YAML: ``*.asl.yaml``.

Such a file has ``States``, with JSONata between ``{%`` and ``%}`` as in any state machine. ``${name}`` is replaced, as
CloudFormation does with DefinitionSubstitutions, in keys and in values:

    Resource: arn:${partition}:states:::lambda:invoke
    TimeoutSeconds: "{% ${timeout} %}"
    Retry: ${gate_retry}

A value that is a single substitution takes the substitution's value, of any type; within a longer string, a
substitution must be a string or a number. Names are defined by the file's own ``DefinitionSubstitutions`` (all must be
used) and ``OptionalSubstitutions``, by the caller, and by ``shared.asl.yaml``; they may refer to each other. The lines
of a string are joined with spaces, so JSONata can be laid out freely.

Sources: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-stepfunctions-statemachine.html
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from pipeline.asl.timeouts import DEFAULT_RUNTIME, JOB_MARGIN, KEEP_TIMEOUT, LONGEST_TIMEOUT
from pipeline.stages.requests import CREATE_MODEL

_SHARED_FILE = Path(__file__).parent / "shared.asl.yaml"
_REQUIRED = "DefinitionSubstitutions"
_OPTIONAL = "OptionalSubstitutions"
_NAME = re.compile(r"\$\{([^}]*)\}")
_NUMBERS_AND_NAMES = {
    "default_runtime": DEFAULT_RUNTIME,
    "job_margin": JOB_MARGIN,
    "keep_timeout": KEEP_TIMEOUT,
    "longest_timeout": LONGEST_TIMEOUT,
    "default_model_name": CREATE_MODEL.default_name,
}


class StatesFileError(Exception):
    """A states file has an unknown or unused substitution, or a duplicate key."""


def read_states(file: Path, available: Mapping[str, Any], **required: Any) -> dict[str, Any]:
    """Returns the states in a file, by their names.

    Args:
        file: the file.
        available: values by name that the file may use; they are inserted verbatim.
        required: values by name that the file must use; they may contain names.

    Raises:
        StatesFileError: a substitution is unknown or unused, or a key is duplicated.
    """
    content = _content(file)
    own = content.get(_REQUIRED, {})
    texts = shared() | content.get(_OPTIONAL, {}) | own | required
    substitutions = _Substitutions(file, texts, _NUMBERS_AND_NAMES | dict(available))
    states: dict[str, Any] = substitutions.filled(content["States"])
    unused = sorted((own.keys() | required.keys()) - substitutions.used)
    if unused:
        raise StatesFileError(f"{file}: unused substitution: {', '.join(unused)}")
    return states


def shared() -> dict[str, Any]:
    """Returns the substitutions that every states file may use, by their names."""
    found: dict[str, Any] = _content(_SHARED_FILE)[_OPTIONAL]
    return found


class _Substitutions:
    """Replaces names by their values, and records which were used."""

    def __init__(self, file: Path, texts: Mapping[str, Any], literals: Mapping[str, Any]) -> None:
        self.used: set[str] = set()
        self._file = file
        self._texts = texts
        self._literals = literals

    def filled(self, value: Any) -> Any:
        """Returns the value with all substitutions replaced."""
        if isinstance(value, dict):
            return {self.filled(key): self.filled(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.filled(item) for item in value]
        if not isinstance(value, str):
            return value
        whole = _NAME.fullmatch(value)
        return self._value(whole[1]) if whole else _NAME.sub(self._text, value)

    def _value(self, name: str) -> Any:
        self.used.add(name)
        if name in self._literals:
            return self._literals[name]
        if name not in self._texts:
            raise StatesFileError(f"{self._file}: unknown substitution: {name}")
        return self.filled(self._texts[name])

    def _text(self, found: re.Match[str]) -> str:
        value = self._value(found[1])
        if not isinstance(value, str | int):
            raise StatesFileError(
                f"{self._file}: substitution {found[1]} is part of a string, but neither a string nor a number"
            )
        return str(value)


def _mapping(loader: Any, node: Any) -> dict[str, Any]:
    keys = [key.value for key, _ in node.value]
    twice = [key for key in dict.fromkeys(keys) if keys.count(key) > 1]
    if twice:
        raise StatesFileError(f"{node.start_mark.name}: duplicate key {twice[0]!r}")
    loader.flatten_mapping(node)
    mapping: dict[str, Any] = loader.construct_mapping(node, deep=True)
    return mapping


def _joined(loader: Any, node: Any) -> str:
    return " ".join(line.strip() for line in loader.construct_scalar(node).splitlines())


_Loader: Any = type("_Loader", (getattr(yaml, "CSafeLoader", yaml.SafeLoader),), {})
_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_constructor("tag:yaml.org,2002:str", _joined)


@lru_cache
def _content(file: Path) -> dict[str, Any]:
    with file.open(encoding="utf-8") as stream:
        content: dict[str, Any] = yaml.load(stream, _Loader)  # noqa: S506 - a subclass of the safe loader
    return content
