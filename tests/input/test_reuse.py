"""Reuse: what a stage's key depends on, and which stages are reused."""

import copy
import hashlib
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.input.execution import ExecutionInput, checked_input
from pipeline.input.yaml_document import Document
from pipeline.reuse.decision import Lookup, Record, UnavailableError
from pipeline.reuse.key import NotReusableError, StoredObject
from pipeline.stages import STAGES
from tests.input.conftest import PROJECT, SHIPPED, TOKENS

DATA = Document(SHIPPED).data
SCRIPTS = "s3://mlops-bucket/demo/scripts/"
CENSUS = "s3://sagemaker-sample-data-us-east-1/processing/census/"
JOBS = ("preprocessing", "training", "evaluation")
ALL = tuple(stage.key for stage in STAGES if stage.key != "monitoring")


@dataclass
class Memory:
    """S3, the records and SageMaker in memory."""

    stored: dict[str, str] = field(
        default_factory=lambda: (
            {SCRIPTS + file.name: file.name for file in (PROJECT / "scripts").iterdir() if file.is_file()}
            | {CENSUS + "census.csv": "1"}
        )
    )
    """The ETag of each object by its URI."""
    records: dict[str, Record] = field(default_factory=dict)
    empty: str = " "
    """The beginning of the URIs below which somebody has deleted everything."""
    gone: dict[str, str] = field(default_factory=dict)
    """What is missing in SageMaker, by stage."""

    def objects(self, uri: str) -> list[StoredObject]:
        """The objects whose URIs begin with it."""
        return [
            StoredObject(each.removeprefix("s3://").partition("/")[2], etag, 1)
            for each, etag in self.stored.items()
            if each.startswith(uri)
        ]

    def exists(self, uri: str) -> bool:
        """Whether nobody has emptied it."""
        return not uri.startswith(self.empty)

    def record(self, key: str) -> Record | None:
        """The record."""
        return self.records.get(key)

    def missing(self, stage: str, result: Mapping[str, Any]) -> str | None:  # noqa: ARG002
        """What the test says is missing."""
        return self.gone.get(stage)

    def run(self, data: dict[str, Any] | None = None, *, fails: str | None = None, **changes: Any) -> ExecutionInput:
        """Starts an execution, and records its stages as the state machine does, up to the one that fails."""
        made = started(self, data, **changes)
        for stage in STAGES:
            if stage.key == fails:
                break
            record = made.content[stage.key].get("record")
            if record:
                there = self.records.get(record["key"])
                if there is None or there.execution == record["replaces"]:
                    self.records[record["key"]] = Record(execution=made.name, result={})
        return made


def started(memory: Lookup, data: dict[str, Any] | None = None, **changes: Any) -> ExecutionInput:
    content = copy.deepcopy(DATA if data is None else data) | {"reuse": True} | changes
    event = f"event-{random.getrandbits(64)}"
    return checked_input(content, tokens=TOKENS, event_id=event, lookup=lambda: memory)


def reused(made: ExecutionInput) -> dict[str, str]:
    """The executions whose results are reused, by stage."""
    return {
        key: found["reused"] for key, found in made.content.items() if isinstance(found, dict) and "reused" in found
    }


def keys(memory: Memory, data: dict[str, Any] | None = None) -> dict[str, str]:
    """The keys of the first execution's stages, whose names of executions are all alike."""
    content = copy.deepcopy(DATA if data is None else data) | {"reuse": True}
    made = checked_input(content, tokens=TOKENS, event_id="event", lookup=lambda: memory)
    return {key: each.depends_on.key for key, each in made.decisions.items() if each.depends_on}


def test_an_unchanged_run_reuses_every_stage() -> None:
    """The second execution runs nothing; its sections have the places and the results of the first."""
    memory = Memory()
    first, second = memory.run(), memory.run()
    assert reused(first) == {}
    assert reused(second) == dict.fromkeys(ALL, first.name)
    assert not any(second.content[key]["run"] for key in ALL)
    model = f"s3://mlops-bucket/demo/executions/{first.name}/model/{first.name}/output/model.tar.gz"
    assert second.content["CreateModel"]["input"]["PrimaryContainer"]["ModelDataUrl"] == model


def test_without_reuse_nothing_is_looked_up() -> None:
    """The input of an execution without reuse is as it was, and no lookup is made."""
    made = checked_input(copy.deepcopy(DATA), tokens=TOKENS, event_id="event", lookup=lambda: pytest.fail("looked up"))
    assert made.content == checked_input(copy.deepcopy(DATA), tokens=TOKENS, event_id="event").content


def test_an_edit_of_a_script_runs_its_stage_and_what_follows() -> None:
    """Evaluation's script is ignored by the two stages before it; the rest reads from their executions."""
    memory = Memory()
    first = memory.run()
    memory.stored[SCRIPTS + "evaluation.py"] = "edited"
    second = memory.run()
    assert reused(second) == dict.fromkeys(("preprocessing", "training"), first.name)
    inputs = second.content["evaluation"]["input"]["ProcessingInputs"]
    uris = {each["InputName"]: each["S3Input"]["S3Uri"] for each in inputs}
    assert uris["test"] == f"s3://mlops-bucket/demo/executions/{first.name}/test"
    assert uris["model"].startswith(f"s3://mlops-bucket/demo/executions/{first.name}/model/{first.name}/output")
    memory.stored[SCRIPTS + "evaluation.py"] = "evaluation.py"
    assert reused(memory.run()) == dict.fromkeys(ALL, first.name)


