"""From the text of ``input.yaml`` to the input of an execution. Pure: no AWS, no environment."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

import yaml

from pipeline.stages import EXECUTION_NAME_LENGTH

MAX_INPUT_BYTES = 262_144
"""Bytes of UTF-8 that Step Functions takes as an execution's input (StartExecution, ``input``)."""

_NAME = re.compile(r"[A-Za-z0-9](?:-*[A-Za-z0-9])*")
_HASH_LENGTH = 16


class InputError(Exception):
    """The user's input cannot start an execution; the message says what is wrong and where."""


class _Loader(yaml.SafeLoader):
    """YAML as data, with timestamps left as strings, since the execution's input is JSON."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse(text: str) -> dict[str, Any]:
    """The pipeline input as it stands in the file.

    Raises:
        InputError: the text is not YAML, or not a mapping at its top.
    """
    try:
        parsed = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise InputError(f"{where}not valid YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise InputError(f"not valid YAML: {error}") from error
    if not isinstance(parsed, dict):
        found = "nothing" if parsed is None else f"a {type(parsed).__name__}"
        raise InputError(f"the top of the file must be a mapping of stages; found {found}")
    return parsed


def execution_name(pipeline_input: Mapping[str, Any], *, tokens: Mapping[str, str], event_id: str) -> str:
    """The name of the execution that this event starts: ``<job_prefix>-<model_id>-`` and a hash of the event's id.

    The same event always gives the same name, so that Step Functions itself refuses to start it twice.

    Raises:
        InputError: ``job_prefix`` or ``model_id`` is missing, or does not fit into the names of SageMaker's jobs.
    """
    parts = [_name_part(pipeline_input, key, tokens) for key in ("job_prefix", "model_id")]
    name = "-".join([*parts, hashlib.sha256(event_id.encode()).hexdigest()[:_HASH_LENGTH]])
    if len(name) > EXECUTION_NAME_LENGTH:
        allowed = EXECUTION_NAME_LENGTH - _HASH_LENGTH - 2
        raise InputError(
            f"job_prefix {parts[0]!r} and model_id {parts[1]!r} have {len(parts[0]) + len(parts[1])} characters; "
            f"allowed are {allowed} together, so that the jobs' names fit SageMaker's 63"
        )
    return name


def _name_part(pipeline_input: Mapping[str, Any], key: str, tokens: Mapping[str, str]) -> str:
    value = fill_in(pipeline_input.get(key), tokens)
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        found = "is missing" if key not in pipeline_input else f"is {value!r}"
        raise InputError(f"{key} {found}; allowed are letters, digits and hyphens between them: it begins job names")
    return value


def fill_in(value: Any, tokens: Mapping[str, str]) -> Any:
    """The value with each token in its strings replaced; keys stay as they are.

    Args:
        value: the parsed tree of the input file, or a part of it.
        tokens: what stands for each token. A token is a whole word: ``XMODEL_NAME`` is none.
    """
    if isinstance(value, dict):
        return {key: fill_in(item, tokens) for key, item in value.items()}
    if isinstance(value, list):
        return [fill_in(item, tokens) for item in value]
    if isinstance(value, str):
        return re.sub(rf"\b({'|'.join(tokens)})\b", lambda match: tokens[match[0]], value)
    return value


def execution_input(filled_in: dict[str, Any]) -> str:
    """The execution's input as the JSON text that Step Functions takes.

    Raises:
        InputError: it is larger than Step Functions allows, or holds what JSON has not.
    """
    try:
        text = json.dumps(filled_in, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"not all of it can be written as JSON: {error}") from error
    size = len(text.encode())
    if size > MAX_INPUT_BYTES:
        raise InputError(f"it has {size:,} bytes as JSON; Step Functions allows {MAX_INPUT_BYTES:,}")
    return text
