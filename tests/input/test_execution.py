"""Turning a file into an execution's name and input."""

import json
import sys
from typing import Any

import pytest

from pipeline.input.errors import InvalidFileError, path_text
from pipeline.input.execution import checked_input, execution_input, merged
from pipeline.stages import REQUEST_STAGES, STAGES
from tests.covering import Flags, covering
from tests.input.conftest import PROJECT, SHIPPED, TOKENS, made, refused

FIVE_ERRORS = """\
job_prefix: my jobs
model_id: MODEL_NAME
training:
  run: "yes"
  input:
    AlgorithmSpecification:
      TrainingInputMode: Fil
    ResourceConfig:
      InstancType: ml.m5.xlarge
    StoppingCondition: {MaxRuntimeInSeconds: 60}
    OutputDataConfig: {S3OutputPath: s3://MLOPS_BUCKET/model}
evaluatoin: {run: true}
"""


def test_shipped_input_is_valid() -> None:
    """In the shipped input's execution, every token is filled in and nothing else has changed."""
    execution = made()
    assert not [token for token in (*TOKENS, "SFN_EXECUTION_ID") if token in execution.text]
    assert execution.content["training"]["input"]["RoleArn"] == TOKENS["SAGEMAKER_EXECUTION_ROLE"]
    assert f"/{execution.name}/" in execution.content["training"]["input"]["OutputDataConfig"]["S3OutputPath"]
    assert json.loads(execution.text) == execution.content


def test_seed_input_is_valid_and_unchanged(seed_input: dict[str, Any]) -> None:
    """The sample input of the module's description is valid, including its nulls, and unchanged."""
    assert made((PROJECT / "tests" / "data" / "seed-input.json").read_bytes()).content == seed_input


def test_every_error_is_reported() -> None:
    """Each error has its line, its key, what is allowed and the closest known word."""
    lines = [str(problem) for problem in refused(FIVE_ERRORS)]
    assert lines == [
        'line 1, column 13: job_prefix: is "my jobs"; expected letters, digits and hyphens between them',
        'line 4, column 8: training.run: is "yes" (a string); expected true or false',
        "line 5, column 3: training.input.RoleArn: is missing; it is required",
        (
            'line 7, column 26: training.input.AlgorithmSpecification.TrainingInputMode: is "Fil"; '
            "allowed are Pipe, File, FastFile; did you mean File?"
        ),
        "line 9, column 7: training.input.ResourceConfig.InstancType: is not a known key; did you mean InstanceType?",
        "line 12, column 1: evaluatoin: is not a known key; did you mean evaluation?",
    ]


def test_the_number_of_reported_errors_is_limited() -> None:
    """Only the first hundred errors are reported, with a note that there are more."""
    found = refused("".join(f"key{number}: 1\n" for number in range(5000)))
    assert len(found) == 101
    assert any("there is more" in problem.message for problem in found)


@pytest.mark.parametrize(
    ("overrides", "path", "message"),
    [
        ({"training": {"input": {"RoleArn": 7}}}, "training.input.RoleArn", "(in the overrides)"),
        ({"batchTransform": {"run": None}}, "batchTransform.run", "(in the overrides)"),
        ({"new": {"run": True}}, "new", "not a known key"),
        ({"app_id": "\ud800"}, "", "half a character"),
    ],
)
def test_errors_of_the_overrides_say_so(overrides: dict[str, Any], path: str, message: str) -> None:
    """The overrides are validated like the file, but have no line."""
    (problem,) = refused(**overrides)
    assert path_text(problem.path) == path
    assert message in problem.message
    assert problem.line is None


def test_overrides_too_deep_are_rejected() -> None:
    """Overrides with more levels than Python can follow are rejected without a crash."""
    nested: dict[str, Any] = {}
    for _ in range(sys.getrecursionlimit()):  # which Hypothesis may have raised
        nested = {"a": nested}
    assert "too many levels" in refused(**nested)[0].message


def test_overrides_are_merged_before_the_check() -> None:
    """Mappings are merged key by key, everything else is replaced; overrides can fix errors and contain tokens."""
    execution = made(training={"input": {"ResourceConfig": {"InstanceCount": 2}, "Tags": []}}, app_id="MODEL_NAME")
    resources = execution.content["training"]["input"]["ResourceConfig"]
    assert resources == {"InstanceType": "ml.m5.xlarge", "InstanceCount": 2, "VolumeSizeInGB": 50}
    assert execution.content["training"]["input"]["Tags"] == []
    assert execution.content["app_id"] == "demo"
    assert merged({"a": {"b": 1, "c": 2}}, {"a": {"b": None}}) == {"a": {"b": None, "c": 2}}