def test_each_stage_reads_from_its_own_execution() -> None:
    """After an edit of training and then of evaluation, three executions have the results."""
    memory = Memory()
    first = memory.run()
    memory.stored[SCRIPTS + "train.py"] = "edited"
    second = memory.run()
    memory.stored[SCRIPTS + "evaluation.py"] = "edited"
    third = memory.run()
    assert reused(third) == {"preprocessing": first.name, "training": second.name}
    fourth = memory.run()
    inputs = {
        each["InputName"]: each["S3Input"]["S3Uri"]
        for each in fourth.content["evaluation"]["input"]["ProcessingInputs"]
    }
    assert first.name in inputs["test"]
    assert second.name in inputs["model"]
    outputs = fourth.content["evaluation"]["input"]["ProcessingOutputConfig"]["Outputs"]
    assert third.name in outputs[0]["S3Output"]["S3Uri"]


def test_the_shipped_patterns_name_no_script_that_a_stage_runs() -> None:
    """What `reuse_ignores` of the shipped input leaves out is not among the modules that the stage imports."""
    import ast  # noqa: PLC0415
    from fnmatch import fnmatchcase  # noqa: PLC0415

    folder = PROJECT / "scripts"
    modules = {file.stem for file in folder.glob("*.py")}

    def imported(name: str, seen: set[str]) -> set[str]:
        if name in seen or name not in modules:
            return seen
        seen.add(name)
        for node in ast.walk(ast.parse((folder / f"{name}.py").read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            for each in names:
                imported(each.partition(".")[0], seen)
        return seen

    # The model has the code that serves it.
    programs = {"preprocessing": ("preprocessing",), "training": ("train", "inference"), "evaluation": ("evaluation",)}
    for stage, entries in programs.items():
        run = set().union(*(imported(entry, set()) for entry in entries))
        patterns = DATA[stage]["reuse_ignores"]
        assert [one for one in patterns if not any(fnmatchcase(f"{name}.py", one) for name in modules)] == [], stage
        assert [name for name in run if any(fnmatchcase(f"{name}.py", one) for one in patterns)] == [], stage


def test_a_stage_without_reuse_ends_it() -> None:
    """The stage runs, and so does each that reads its results; none of these is recorded."""
    memory = Memory()
    data = copy.deepcopy(DATA)
    data["training"]["reuse"] = False
    first, second = memory.run(data), memory.run(data)
    assert reused(second) == {"preprocessing": first.name}
    assert "record" not in second.content["training"]
    assert "record" not in second.content["evaluation"]


def test_results_that_are_gone_are_no_hit() -> None:
    """The stage runs again, with what follows, and its new record replaces the old one."""
    memory = Memory()
    first = memory.run()
    memory.empty = f"s3://mlops-bucket/demo/executions/{first.name}/test"
    second = memory.run()
    assert reused(second) == {}
    assert f"{first.name} ran it, but" in second.decisions["preprocessing"].why
    assert reused(memory.run()) == dict.fromkeys(ALL, second.name)


@pytest.mark.parametrize("stage", ["registration", "CreateModel"])
def test_a_release_is_reused_as_a_whole(stage: str) -> None:
    """If the version or the model is gone, both are made again, and the endpoint is updated."""
    memory = Memory()
    first = memory.run()
    memory.gone = {stage: "it is gone"}
    second = memory.run()
    assert reused(second) == dict.fromkeys(JOBS, first.name)
    memory.gone = {}
    assert reused(memory.run()) == dict.fromkeys(JOBS, first.name) | dict.fromkeys(ALL[3:], second.name)


def test_an_endpoint_that_serves_something_else_is_updated() -> None:
    """Only deployment runs, with the model of the execution that made it."""
    memory = Memory()
    first = memory.run()
    memory.gone = {"deployment": "the endpoint demo no longer serves it"}
    second = memory.run()
    assert reused(second) == {key: first.name for key in ALL if key != "deployment"}
    (variant,) = second.content["deployment"]["input"]["EndpointConfig"]["ProductionVariants"]
    assert variant["ModelName"] == f"model-{first.name}"


def test_a_rejected_model_is_judged_again() -> None:
    """An execution whose approval failed recorded its registration; without a decision that is not reused."""
    memory = Memory()
    first = memory.run(fails="approval")
    assert reused(memory.run()) == dict.fromkeys(JOBS, first.name)


def test_of_two_executions_at_once_one_is_recorded() -> None:
    """Both run; a later one reads everything from the one that was first."""
    memory = Memory()
    one, other = started(memory), started(memory)
    for made in (one, other):
        for key in ALL:
            record = made.content[key]["record"]
            memory.records.setdefault(record["key"], Record(execution=made.name, result={}))
    assert reused(memory.run()) == dict.fromkeys(ALL, one.name)


def test_what_cannot_be_reached_reuses_nothing() -> None:
    """The execution starts as without reuse, and says why."""

    class Unreachable(Memory):
        def record(self, key: str) -> Record | None:  # noqa: ARG002
            raise UnavailableError("no answer")

    made = started(Unreachable())
    assert made.reuse_error == "no answer"
    assert all(made.content[key]["run"] for key in ALL)


def test_a_bucket_that_cannot_be_listed_ends_reuse_there() -> None:
    """The stage that reads it runs, with a reason; so do those that read its results."""

    class Closed(Memory):
        def objects(self, uri: str) -> list[StoredObject]:
            if uri.startswith(CENSUS.rstrip("/")):
                raise NotReusableError(f"{uri} cannot be listed")
            return super().objects(uri)

    memory = Closed()
    memory.run()
    second = memory.run()
    assert "cannot be listed" in second.decisions["preprocessing"].why
    assert second.decisions["training"].why == "it reads what preprocessing makes, and preprocessing is not reused"
    assert reused(second) == {}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda request: request["ProcessingInputs"][0]["S3Input"].update(S3DataType="ManifestFile"), "a manifest"),
        (
            lambda request: request["ProcessingOutputConfig"]["Outputs"][0]["S3Output"].update(S3Uri="s3://b/train"),
            "as every execution does",
        ),
    ],
)
def test_what_a_key_cannot_see_is_not_reused(change: Any, why: str) -> None:
    """A request that reads or writes what the key does not cover says so."""
    data = copy.deepcopy(DATA)
    change(data["preprocessing"]["input"])
    data |= {key: {"run": False} for key in ALL if key != "preprocessing"}
    made = started(Memory(), data)
    assert why in made.decisions["preprocessing"].why


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all texts and numbers."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [place for key, item in items for place in leaves(item, (*path, key))]
    return found or ([path] if isinstance(value, str | int) else [])


