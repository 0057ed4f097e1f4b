"""Decides which stages are reused. Pure: whoever calls it brings the access to S3, the records and SageMaker.

The stages are gone through in their order, since the key of each has the executions that the earlier ones are reused
from. Registration, approval and the model are reused together or not at all: a version has one decision, and its model
is served from the copies that its registration made.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from pipeline.input.lineage import writes
from pipeline.input.stage_section import StageSection
from pipeline.input.tokens import EXECUTION_TOKEN, fill_in
from pipeline.reuse import DEPENDS, RECORD, REUSE, REUSED
from pipeline.reuse.key import (
    RELEASE,
    Dependencies,
    NotReusableError,
    StoredObject,
    Surroundings,
    dependencies,
    result_places,
)
from pipeline.stages import CREATE_MODEL, STAGES, RequestStage, Stage


class UnavailableError(Exception):
    """The records, S3 or SageMaker cannot be reached: nothing is reused, and the stages run."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """What the state machine recorded about a stage that had succeeded."""

    execution: str
    result: dict[str, Any]
    """The part of its result that later stages and the commands read."""


class Lookup(Protocol):
    """Reads what a decision depends on.

    Raises:
        UnavailableError: a service cannot be reached, or denies access to what is the deployment's own.
    """

    def objects(self, uri: str) -> list[StoredObject]:
        """Returns the objects below an S3 URI; raises NotReusableError if they cannot be listed."""

    def exists(self, uri: str) -> bool:
        """Whether there is an object below an S3 URI."""

    def record(self, key: str) -> Record | None:
        """Returns the record with a key; None if there is none, or if it has expired."""

    def missing(self, stage: str, result: Mapping[str, Any]) -> str | None:
        """Says what is missing of the results of a stage that SageMaker keeps; None if nothing is."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What happens to a stage that the input says to run."""

    stage: str
    why: str
    """Why it runs; empty if it is reused, or if its key is simply new."""
    depends_on: Dependencies | None = None
    """None if it is not to be reused, or cannot be."""
    reused: Record | None = None
    stale: str = ""
    """The execution of a record that can no longer be used, which this execution's replaces."""


def is_on(data: Mapping[str, Any]) -> bool:
    """Whether the input turns reuse on, for any stage.

    Args:
        data: the parsed file; may have any shape.
    """
    return any(_wants(StageSection.of(data, stage), data) for stage in STAGES)


def decide(
    data: Mapping[str, Any], *, execution: str, tokens: Mapping[str, str], lookup: Lookup
) -> dict[str, Decision]:
    """Returns the decision on each stage that runs, by its key.

    Args:
        data: the parsed file, which is valid, with its tokens.
        execution: this execution's name.
        tokens: the values of all tokens but the execution's.
        lookup: reads S3, the records and SageMaker.

    Raises:
        UnavailableError: a service cannot be reached.
    """
    return _Walk(data, execution, tokens, lookup).decisions()


def applied(content: dict[str, Any], decisions: Mapping[str, Decision], *, described: bool = True) -> dict[str, Any]:
    """Returns an execution's input with the decisions in it.

    A reused stage does not run; its section has the execution and the result that take its place. A stage that runs has
    what the state machine is to record, and what its key is the hash of.

    Args:
        content: the input with its tokens filled in, by the executions that are reused.
        decisions: by the key of the stage.
        described: whether to say what the keys are hashes of.
    """
    made = dict(content)
    for key, decision in decisions.items():
        if decision.depends_on is None:
            continue
        depends = {DEPENDS: decision.depends_on.as_json()} if described else {}
        if decision.reused:
            found = {"run": False, REUSED: decision.reused.execution, "result": decision.reused.result}
        else:
            found = {RECORD: {"key": decision.depends_on.key, "replaces": decision.stale}}
        made[key] = {**content[key], **found, **depends}
    return made


def unusable(data: Mapping[str, Any], stage: Stage) -> str | None:
    """Says why a stage is never reused with this input; None if it may be."""
    section = StageSection.of(data, stage)
    if not stage.kept_result:
        return "is never reused"
    return None if _wants(section, data) else f"{REUSE} is not true"


def _wants(section: StageSection, data: Mapping[str, Any]) -> bool:
    if not section.runs or not section.stage.kept_result:
        return False
    own = section.value.get(REUSE)
    return (data.get(REUSE) if own is None else own) is True