def test_names_differ_by_event_only() -> None:
    """Different events give different names, the same event the same; all fit SageMaker's limit with any prefix."""
    names = [execution_input(SHIPPED, tokens=TOKENS, event_id=event).name for event in ("a", "b", "a")]
    assert names[0] == names[2] != names[1]
    assert all(name.startswith("mlops-demo-") and len(f"evaluation-{name}") <= 63 for name in names)


@pytest.mark.parametrize(
    ("job_prefix", "model_id", "expected"),
    [
        ("mlops", "demo-" + "m" * 24, None),
        ("mlops", "demo-" + "m" * 25, "allowed are 34 together"),
        ("m" * 64, "demo", "at most 63 characters, not 64"),
        ("mlops", "my model", "letters, digits and hyphens"),
        ("mlops", "-demo", "letters, digits and hyphens"),
        ("mlops", "demo\n", "letters, digits and hyphens"),
        ("mlops", "démo", "letters, digits and hyphens"),
        ("mlops", "SFN_EXECUTION_ID", "contains SFN_EXECUTION_ID"),
        ("mlops", 7, 'expected a string, in quotes: "7"'),
        (None, "demo", "is null, but it is required"),
    ],
)
def test_names_are_checked(job_prefix: Any, model_id: Any, expected: str | None) -> None:
    """The prefix has only characters that SageMaker allows, and leaves room for the rest of the name."""
    if expected is None:
        assert len(made(job_prefix=job_prefix, model_id=model_id).name) == 52
    else:
        assert expected in " ".join(problem.message for problem in refused(job_prefix=job_prefix, model_id=model_id))


@pytest.mark.parametrize("stage", REQUEST_STAGES, ids=lambda stage: stage.key)
def test_given_names_are_checked_after_fill_in(stage: Any) -> None:
    """A job name that would exceed SageMaker's 63 characters is rejected; a shorter one is not."""
    given: Any = {"input": {stage.name_field: f"{'x' * 37}-SFN_EXECUTION_ID"}}
    shorter: Any = {"input": {stage.name_field: "my-SFN_EXECUTION_ID"}}
    assert "at most 63 characters" in refused(**{stage.key: given})[0].message
    assert made(**{stage.key: shorter})


def test_an_input_too_large_for_step_functions_is_rejected() -> None:
    """An input of more than 262,144 bytes is rejected with its size."""
    (problem,) = refused(app_id="ä" * 140_000)
    assert problem.message.endswith("Step Functions allows 262,144")


@pytest.mark.parametrize("flags", covering(len(STAGES)), ids=str)
def test_combinations_of_run_flags(flags: Flags, shipped: dict[str, Any]) -> None:
    """A combination is valid when each stage that runs finds what it reads; with a source execution all are.

    No stage needs more than two others, so any mistake shows in some combination of three flags.
    """
    for stage, run in zip(STAGES, flags, strict=True):
        shipped[stage.key]["run"] = run
    runs = dict(zip([stage.key for stage in STAGES], flags, strict=True))
    needs = {
        "training": ["preprocessing"],
        "evaluation": ["preprocessing", "training"],
        "CreateModel": ["training"],
        "approval": ["evaluation"],
        "batchTransform": ["preprocessing", "CreateModel"],
        "deployment": ["preprocessing", "CreateModel"],
        "monitoring": ["preprocessing", "evaluation", "batchTransform"],
    }
    lacking = {(key, need) for key, all_needed in needs.items() for need in all_needed if runs[key] and not runs[need]}
    if runs["registration"] and not (runs["training"] or runs["CreateModel"]):
        lacking |= {("registration", "training"), ("registration", "CreateModel")}
    try:
        checked_input(shipped, tokens=TOKENS, event_id="event")
    except InvalidFileError as error:
        found = {
            (problem.path[0], need) for problem in error.problems for need in runs if f"{need}.run" in problem.message
        }
        assert found == lacking
    else:
        assert not lacking
    shipped["source_execution_id"] = "mlops-demo-1"
    assert checked_input(shipped, tokens=TOKENS, event_id="event")
