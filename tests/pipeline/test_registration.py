"""The registration's requests."""

from typing import Any

import pytest

from local.jobs.requests import check_request
from pipeline.definition import definition
from pipeline.definition.resources import PLACEHOLDERS
from tests.pipeline.machine import TaskError, evaluated, run

STATES = definition(PLACEHOLDERS)["States"]
OTHERS = ("preprocessing", "training", "evaluation", "approval", "CreateModel", "batchTransform", "deployment")
PACKAGE = "arn:aws:sagemaker:us-east-1:123456789012:model-package/demo/7"


def request(data: dict[str, Any]) -> Any:
    """What registration sends."""
    return evaluated(STATES["registration"]["Arguments"], data)


def test_the_run_says_what_is_registered(shipped: dict[str, Any]) -> None:
    """Container, content types and report come from the run; the version waits for its approval."""
    made = request(shipped)
    container = shipped["CreateModel"]["input"]["PrimaryContainer"]
    assert made == {
        "ModelPackageGroupName": "demo",
        "ModelApprovalStatus": "PendingManualApproval",
        "InferenceSpecification": {
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        "ModelMetrics": {
            "ModelQuality": {
                "Statistics": {
                    "ContentType": "application/json",
                    "S3Uri": shipped["evaluation"]["input"]["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
                    + "/evaluation.json",
                }
            }
        },
    }


def test_without_create_model_it_is_the_trained_artifact(shipped: dict[str, Any]) -> None:
    """Where CreateModel does not run, the training image and the artifact of this run are registered."""
    shipped["CreateModel"] = None
    shipped["training"]["result"] = {"ModelArtifacts": {"S3ModelArtifacts": "s3://b/model.tar.gz"}}
    (container,) = request(shipped)["InferenceSpecification"]["Containers"]
    image = shipped["training"]["input"]["AlgorithmSpecification"]["TrainingImage"]
    assert container == {"Image": image, "ModelDataUrl": "s3://b/model.tar.gz"}


def test_several_containers_are_registered_in_their_order(shipped: dict[str, Any]) -> None:
    """The containers of an inference pipeline keep what a model package knows of them."""
    containers = [{"Image": name, "ModelDataUrl": f"s3://b/{name}", "Mode": "SingleModel"} for name in ("a", "b")]
    shipped["CreateModel"]["input"] = {"Containers": containers}
    assert request(shipped)["InferenceSpecification"]["Containers"] == [
        {"Image": name, "ModelDataUrl": f"s3://b/{name}"} for name in ("a", "b")
    ]


def test_what_the_user_says_wins_field_by_field(shipped: dict[str, Any]) -> None:
    """The user's fields stand; what they leave out is still filled in; nulls are none."""
    shipped["registration"]["input"] = {
        "ModelPackageGroupName": "champions",
        "ModelApprovalStatus": None,
        "Domain": "MACHINE_LEARNING",
        "InferenceSpecification": {"SupportedContentTypes": ["application/json"], "Containers": None},
        "ModelMetrics": {"Bias": {"Report": {"ContentType": "application/json", "S3Uri": "s3://b/bias.json"}}},
    }
    made = request(shipped)
    assert made["ModelPackageGroupName"] == "champions"
    assert made["ModelApprovalStatus"] == "PendingManualApproval"
    assert made["Domain"] == "MACHINE_LEARNING"
    assert made["InferenceSpecification"]["SupportedContentTypes"] == ["application/json"]
    assert len(made["InferenceSpecification"]["Containers"]) == 1
    assert set(made["ModelMetrics"]) == {"Bias", "ModelQuality"}
    check_request("createModelPackage", made)
    assert evaluated(STATES["registration: group"]["Arguments"], shipped) == {"ModelPackageGroupName": "champions"}


@pytest.mark.parametrize("section", [None, {"run": False, "input": {}}])
def test_without_a_report_there_are_no_metrics(section: Any, shipped: dict[str, Any]) -> None:
    """Where nothing was evaluated, the version has no metrics."""
    shipped["evaluation"] = section
    assert "ModelMetrics" not in request(shipped)


def test_the_report_lies_in_the_output_called_evaluation(shipped: dict[str, Any]) -> None:
    """Among several outputs, the one called evaluation; else the first; a slash at the end changes nothing."""
    outputs = [{"OutputName": name, "S3Output": {"S3Uri": f"s3://b/{name}/"}} for name in ("plots", "evaluation")]
    shipped["evaluation"]["input"]["ProcessingOutputConfig"]["Outputs"] = outputs
    statistics = request(shipped)["ModelMetrics"]["ModelQuality"]["Statistics"]
    assert statistics["S3Uri"] == "s3://b/evaluation/evaluation.json"
    outputs.pop()
    statistics = request(shipped)["ModelMetrics"]["ModelQuality"]["Statistics"]
    assert statistics["S3Uri"] == "s3://b/plots/evaluation.json"


def exists(_request: dict[str, Any]) -> Any:
    raise TaskError("SageMaker.SageMakerException", "Model Package Group already exists: arn")


@pytest.mark.parametrize("group", [exists, lambda _request: {"ModelPackageGroupArn": "arn"}])
def test_the_group_is_made_once(group: Any, shipped: dict[str, Any]) -> None:
    """A group that is there already is as good as one that was made."""
    for key in OTHERS:
        shipped[key]["run"] = False
    handlers = {"createModelPackageGroup": group, "createModelPackage": lambda _request: {"ModelPackageArn": PACKAGE}}
    ended = run(shipped, handlers)
    assert ended.entered == ["Begin", "registration: group", "registration", "After registration", "Finished"]
    result = {"ModelPackageArn": PACKAGE, "ModelPackageGroupName": "demo"}
    assert ended.output["registration"]["result"] == result