class _Walk:
    def __init__(self, data: Mapping[str, Any], execution: str, tokens: Mapping[str, str], lookup: Lookup) -> None:
        self._data = data
        self._execution = execution
        self._tokens = tokens
        self._lookup = lookup
        self._uses = [StageSection.of(data, stage) for stage in STAGES if data.get(stage.key) is not None]
        self._written = [(use, writes(use)) for use in self._uses]
        self._sources: dict[str, str] = {}
        self._objects: dict[str, list[StoredObject] | NotReusableError] = {}
        self._made: dict[str, Decision] = {}

    def decisions(self) -> dict[str, Decision]:
        for use in self._uses:
            if not use.runs:
                continue
            if use.stage in RELEASE:
                if use.stage.key not in self._made:
                    self._decide_release()
            else:
                self._decide(use)
        return {use.stage.key: self._made[use.stage.key] for use in self._uses if use.runs}

    def _decide_release(self) -> None:
        """Decides on registration, approval and the model, which are looked up before any of them is a source."""
        together = [use for use in self._uses if use.stage in RELEASE and use.runs]
        found = [self._looked_up(use) for use in together]
        if len({each.reused.execution if each.reused else None for each in found}) > 1:
            found = [self._alone(each, found) for each in found]
        for each in found:
            self._take(each)

    @staticmethod
    def _alone(decision: Decision, together: list[Decision]) -> Decision:
        """The decision on a stage of the release if not all of it can be reused from one execution."""
        if decision.reused is None:
            return decision
        running = next((each.stage for each in together if not each.reused), None)
        why = f"{running} runs, and they are reused together" if running else "its results are of several executions"
        return replace(decision, reused=None, stale=decision.reused.execution, why=why)

    def _decide(self, use: StageSection) -> None:
        self._take(self._looked_up(use))

    def _take(self, decision: Decision) -> None:
        self._made[decision.stage] = decision
        self._sources[decision.stage] = decision.reused.execution if decision.reused else self._execution

    def _looked_up(self, use: StageSection) -> Decision:
        key = use.stage.key
        try:
            places = self._places(use)
            depends = self._dependencies(use)
        except NotReusableError as error:
            return Decision(stage=key, why=str(error))
        if self._execution in depends.sources.values():
            return Decision(stage=key, why="", depends_on=depends)
        record = self._lookup.record(depends.key)
        if record is None:
            return Decision(stage=key, why="", depends_on=depends)
        gone = self._gone(key, record, places)
        if gone:
            why = f"{record.execution} ran it, but {gone}"
            return Decision(stage=key, why=why, depends_on=depends, stale=record.execution)
        return Decision(stage=key, why="", depends_on=depends, reused=record)

    def _places(self, use: StageSection) -> list[str]:
        """The S3 URIs of the stage's results; empty if SageMaker keeps them."""
        why_not = unusable(self._data, use.stage)
        if why_not:
            raise NotReusableError(why_not)
        if use.stage is CREATE_MODEL:
            self._refuse_named_models()
        return result_places(use) if isinstance(use.stage, RequestStage) and use.stage.waits else []

    def _refuse_named_models(self) -> None:
        for use in (each for each in self._uses if each.runs):
            for _, holder in use.stage.model_fields(use):
                name = holder.get(CREATE_MODEL.name_field)
                if isinstance(name, str) and EXECUTION_TOKEN in name:
                    why = f"{use.stage.key} names the model {name}; leave {CREATE_MODEL.name_field} out"
                    raise NotReusableError(why)

    def _dependencies(self, use: StageSection) -> Dependencies:
        around = Surroundings(
            data=self._data,
            earlier=self._written[: self._uses.index(use)],
            sources=self._sources,
            tokens=self._tokens,
        )
        depends = dependencies(use, around, self._listed)
        for stage in depends.sources:
            if self._made[stage].depends_on is None:
                raise NotReusableError(f"it reads what {stage} makes, and {stage} is not reused")
        return depends

    def _listed(self, uri: str) -> list[StoredObject]:
        """Lists a URI once, however many stages read it."""
        if uri not in self._objects:
            try:
                self._objects[uri] = self._lookup.objects(uri)
            except NotReusableError as error:
                self._objects[uri] = error
        found = self._objects[uri]
        if isinstance(found, NotReusableError):
            raise found
        return found

    def _gone(self, stage: str, record: Record, places: list[str]) -> str | None:
        """Says what is left no more of the results; None if they are there."""
        theirs = {**self._tokens, EXECUTION_TOKEN: record.execution}
        for uri in (fill_in(place, theirs) for place in places):
            if not self._lookup.exists(uri):
                return f"{uri} is empty"
        return self._lookup.missing(stage, record.result)
