"""Timeouts, retries and redrives of the state machine."""

from collections.abc import Callable
from typing import Any

import pytest

from pipeline.asl.resources import PLACEHOLDERS
from pipeline.asl.timeouts import JOB_MARGIN, REQUEST_TIMEOUT
from pipeline.definition import definition
from pipeline.stages import BATCH_TRANSFORM, REQUEST_STAGES, SAGEMAKER_NAME_LENGTH, RequestStage
from tests.pipeline.evaluators import IMPLEMENTATIONS, Evaluate
from tests.pipeline.machine import EXECUTION, TaskError, evaluated, redrive, run
from tests.pipeline.sagemaker import THROTTLED, SageMaker, requests_of

STATES = definition(PLACEHOLDERS)["States"]
TASKS = [name for name, state in STATES.items() if state["Type"] == "Task"]
JOBS = [stage for stage in REQUEST_STAGES if stage.waits]
JOB_FAILED = TaskError("States.TaskFailed", "AlgorithmError")


@pytest.mark.parametrize("name", TASKS)
def test_every_task_has_a_timeout(name: str, five_stages: dict[str, Any]) -> None:
    """Every task has a timeout."""
    seconds = evaluated(STATES[name]["TimeoutSeconds"], five_stages)
    assert isinstance(seconds, int)
    assert 0 < seconds <= 99_999_999


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"MaxRuntimeInSeconds": 3600}, 3600 + JOB_MARGIN),
        (None, 86_400 + JOB_MARGIN),
        ({"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200}, 7200 + JOB_MARGIN),
        ({"MaxRuntimeInSeconds": 3600, "MaxPendingTimeInSeconds": 1800}, 5400 + JOB_MARGIN),
        ({"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 999_999_999}, 99_999_999),
    ],
)
def test_a_job_has_the_time_of_its_stopping_condition(
    condition: dict[str, int] | None, expected: int, five_stages: dict[str, Any]
) -> None:
    """A job's timeout covers its stopping condition, plus time to start and finish."""
    five_stages["training"]["input"]["StoppingCondition"] = condition
    ended = run(five_stages, SageMaker().handlers())
    times = dict(ended.timeouts)
    assert times["createTrainingJob.sync"] == expected
    assert times["createTransformJob.sync"] == BATCH_TRANSFORM.timeout
    assert times["createModel"] == REQUEST_TIMEOUT


@pytest.mark.parametrize("name", [name for name in TASKS if "sagemaker" in STATES[name]["Resource"]])
def test_only_transient_errors_are_retried(name: str) -> None:
    """No task retries errors that the service's model attributes to the request, and all retries have jitter."""
    for rule in STATES[name].get("Retry", []):
        for error in rule["ErrorEquals"]:
            service, _, kind = error.partition(".")
            assert kind in {
                f"Amazon{service}Exception",
                f"{service}Exception",
                "SdkClientException",
                "ResourceLimitExceededException",
                "InternalDependencyException",
                "InternalFailureException",
                "ModelErrorException",  # also a serverless variant's slow start
                "ModelNotReadyException",
                "ServiceUnavailableException",
            }
        # The retries for a busy endpoint and a slow start wait for these, so jitter would not help.
        patient = rule["MaxAttempts"] == 90 or rule["ErrorEquals"] == ["SageMakerRuntime.ModelErrorException"]
        assert rule.get("JitterStrategy") == "FULL" or patient


@pytest.mark.parametrize("failures", [3, 5])
def test_throttling_passes(failures: int, five_stages: dict[str, Any]) -> None:
    """A job that is throttled up to five times is created under its regular name."""
    sagemaker = SageMaker(createTrainingJob=[THROTTLED] * failures)
    ended = run(five_stages, sagemaker.handlers(), retries=True)
    assert ended.status == "SUCCEEDED"
    names = [request["TrainingJobName"] for action, request in ended.requests if action == "createTrainingJob.sync"]
    assert names == [EXECUTION] * (failures + 1)


@pytest.mark.parametrize(
    "error", [JOB_FAILED, TaskError("SageMaker.ResourceInUseException"), TaskError("States.Timeout")]
)
def test_a_failed_job_and_a_taken_name_are_not_retried(error: TaskError, five_stages: dict[str, Any]) -> None:
    """A permanent error fails the execution immediately, with its own error and cause."""
    ended = run(five_stages, SageMaker(createTrainingJob=[error]).handlers(), retries=True)
    assert (ended.status, ended.error, ended.cause) == ("FAILED", error.error, error.cause)
    assert [action for action, _ in ended.requests].count("createTrainingJob.sync") == 1


def test_a_redriven_training_is_followed(five_stages: dict[str, Any]) -> None:
    """After a redrive of a failed training, its job has an unused name, and all later stages use its model."""
    sagemaker = SageMaker(createTrainingJob=[JOB_FAILED])
    failed = run(five_stages, sagemaker.handlers())
    assert (failed.status, failed.entered[-1]) == ("FAILED", "training")
    ended = redrive(failed, sagemaker.handlers())
    assert ended.status == "SUCCEEDED", ended
    assert "createProcessingJob.sync" in [action for action, _ in failed.requests]
    training, model = requests_of(ended, "createTrainingJob.sync")[0], requests_of(ended, "createModel")[0]
    assert training["TrainingJobName"] == f"{EXECUTION}-r1"
    made = f"{training['OutputDataConfig']['S3OutputPath']}/{EXECUTION}-r1/output/model.tar.gz"
    (evaluation,) = requests_of(ended, "createProcessingJob.sync")
    assert evaluation["ProcessingInputs"][0]["S3Input"]["S3Uri"] == made
    assert model["PrimaryContainer"]["ModelDataUrl"] == made
    assert requests_of(ended, "createTransformJob.sync")[0]["ModelName"] == model["ModelName"] == f"model-{EXECUTION}"
    # Everything else is unchanged.
    where = five_stages["evaluation"]["input"]["ProcessingOutputConfig"]
    assert evaluation["ProcessingOutputConfig"] == where


def test_a_redriven_evaluation_uses_the_existing_model(five_stages: dict[str, Any]) -> None:
    """A redrive after training does not train again, and evaluates the model of the first attempt."""
    sagemaker = SageMaker(evaluation=[JOB_FAILED])
    failed = run(five_stages, sagemaker.handlers())
    ended = redrive(failed, sagemaker.handlers(), redrives=2)
    assert ended.status == "SUCCEEDED", ended
    assert not requests_of(ended, "createTrainingJob.sync")
    (evaluation,) = requests_of(ended, "createProcessingJob.sync")
    assert evaluation["ProcessingJobName"] == f"evaluation-{EXECUTION}-r2"
    trained = failed.data["training"]["result"]["ModelArtifacts"]["S3ModelArtifacts"]
    assert evaluation["ProcessingInputs"][0]["S3Input"]["S3Uri"] == trained
    assert f"/{EXECUTION}/output/" in trained


@IMPLEMENTATIONS
@pytest.mark.parametrize("stage", JOBS, ids=lambda stage: stage.key)
@pytest.mark.parametrize("own", [None, "my-own-" + "n" * 56])
@pytest.mark.parametrize("redrives", [0, 1, 1000])
def test_names_fit_after_every_redrive(
    stage: RequestStage, own: str | None, redrives: int, evaluator: Evaluate, five_stages: dict[str, Any]
) -> None:
    """A redriven job's name fits, ends in the redrive's number and keeps its beginning, even if the user chose it."""
    five_stages[stage.key]["input"][stage.name_field] = own
    longest = "mlops-" + "m" * 29 + "-0123456789abcdef"
    name = made(stage, five_stages, evaluator, {"Name": longest, "RedriveCount": redrives})[stage.name_field]
    first = own or stage.name_prefix + longest
    suffix = f"-r{redrives}" if redrives else ""
    assert len(name) <= SAGEMAKER_NAME_LENGTH
    assert name == first[: SAGEMAKER_NAME_LENGTH - len(suffix)] + suffix


@IMPLEMENTATIONS
def test_an_execution_without_redrives_has_no_count(evaluator: Evaluate, five_stages: dict[str, Any]) -> None:
    """If the context has no RedriveCount, as on the emulator, names are those of a first attempt."""
    for stage in JOBS:
        request = made(stage, five_stages, evaluator, {"Name": EXECUTION})
        assert request[stage.name_field] == stage.name_prefix + EXECUTION


@IMPLEMENTATIONS
def test_what_a_redriven_training_moves(evaluator: Evaluate, five_stages: dict[str, Any]) -> None:
    """Only URIs below the first job's output change, at any depth; numbers and empty values stay, nulls are dropped."""
    training = five_stages["training"]["input"]
    training["OutputDataConfig"]["S3OutputPath"] = "s3://b/model/"
    five_stages["evaluation"]["input"] = {
        "Environment": None,
        "Empty": [{}, [], "", 0, False],
        "Command": ["--model", f"s3://b/model/{EXECUTION}/output/model.tar.gz,s3://b/model/{EXECUTION}/output/x"],
        "Other": f"s3://b/model/{EXECUTION}-other/output/model.tar.gz",
    }
    result = {"TrainingJobName": f"{EXECUTION}-r1", "TrainingJobStatus": "Completed"}
    output = evaluator(
        STATES["training"]["Output"].removeprefix("{%").removesuffix("%}"),
        {
            "input": five_stages,
            "result": result,
            "context": {"Execution": {"Name": EXECUTION, "RedriveCount": 1}},
        },
    )
    moved = f"s3://b/model/{EXECUTION}-r1/output/model.tar.gz,s3://b/model/{EXECUTION}-r1/output/x"
    expected = five_stages["evaluation"]["input"] | {"Command": ["--model", moved]}
    del expected["Environment"]
    assert output["evaluation"]["input"] == expected
    assert output["training"]["result"] == result


def made(stage: RequestStage, data: dict[str, Any], evaluator: Callable[..., Any], execution: dict[str, Any]) -> Any:
    """Returns a stage's request in an execution."""
    expression = STATES[stage.key]["Arguments"].removeprefix("{%").removesuffix("%}")
    return evaluator(expression, {"input": data, "context": {"Execution": execution}})
