"""From the bytes of ``input.yaml`` to the name and the input of an execution. Pure: no AWS, no environment."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain, islice
from typing import Any

from pipeline.input.errors import InputIssue, InvalidFileError, Path
from pipeline.input.lineage import fill_in_input
from pipeline.input.resource_names import names_outside_scope
from pipeline.input.tokens import EXECUTION_TOKEN, fill_in
from pipeline.input.validator import problems
from pipeline.input.yaml_document import Document
from pipeline.stages import EVENT_HASH_LENGTH, EXECUTION_NAME_LENGTH, SAGEMAKER_NAME_LENGTH, STAGES

MAX_INPUT_BYTES = 262_144
"""Bytes of UTF-8 that Step Functions takes as an execution's input (StartExecution, ``input``)."""

MAX_PROBLEMS = 100
"""Problems that are told at once; a file with more is not an input.yaml."""

_NAME_PARTS = ("job_prefix", "model_id")


@dataclass(frozen=True, kw_only=True)
class ExecutionInput:
    """What Step Functions is given."""

    name: str
    content: dict[str, Any]
    text: str
    """The content as JSON."""


def execution_input(
    file: bytes, *, tokens: Mapping[str, str], event_id: str, overrides: Mapping[str, Any] | None = None
) -> ExecutionInput:
    """The execution that a file describes.

    Args:
        file: the content of ``input.yaml``.
        tokens: what stands for each token but that of the execution.
        event_id: the same for the same event, however often it is delivered; the execution's name comes from it.
        overrides: merged over the parsed file before it is checked: mappings key by key, all else replaced.

    Raises:
        InvalidFileError: with everything that is wrong with the file.
    """
    document = _document(file)
    overrides = overrides or {}
    try:
        data = merged(document.data, overrides)
        return checked_input(data, tokens=tokens, event_id=event_id, found=document.problems)
    except InvalidFileError as error:
        located = [_located(problem, document, overrides) for problem in error.problems]
        raise InvalidFileError(sorted(located, key=lambda problem: (problem.line or 0, problem.column or 0))) from None
    except RecursionError as error:
        raise InvalidFileError([InputIssue(message="the overrides have too many levels")]) from error


@lru_cache(maxsize=1)
def _document(file: bytes) -> Document:
    """A function that stays warm mostly gets the file that it had, and reading it takes longer than all else."""
    return Document(file)


def checked_input(
    data: dict[str, Any], *, tokens: Mapping[str, str], event_id: str, found: list[InputIssue] | None = None
) -> ExecutionInput:
    """The execution that parsed data describes.

    Args:
        data: the parsed file with the overrides merged in.
        tokens: as for ``execution_input``.
        event_id: as for ``execution_input``.
        found: what is already known to be wrong.

    Raises:
        InvalidFileError: with everything that is wrong, not yet located.
    """
    name, unfit = execution_name(data, tokens=tokens, event_id=event_id)
    content, unresolved = fill_in_input(data, execution=name, tokens=tokens)
    foreign = names_outside_scope(content, execution=name, model_name=tokens["MODEL_NAME"])
    contradictions = chain.from_iterable(stage.issues(data) for stage in STAGES)
    everything = chain(found or [], problems(content), unfit, unresolved, contradictions, foreign)
    wrong = list(islice(everything, MAX_PROBLEMS + 1))
    if wrong:
        more = (
            [InputIssue(message=f"there is more; the first {MAX_PROBLEMS} are shown")] if wrong[MAX_PROBLEMS:] else []
        )
        raise InvalidFileError(wrong[:MAX_PROBLEMS] + more)
    text = json.dumps(content, ensure_ascii=False, allow_nan=False)
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidFileError(
            [InputIssue(message="the overrides have half a character (a surrogate) in them")]
        ) from error
    if size > MAX_INPUT_BYTES:
        message = f"the input has {size:,} bytes as JSON; Step Functions allows {MAX_INPUT_BYTES:,}"
        raise InvalidFileError([InputIssue(message=message)])
    return ExecutionInput(name=name, content=content, text=text)


def execution_name(
    data: Mapping[str, Any], *, tokens: Mapping[str, str], event_id: str
) -> tuple[str, list[InputIssue]]:
    """The name of the execution that this event starts: ``<job_prefix>-<model_id>-`` and a hash of the event's id.

    The same event always gives the same name, so that Step Functions itself refuses to start it twice. Whether the
    parts are there, and of which characters they are, is the schema's business; the problems
    here are those that it cannot see.
    """
    parts = [fill_in(data.get(key), tokens) for key in _NAME_PARTS]
    circular = [
        InputIssue(path=(key,), message=f"has {EXECUTION_TOKEN} in it, which begins with it", value=part)
        for key, part in zip(_NAME_PARTS, parts, strict=True)
        if isinstance(part, str) and EXECUTION_TOKEN in part
    ]
    name = "-".join([*map(str, parts), hashlib.sha256(event_id.encode()).hexdigest()[:EVENT_HASH_LENGTH]])
    if len(name) <= EXECUTION_NAME_LENGTH or not all(isinstance(part, str) for part in parts):
        return name, circular
    allowed = EXECUTION_NAME_LENGTH - EVENT_HASH_LENGTH - len(parts)
    message = (
        f"is {parts[1]!r}, and job_prefix is {parts[0]!r}: {sum(map(len, parts))} characters; allowed are {allowed} "
        f"together, so that the names of the jobs fit SageMaker's {SAGEMAKER_NAME_LENGTH}"
    )
    too_long = InputIssue(path=("model_id",), message=message, value=parts[1], allowed=f"{allowed} characters together")
    return name, [*circular, too_long]


def merged(data: Any, overrides: Any) -> Any:
    """The data with the overrides over it: mappings key by key, all else replaced."""
    if isinstance(data, dict) and isinstance(overrides, Mapping):
        return data | {key: merged(data.get(key), value) for key, value in overrides.items()}
    return overrides


def _located(problem: InputIssue, document: Document, overrides: Mapping[str, Any]) -> InputIssue:
    if problem.line or not problem.path:
        return problem
    if _stands_in(overrides, problem.path):
        return replace(problem, message=f"{problem.message} (in the overrides)")
    return document.located(problem)


def _stands_in(overrides: Any, path: Path) -> bool:
    """Whether the overrides say what stands at the path."""
    for part in path:
        if not isinstance(overrides, Mapping):
            return True
        if part not in overrides:
            return False
        overrides = overrides[part]
    return bool(path)
