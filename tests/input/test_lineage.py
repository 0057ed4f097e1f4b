"""Resolving the execution that a stage reads from."""

import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import Any

import pytest

from pipeline.input import OVERRIDES
from pipeline.input.errors import InvalidFileError
from pipeline.input.execution import checked_input
from tests.input.conftest import TOKENS, made, refused

OFF = {"run": False}
SOURCE = "mlops-demo-0123456789abcdef"
MINE = "s3://MLOPS_BUCKET/MODEL_NAME/executions/SFN_EXECUTION_ID"


def uris(content: dict[str, Any], stage: str) -> dict[str, str]:
    """Returns the S3 URIs of a processing stage, by the names of its inputs and outputs."""
    request = content[stage]["input"]
    found = {item["InputName"]: item["S3Input"]["S3Uri"] for item in request["ProcessingInputs"]}
    return found | {
        item["OutputName"]: item["S3Output"]["S3Uri"] for item in request["ProcessingOutputConfig"]["Outputs"]
    }


def test_reading_the_model_of_a_skipped_training_is_rejected() -> None:
    """Each stage that reads the model of a skipped training is rejected, with the remedy."""
    found = refused(training=OFF)
    assert [problem.path[0] for problem in found] == ["evaluation", "CreateModel"]
    assert all("training.run is not true" in problem.message for problem in found)
    assert all("source_execution_id" in problem.message for problem in found)
    assert all(problem.line for problem in found)


def test_source_execution_replaces_what_does_not_run() -> None:
    """Results of a skipped stage are read from the source; everything else belongs to this execution."""
    execution = made(training=OFF, source_execution_id=SOURCE)
    evaluation = uris(execution.content, "evaluation")
    assert evaluation["model"] == f"s3://mlops-bucket/demo/executions/{SOURCE}/model/{SOURCE}/output/model.tar.gz"
    assert evaluation["test"] == f"s3://mlops-bucket/demo/executions/{execution.name}/test"
    assert evaluation["evaluation"] == f"s3://mlops-bucket/demo/executions/{execution.name}/evaluation"
    assert execution.content["source_execution_id"] == SOURCE


def test_source_is_not_used_while_everything_runs() -> None:
    """A source execution that no stage needs changes nothing."""
    everything: Any = {"monitoring": {"run": True}}
    with_source, without = (
        dict(made(source_execution_id=SOURCE, **everything).content),
        dict(made(**everything).content),
    )
    assert with_source.pop(OVERRIDES) == without.pop(OVERRIDES) | {"source_execution_id": SOURCE}
    assert with_source == without | {"source_execution_id": SOURCE}


def test_batch_transform_needs_a_model() -> None:
    """Without CreateModel, batchTransform must name a model or the source execution."""
    (problem,) = refused(CreateModel=OFF, deployment=OFF)
    assert problem.path == ("batchTransform", "input", "ModelName")
    named = made(CreateModel=OFF, deployment=OFF, batchTransform={"input": {"ModelName": "my-model"}})
    assert named.content["batchTransform"]["input"]["ModelName"] == "my-model"
    assert made(CreateModel={"run": False, "input": {"ModelName": "my-model"}})
    sourced = made(CreateModel=OFF, source_execution_id=SOURCE)
    assert sourced.content["batchTransform"]["input"]["ModelName"] == f"model-{SOURCE}"


def variants(*given: dict[str, Any]) -> dict[str, Any]:
    """A deployment with these production variants."""
    return {"input": {"EndpointConfig": {"ProductionVariants": list(given)}}}


