"""Checking that the state machine's role may use the names of what the run creates."""

from typing import Any

import pytest

from pipeline.input.execution import execution_input
from tests.input.conftest import SHIPPED, TOKENS, made, refused

OFF = {"run": False}
OTHERS = ("preprocessing", "evaluation", "registration", "approval", "CreateModel", "batchTransform", "deployment")
ONLY_TRAINING: dict[str, Any] = dict.fromkeys(OTHERS, OFF) | {"source_execution_id": "mlops-demo-0123456789abcdef"}


@pytest.mark.parametrize(
    ("overrides", "path"),
    [
        ({"model_id": "churn"}, "model_id"),
        ({"model_id": "demonstration"}, "model_id"),
        ({"model_id": "x-demo"}, "model_id"),
        ({"training": {"input": {"TrainingJobName": "mine"}}}, "training.input.TrainingJobName"),
        ({"training": {"input": {"TrainingJobName": "my-demonstration-1"}}}, "training.input.TrainingJobName"),
        ({"evaluation": {"input": {"ProcessingJobName": "demo"}}}, "evaluation.input.ProcessingJobName"),
        ({"CreateModel": {"input": {"ModelName": "mine"}}}, "CreateModel.input.ModelName"),
        ({"registration": {"input": {"ModelPackageGroupName": "all"}}}, "registration.input.ModelPackageGroupName"),
        ({"deployment": {"input": {"EndpointName": "their-demo"}}}, "deployment.input.EndpointName"),
        (
            {"deployment": {"input": {"EndpointConfig": {"EndpointConfigName": "mine"}}}},
            "deployment.input.EndpointConfig.EndpointConfigName",
        ),
    ],
)
def test_a_foreign_name_is_rejected(overrides: dict[str, Any], path: str) -> None:
    """A name without the deployment's model-name is reported once, with what is allowed."""
    (problem,) = refused(**overrides)
    assert str(problem).startswith(f"line {problem.line}") or "(in the overrides)" in problem.message
    assert ".".join(map(str, problem.path)) == path
    assert "model-name" in problem.message
    assert "demo-..." in problem.message
    assert "MODEL_NAME" in problem.message


@pytest.mark.parametrize(
    "overrides",
    [
        {},
        {"model_id": "demo-europe"},
        {"model_id": "Demo"},
        {"job_prefix": "nightly"},
        {"training": {"input": {"TrainingJobName": "demo-1"}}},
        {"training": {"input": {"TrainingJobName": "our-demo-1"}}},
        {"deployment": {"input": {"EndpointName": "demo-blue"}}},
        # A stage that does not run creates nothing.
        ONLY_TRAINING | {"CreateModel": {"run": False, "input": {"ModelName": "mine"}}},
        # Jobs that begin with the model-name need no model_id of that name.
        ONLY_TRAINING | {"job_prefix": "demo", "model_id": "churn"},
    ],
    ids=str,
)
def test_own_names_are_accepted(overrides: dict[str, Any]) -> None:
    """Names that contain the deployment's model-name are valid, in upper or lower case."""
    assert made(**overrides)


def test_the_limit_is_the_deployments() -> None:
    """The model-name is the deployment's own, so the shipped input is valid in every deployment."""
    assert execution_input(SHIPPED, tokens=TOKENS | {"MODEL_NAME": "churn"}, event_id="event")
