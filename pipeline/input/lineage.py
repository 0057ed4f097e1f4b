"""Resolves the execution that a stage reads from if an earlier stage does not run.

A stage writes to the S3 URIs that contain ``SFN_EXECUTION_ID``, and to the folder that SageMaker names after a training
job: ``<S3OutputPath>/<job name>/output``. If a stage reads what a stage that does not run would have written, the token
becomes ``source_execution_id`` instead of this execution. Without one, the input is rejected: otherwise the job would
wait for its instance only to find nothing.

A stage whose results are reused (``pipeline.reuse``) has a source of its own: what it would have written is read from
there.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.input.errors import InputIssue, Path, shown
from pipeline.input.stage_section import REMEDY, SOURCE, StageSection
from pipeline.input.tokens import EXECUTION_TOKEN, fill_in
from pipeline.stages import CREATE_MODEL, REQUEST_STAGES, STAGES, RequestStage

_READ_FIELDS = ("S3Uri", "ModelDataUrl")
"""The request fields that SageMaker itself reads from, unless they are fields to write to."""

_WRITE_WORDS = ("Output", "Checkpoint", "Destination")
"""A field is written to if its name, or that of a field above it, contains one of these words."""

_NAME = CREATE_MODEL.name_field
_MAKER = CREATE_MODEL.key

URI = re.compile(r"s3://[^\s,;\"']+")
"""An S3 URI in a text, such as a script's arguments."""


def fill_in_input(
    data: dict[str, Any], *, execution: str, tokens: Mapping[str, str], reused: Mapping[str, str] | None = None
) -> tuple[dict[str, Any], list[InputIssue]]:
    """Returns the input with every token filled in, and an issue for each reference to what no stage creates.

    Args:
        data: the parsed file; below the top level it may have any shape.
        execution: this execution's name.
        tokens: the value of each of the other tokens.
        reused: the execution whose results take the place of a stage's, by the stage's key.
    """
    reused = reused or {}
    source = data.get(SOURCE)
    source = source if isinstance(source, str) else None
    ours = {**tokens, EXECUTION_TOKEN: execution}
    theirs = {**tokens, EXECUTION_TOKEN: source or execution}
    filled = {key: value if key == SOURCE else fill_in(value, ours) for key, value in data.items()}
    found: list[InputIssue] = []
    uses = [StageSection(stage, data[stage.key]) for stage in STAGES if data.get(stage.key) is not None]
    written = [(use, writes(use)) for use in uses]
    for number, use in enumerate(uses):
        if not use.runs:
            filled[use.stage.key] = fill_in(use.value, theirs)
            continue
        missing = [*_unwritten(use, _Writers(written[:number])), *_unmade_models(use, data)]
        from_source = {problem.path for problem in missing}
        # A reused stage's section says what its execution did: it wrote there, and read what its sources had written.
        own = {**ours, EXECUTION_TOKEN: reused.get(use.stage.key, execution)}
        value = with_sources(use, written[:number], reused) if reused else use.value
        filled[use.stage.key] = _filled(value, (use.stage.key,), own, theirs, from_source)
        if source:
            _name_models(use, data, filled, source)
        else:
            found += missing
        if _MAKER in reused:
            _name_models(use, data, filled, reused[_MAKER], is_reused=True)
    return filled, found


def with_sources(
    use: StageSection, earlier: Sequence[tuple[StageSection, list[str]]], sources: Mapping[str, str]
) -> Any:
    """Returns a stage's section in which each URI that it reads names the execution that wrote there.

    Args:
        use: the section, with its tokens.
        earlier: the sections of the stages before it, each with the URIs that it writes.
        sources: the executions by the keys of the stages that wrote; URIs of other stages keep their token.
    """
    writers = _Writers(earlier)

    def sourced(found: re.Match[str]) -> str:
        writer = writers.of(found[0].rstrip("/")) if EXECUTION_TOKEN in found[0] else None
        source = sources.get(writer.stage.key) if writer else None
        return found[0] if source is None else found[0].replace(EXECUTION_TOKEN, source)

    def walked(value: Any, path: Path) -> Any:
        if isinstance(value, dict):
            return {key: walked(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [walked(item, (*path, index)) for index, item in enumerate(value)]
        return URI.sub(sourced, value) if isinstance(value, str) and not is_write(path) else value

    return walked(use.value, (use.stage.key,))


def _filled(value: Any, path: Path, ours: Mapping[str, str], theirs: Mapping[str, str], from_source: set[Path]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item, (*path, key), ours, theirs, from_source) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, (*path, index), ours, theirs, from_source) for index, item in enumerate(value)]
    return fill_in(value, theirs if path in from_source else ours)


def _unwritten(use: StageSection, earlier: "_Writers") -> Iterator[InputIssue]:
    """Yields an issue for each URI of this execution that the stage reads although its writer does not run."""
    known = [other.stage for other in earlier.uses if other.request]
    before = STAGES[: STAGES.index(use.stage)]
    replaced = use.stage.replaced(use)
    absent = [stage.key for stage in REQUEST_STAGES if stage in before and stage not in known]
    for path, text in _executions_own(use):
        if is_write(path) or any(path[: len(other)] == other for other in replaced):
            continue
        writers = [writer for writer in map(earlier.of, _uris(text)) if writer]
        idle = next((writer.stage.key for writer in writers if not writer.runs), None)
        if idle:
            yield _problem(path, text, f"{idle} writes that, and {idle}.run is not true: let it run,")
        elif not writers and absent and is_read(path):
            without = " and ".join(absent)
            yield _problem(path, text, f"no stage before it writes that, and there is no {without}: add it,")