REQUESTED = [
    (stage, path)
    for stage in JOBS
    for path in leaves(DATA[stage]["input"])
    if "Tags" not in path and path[-1] not in {"S3Uri", "S3OutputPath", "InstanceCount", "VolumeSizeInGB"}
]


@settings(max_examples=25)
@given(st.sampled_from(REQUESTED), st.integers(1, 9))
def test_any_change_of_a_request_changes_its_key(place: tuple[str, tuple[Any, ...]], digit: int) -> None:
    """Each value of a request counts, but for its tags, its names and the places that it writes to."""
    from pipeline.reuse.decision import decide  # noqa: PLC0415

    stage, path = place
    memory = Memory()
    data = copy.deepcopy(DATA) | {"reuse": True}
    before = decide(data, execution="e", tokens=TOKENS, lookup=memory)[stage].depends_on
    holder = data[stage]["input"]
    for key in path[:-1]:
        holder = holder[key]
    old = holder[path[-1]]
    holder[path[-1]] = old + digit if isinstance(old, int) else f"{old}{digit}"
    after = decide(data, execution="e", tokens=TOKENS, lookup=memory)[stage].depends_on
    assert before
    assert after
    assert before.key != after.key


@settings(max_examples=25)
@given(st.sampled_from(sorted(Memory().stored)), st.binary(min_size=1, max_size=20))
def test_any_change_of_a_file_changes_the_keys_of_its_readers(uri: str, content: bytes) -> None:
    """A stage's key changes with each object that it reads, and with no other."""
    memory = Memory()
    before = keys(memory)
    memory.stored[uri] = hashlib.md5(content, usedforsecurity=False).hexdigest()
    changed = {key for key, value in keys(memory).items() if value != before[key]}
    name = uri.rpartition("/")[2]
    patterns = {key: [*DATA[key]["reuse_ignores"], "input.yaml"] for key in JOBS}
    from fnmatch import fnmatchcase  # noqa: PLC0415

    readers = {key for key in JOBS if not any(fnmatchcase(name, one) for one in patterns[key])}
    assert changed == ({"preprocessing"} if uri.startswith(CENSUS) else readers)


@settings(max_examples=25)
@given(st.randoms(use_true_random=False), st.text(min_size=1, max_size=8))
def test_tags_names_and_order_change_no_key(chance: random.Random, text: str) -> None:
    """Neither the order of keys, nor nulls, tags or a job's name, nor where results are written, are in a key."""

    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            items = list(value.items())
            chance.shuffle(items)
            return {key: shuffled(item) for key, item in items}
        return [shuffled(item) for item in value] if isinstance(value, list) else value

    memory = Memory()
    data = shuffled(copy.deepcopy(DATA))
    for stage in JOBS:
        data[stage]["input"]["Tags"] = [{"Key": "a", "Value": text if text.isalnum() else "b"}]
        data[stage]["input"]["ExperimentConfig"] = None
    data["preprocessing"]["input"]["ProcessingJobName"] = "demo-SFN_EXECUTION_ID"
    data["evaluation"]["input"]["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"] += "/below"
    found, before = keys(memory, data), keys(memory)
    assert {key: found[key] for key in JOBS} == {key: before[key] for key in JOBS}
