"""Turns the bytes of ``input.yaml`` into the name and input of an execution. Needs no AWS and no environment."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from pipeline.input import OVERRIDES
from pipeline.input.errors import InputIssue, InvalidFileError, Path
from pipeline.input.lineage import fill_in_input
from pipeline.input.resource_names import names_outside_scope
from pipeline.input.tokens import EXECUTION_TOKEN, fill_in
from pipeline.input.validator import problems
from pipeline.input.yaml_document import Document
from pipeline.reuse import REUSE
from pipeline.stages import EVENT_HASH_LENGTH, EXECUTION_NAME_LENGTH, SAGEMAKER_NAME_LENGTH, STAGES

if TYPE_CHECKING:
    from pipeline.reuse.decision import Decision, Lookup

MAX_INPUT_BYTES = 262_144
"""The maximum size of an execution's input, in bytes of UTF-8 (StartExecution, ``input``)."""

MAX_PROBLEMS = 100
"""The maximum number of issues reported together; a file with more is no input.yaml."""

_NAME_PARTS = ("job_prefix", "model_id")


@dataclass(frozen=True, kw_only=True)
class ExecutionInput:
    """The arguments of StartExecution."""

    name: str
    content: dict[str, Any]
    text: str
    """The content as JSON."""
    decisions: Mapping[str, "Decision"] = field(default_factory=dict)
    """Which stages are reused, and why the others run; empty if the input does not turn reuse on."""
    reuse_error: str | None = None
    """Why reuse, which the input turns on, is not available; all stages run."""


def execution_input(
    file: bytes,
    *,
    tokens: Mapping[str, str],
    event_id: str,
    overrides: Mapping[str, Any] | None = None,
    in_vpc: bool = False,
    lookup: "Callable[[], Lookup] | None" = None,
) -> ExecutionInput:
    """Returns the execution that a file describes.

    Args:
        file: the content of ``input.yaml``.
        tokens: the value of each token except the execution's.
        event_id: identifies the event, however often it is delivered; part of the execution's name.
        overrides: merged over the parsed file before validation: mappings key by key, everything else replaced.
        in_vpc: whether the deployment's models run in a VPC by default (its parameter ``vpc-subnet-ids``).
        lookup: makes what reads S3 and the records if the input turns reuse on; without it, nothing is reused.

    Raises:
        InvalidFileError: the file is invalid; has every issue.
    """
    document = _document(file)
    overrides = overrides or {}
    try:
        data = merged(document.data, overrides)
        return checked_input(
            data,
            tokens=tokens,
            event_id=event_id,
            found=document.problems,
            in_vpc=in_vpc,
            overrides=overrides,
            lookup=lookup,
        )
    except InvalidFileError as error:
        located = [_located(problem, document, overrides) for problem in error.problems]
        raise InvalidFileError(sorted(located, key=lambda problem: (problem.line or 0, problem.column or 0))) from None
    except RecursionError as error:
        raise InvalidFileError([InputIssue(message="the overrides have too many levels")]) from error


@lru_cache(maxsize=1)
def _document(file: bytes) -> Document:
    """Parses the file, which takes longer than everything else; a warm function mostly gets the same file again."""
    return Document(file)