def _problem(path: Path, text: str, why: str) -> InputIssue:
    message = f"is {shown(text)}, of this execution; {why} {REMEDY}"
    return InputIssue(path=path, message=message, value=text)


def _executions_own(use: StageSection) -> Iterator[tuple[Path, str]]:
    """Yields the stage's strings that contain the execution's token."""
    for path, text in _strings(use.value, (use.stage.key,)):
        if EXECUTION_TOKEN in text:
            yield path, text


def writes(use: StageSection) -> list[str]:
    """Returns the S3 URIs that the stage may write to, including those in a script's arguments."""
    given = [uri for path, text in _executions_own(use) if not is_read(path) for uri in _uris(text)]
    return [*given, *_uris(output_folder(use))]


def output_folder(use: StageSection) -> str:
    """Returns the folder that SageMaker names after the stage's job; empty if it names none.

    https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-output.html
    """
    stage = use.stage
    if not isinstance(stage, RequestStage) or stage.output_path is None:
        return ""
    *above, last = stage.output_path.split(".")
    path = use.at("input", *above).get(last)
    name = use.request.get(stage.name_field)
    name = f"{stage.name_prefix}{EXECUTION_TOKEN}" if name is None else name
    return f"{path.rstrip('/')}/{name}/output" if isinstance(path, str) and isinstance(name, str) else ""


class _Writers:
    """Finds the stage that writes a URI, in time proportional to the URI's length.

    Args:
        written: the stages in their order, each with the URIs that it writes.
    """

    def __init__(self, written: Sequence[tuple[StageSection, list[str]]]) -> None:
        self.uses = [use for use, _ in written]
        # If several match equally well, the last that runs wins, otherwise the last.
        ascending = sorted(written, key=lambda item: item[0].runs)
        self._sorted = [(use, sorted(uris)) for use, uris in reversed(ascending)]
        self._tree: dict[str | None, Any] = {}
        for use, uris in ascending:
            for uri in uris:
                node = self._tree
                for part in uri.split("/"):
                    node = node.setdefault(part, {})
                node[None] = use

    def of(self, uri: str) -> StageSection | None:
        """Returns the stage that writes the URI or the deepest folder above it, otherwise one that writes below it."""
        return self._above(uri) or self._below(uri)

    def _above(self, uri: str) -> StageSection | None:
        node, found = self._tree, None
        for part in uri.split("/"):
            if part not in node:
                break
            node = node[part]
            found = node.get(None, found)
        return found

    def _below(self, uri: str) -> StageSection | None:
        for use, uris in self._sorted:
            first = bisect_left(uris, uri)
            if first < len(uris) and uris[first].startswith(uri):
                return use
        return None


def _strings(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _strings(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _strings(item, (*path, index))


def is_write(path: Path) -> bool:
    """Whether a job writes to what the value at a path of the input names."""
    return any(word in part for part in path[2:] if isinstance(part, str) for word in _WRITE_WORDS)


def is_read(path: Path) -> bool:
    """Whether SageMaker itself reads from what the value at a path of the input names."""
    return path[-1] in _READ_FIELDS and not is_write(path)


def _uris(text: str) -> list[str]:
    return [uri.rstrip("/") for uri in URI.findall(text) if EXECUTION_TOKEN in uri]


def _unmade_models(use: StageSection, data: Mapping[str, Any]) -> Iterator[InputIssue]:
    """Yields an issue for each field that uses the model of a CreateModel that does not run."""
    maker = StageSection.of(data, CREATE_MODEL)
    if maker.runs:
        return
    for path, holder in use.stage.model_fields(use):
        given = holder.get(_NAME)
        name = maker.request.get(_NAME) if given is None else given
        if name is None:
            message = f"is missing, and {_MAKER}.run is not true: name a model, let {_MAKER} run, {REMEDY}"
            yield InputIssue(path=path, message=message, allowed="the name of a model")
        elif isinstance(name, str) and EXECUTION_TOKEN in name:
            message = f"is {shown(name)}, of this execution; {_MAKER} makes that model, and {_MAKER}.run is not true"
            yield InputIssue(path=path, message=f"{message}: let it run, {REMEDY}", value=name)


def _name_models(
    use: StageSection, data: Mapping[str, Any], filled: dict[str, Any], source: str, *, is_reused: bool = False
) -> None:
    """Fills in the source execution's model wherever the input names none.

    Args:
        use: the stage's section in the file.
        data: the parsed file.
        filled: the input with its tokens filled in; changed in place.
        source: the source execution's name.
        is_reused: whether the source's model is reused although the input says that this stage runs.
    """
    maker = StageSection.of(data, CREATE_MODEL)
    if (maker.runs and not is_reused) or maker.request.get(_NAME) is not None:
        return
    section = filled[use.stage.key]
    use.stage.add_default_model_field(section)
    for _, holder in use.stage.model_fields(StageSection(use.stage, section)):
        if holder.get(_NAME) is None:
            holder[_NAME] = CREATE_MODEL.name_prefix + source