INSTANCE = {"VariantName": "a", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
SERVERLESS = {"VariantName": "a", "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}


def test_deployment_needs_a_model() -> None:
    """Without CreateModel or a source execution, each variant must name a model; the error names both keys."""
    (problem,) = refused(CreateModel=OFF, batchTransform=OFF)
    assert problem.path == ("deployment", "input", "EndpointConfig", "ProductionVariants", 0, "ModelName")
    assert "CreateModel.run is not true" in problem.message
    assert problem.line
    two = variants(INSTANCE | {"ModelName": "mine"}, INSTANCE | {"VariantName": "b"})
    (problem,) = refused(CreateModel=OFF, batchTransform=OFF, deployment=two)
    assert problem.path[-2:] == (1, "ModelName")
    made(CreateModel=OFF, batchTransform=OFF, deployment=variants(SERVERLESS | {"ModelName": "mine"}))


@pytest.mark.parametrize(
    "given", [None, {}, {"EndpointConfig": None}, {"EndpointConfig": {"ProductionVariants": None}}]
)
def test_deployment_of_the_sources_model(given: Any) -> None:
    """With a source execution, its model is served, even if the input does not configure the endpoint."""
    sourced = made(CreateModel=OFF, source_execution_id=SOURCE, deployment={"input": given})
    (variant,) = sourced.content["deployment"]["input"]["EndpointConfig"]["ProductionVariants"]
    assert variant["ModelName"] == f"model-{SOURCE}"
    assert variant["VariantName"]


@pytest.mark.parametrize("stage", ["CreateModel", "batchTransform"])
def test_a_model_named_after_the_execution_is_that_of_the_source(stage: str) -> None:
    """Without CreateModel, a model name with the execution's token is rejected, or resolved to the source's."""
    overrides: dict[str, Any] = {"CreateModel": {"run": False}, "deployment": {"run": False}}
    overrides.setdefault(stage, {})["input"] = {"ModelName": "my-SFN_EXECUTION_ID"}
    (problem,) = refused(**overrides)
    assert "CreateModel.run is not true" in problem.message
    sourced = made(**overrides, source_execution_id=SOURCE)
    assert sourced.content[stage]["input"]["ModelName"] == f"my-{SOURCE}"


def test_an_absent_stage_is_one_that_does_not_run() -> None:
    """If the file does not have the stage that would write it, this execution's result cannot exist."""
    found = refused(preprocessing=None)
    assert {problem.path[0] for problem in found} == {"training", "evaluation", "batchTransform", "deployment"}
    assert "there is no preprocessing" in found[0].message


def test_what_a_running_script_may_write_is_accepted() -> None:
    """A URI in the arguments of a stage that runs counts as written by it."""
    overrides: dict[str, Any] = {
        "preprocessing": {"input": {"AppSpecification": {"ContainerArguments": [f"--output={MINE}/extra/"]}}},
        "batchTransform": {
            "run": True,
            "input": {"TransformInput": {"DataSource": {"S3DataSource": {"S3Uri": f"{MINE}/extra/x.csv"}}}},
        },
    }
    assert made(**overrides, training=OFF, evaluation=OFF, CreateModel=OFF, source_execution_id=SOURCE)


def test_the_closest_output_decides() -> None:
    """If outputs are nested, the innermost one determines the stage."""
    wide: dict[str, Any] = {"training": {"input": {"OutputDataConfig": {"S3OutputPath": MINE}}}}
    found = refused(preprocessing=OFF, **wide)
    assert {problem.path[0] for problem in found} == {"training", "evaluation", "batchTransform", "deployment"}


TRAINED = "s3://MLOPS_BUCKET/MODEL_NAME/training"


def in_the_jobs_folder(**training: Any) -> dict[str, Any]:
    """Overrides that leave it to SageMaker to keep the executions' models apart: by the training job's name."""
    url = f"{TRAINED}/{training.get('TrainingJobName', 'SFN_EXECUTION_ID')}/output/model.tar.gz"
    return {
        "training": {"run": True, "input": {"OutputDataConfig": {"S3OutputPath": f"{TRAINED}/"}} | training},
        "evaluation": OFF,
        "approval": OFF,
        "CreateModel": {"input": {"PrimaryContainer": {"ModelDataUrl": url}}},
    }


@pytest.mark.parametrize("changes", [{}, {"TrainingJobName": "my-SFN_EXECUTION_ID"}], ids=str)
def test_the_folder_of_a_training_job_is_written_by_training(changes: dict[str, Any]) -> None:
    """SageMaker names a folder below S3OutputPath after the job; what is read there is training's."""
    overrides = in_the_jobs_folder(**changes)
    execution = made(**overrides)
    url = execution.content["CreateModel"]["input"]["PrimaryContainer"]["ModelDataUrl"]
    name = changes.get("TrainingJobName", "SFN_EXECUTION_ID")
    assert url == f"s3://mlops-bucket/demo/training/{name}/output/model.tar.gz".replace(
        "SFN_EXECUTION_ID", execution.name
    )
    overrides["training"]["run"] = False
    (problem,) = refused(**overrides)
    assert "training writes that, and training.run is not true" in problem.message
    moved = made(**overrides, source_execution_id=SOURCE).content["CreateModel"]["input"]["PrimaryContainer"]
    assert moved["ModelDataUrl"] == url.replace(execution.name, SOURCE)


def test_the_folder_of_a_training_job_is_its_output_only() -> None:
    """A URI below S3OutputPath that has another job's name is not training's."""
    overrides = in_the_jobs_folder() | {"training": OFF}
    overrides["CreateModel"]["input"]["PrimaryContainer"]["ModelDataUrl"] = f"{TRAINED}/earlier/output/model.tar.gz"
    assert made(**overrides)


@pytest.mark.parametrize("source", ["SFN_EXECUTION_ID", "my execution", "", "x" * 64])
def test_source_must_be_an_executions_name(source: str) -> None:
    """Anything that cannot be an execution's name is rejected; tokens are not filled in there."""
    assert refused(source_execution_id=source)[0].path == ("source_execution_id",)


@pytest.mark.parametrize("odd", [1, "x", [], True, {"input": []}, {"run": True, "input": None}])
@pytest.mark.parametrize("stage", ["preprocessing", "CreateModel", "batchTransform"])
def test_stages_of_any_shape_are_validated(odd: Any, stage: str) -> None:
    """A stage of the wrong type is reported as such."""
    assert any(problem.path[0] == stage for problem in refused(**{stage: odd}))


def calls(function: Callable[[], object]) -> int:
    """Counts calls of functions, including C functions; unlike time, that is independent of the machine's load."""
    count = 0

    def profile(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        function()
    finally:
        sys.setprofile(before)
    return count


def many_arguments(count: int) -> list[str]:
    """Returns an input in which each argument of a job is a URI."""
    return [f"{MINE}/{number}" for number in range(count)]


def one_argument(count: int) -> list[str]:
    """Returns an input in which one argument has all the URIs."""
    return [",".join(many_arguments(count))]


@pytest.mark.parametrize("arguments", [many_arguments, one_argument])
def test_work_grows_with_the_file(shipped: dict[str, Any], arguments: Callable[[int], list[str]]) -> None:
    """Twice as many references take about twice the work, whichever stages read and write them."""

    def check(count: int) -> None:
        for stage in ("preprocessing", "evaluation"):
            shipped[stage]["input"]["AppSpecification"]["ContainerArguments"] = arguments(count)
        with suppress(InvalidFileError):  # there are more arguments than SageMaker takes
            checked_input(shipped, tokens=TOKENS, event_id="event")

    check(1)  # what is kept from the first time on
    once, twice = calls(partial(check, 200)), calls(partial(check, 400))
    assert twice < 2.6 * once