def checked_input(
    data: dict[str, Any],
    *,
    tokens: Mapping[str, str],
    event_id: str,
    found: list[InputIssue] | None = None,
    in_vpc: bool = False,
    overrides: Mapping[str, Any] | None = None,
    lookup: "Callable[[], Lookup] | None" = None,
) -> ExecutionInput:
    """Returns the execution that parsed data describes.

    Args:
        data: the parsed file with the overrides merged in.
        tokens: as for ``execution_input``.
        event_id: as for ``execution_input``.
        found: the issues found so far.
        in_vpc: as for ``execution_input``.
        overrides: what has been merged in; recorded in the execution's input.
        lookup: as for ``execution_input``.

    Raises:
        InvalidFileError: the data is invalid; has every issue, without positions.
    """
    name, unfit = execution_name(data, tokens=tokens, event_id=event_id)
    content, unresolved = fill_in_input(data, execution=name, tokens=tokens)
    foreign = names_outside_scope(content, execution=name, model_name=tokens["MODEL_NAME"])
    contradictions = chain.from_iterable(stage.issues(data, in_vpc=in_vpc) for stage in STAGES)
    everything = chain(found or [], problems(content), unfit, unresolved, contradictions, foreign)
    wrong = list(islice(everything, MAX_PROBLEMS + 1))
    if wrong:
        more = (
            [InputIssue(message=f"there is more; the first {MAX_PROBLEMS} are shown")] if wrong[MAX_PROBLEMS:] else []
        )
        raise InvalidFileError(wrong[:MAX_PROBLEMS] + more)
    made = ExecutionInput(name=name, content=content, text=_text(content, overrides))
    return made if lookup is None else _with_reuse(made, data, tokens=tokens, lookup=lookup, overrides=overrides)


def _text(content: dict[str, Any], overrides: Mapping[str, Any] | None) -> str:
    """The execution's input as JSON. Adds the overrides to the content.

    Raises:
        InvalidFileError: it is larger than Step Functions allows, or contains half a character.
    """
    if overrides:
        content[OVERRIDES] = overrides
    text = json.dumps(content, ensure_ascii=False, allow_nan=False)
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidFileError([InputIssue(message="the overrides contain half a character (a surrogate)")]) from error
    if size > MAX_INPUT_BYTES:
        message = f"the input has {size:,} bytes as JSON; Step Functions allows {MAX_INPUT_BYTES:,}"
        raise InvalidFileError([InputIssue(message=message)])
    return text


def _with_reuse(
    made: ExecutionInput,
    data: dict[str, Any],
    *,
    tokens: Mapping[str, str],
    lookup: "Callable[[], Lookup]",
    overrides: Mapping[str, Any] | None,
) -> ExecutionInput:
    """Returns the execution in which stages are reused, if the input turns that on."""
    if not any(section.get(REUSE) is True for section in (data, *data.values()) if isinstance(section, dict)):
        return made
    # Imported here, since an execution without reuse should not wait for it.
    from pipeline.reuse.decision import UnavailableError, applied, decide, is_on  # noqa: PLC0415

    if not is_on(data):
        return made
    try:
        decisions = decide(data, execution=made.name, tokens=tokens, lookup=lookup())
    except UnavailableError as error:
        return replace(made, reuse_error=str(error))
    reused = {key: decision.reused.execution for key, decision in decisions.items() if decision.reused}
    content, _ = fill_in_input(data, execution=made.name, tokens=tokens, reused=reused)
    try:
        content = applied(content, decisions)
        return replace(made, content=content, text=_text(content, overrides), decisions=decisions)
    except InvalidFileError:
        # The description of the keys is for people only.
        content = applied(content, decisions, described=False)
        return replace(made, content=content, text=_text(content, overrides), decisions=decisions)


def execution_name(
    data: Mapping[str, Any], *, tokens: Mapping[str, str], event_id: str
) -> tuple[str, list[InputIssue]]:
    """Returns the name of the event's execution: ``<job_prefix>-<model_id>-`` and a hash of the event's ID.

    The same event always gives the same name, so Step Functions itself rejects a second start. The issues are only
    those that the schema cannot find: it validates the parts' presence and characters.
    """
    parts = [fill_in(data.get(key), tokens) for key in _NAME_PARTS]
    circular = [
        InputIssue(path=(key,), message=f"contains {EXECUTION_TOKEN}, which begins with it", value=part)
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
    """Returns the data with the overrides merged over it: mappings key by key, everything else replaced."""
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
    """Whether the overrides set the value at the path."""
    for part in path:
        if not isinstance(overrides, Mapping):
            return True
        if part not in overrides:
            return False
        overrides = overrides[part]
    return bool(path)
