"""The registration stage's requests."""

import copy
import json
from typing import Any

import pytest

from pipeline.asl.resources import PLACEHOLDERS
from pipeline.definition import definition
from sagemaker_local.requests import check_request
from tests.pipeline.machine import ENTERED, EXECUTION, Handler, TaskError, evaluated, keep, run

STATES = definition(PLACEHOLDERS)["States"]
OTHERS = ("preprocessing", "training", "evaluation", "approval", "CreateModel", "batchTransform", "deployment")
PACKAGE = "arn:aws:sagemaker:us-east-1:123456789012:model-package/demo/7"


def asked(data: dict[str, Any]) -> Any:
    """Returns the request to the gate."""
    return evaluated(STATES["registration: keep"]["Arguments"], data)["Payload"]


def request(data: dict[str, Any]) -> Any:
    """Returns the registration's request, once the gate has made its copies."""
    state = STATES["registration: keep"]
    answer = keep(evaluated(state["Arguments"], data))
    return evaluated(STATES["registration"]["Arguments"], evaluated(state["Output"], data, result=answer))


def kept(uri: str) -> str:
    return uri.replace("s3://", "s3://kept/")


def test_the_run_determines_what_is_registered(shipped: dict[str, Any]) -> None:
    """Container, content types and report come from the run; the version is pending approval."""
    made = request(shipped)
    container = shipped["CreateModel"]["input"]["PrimaryContainer"]
    assert made == {
        "ModelPackageGroupName": "demo",
        "ModelApprovalStatus": "PendingManualApproval",
        "InferenceSpecification": {
            "Containers": [
                container | {"ModelDataUrl": kept(container["ModelDataUrl"]), "ModelDataETag": "0123"},
            ],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        "ModelMetrics": {
            "ModelQuality": {
                "Statistics": {
                    "ContentType": "application/json",
                    "S3Uri": kept(
                        shipped["evaluation"]["input"]["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
                        + "/evaluation.json"
                    ),
                }
            }
        },
    }


def test_a_baseline_is_registered(shipped: dict[str, Any]) -> None:
    """As the metrics of the model's data and as the baselines of later checks, under the user's own ones."""
    files = {"Statistics": "s3://kept/statistics.json", "Constraints": "s3://kept/constraints.json"}
    state = STATES["registration: keep"]
    answer = keep(evaluated(state["Arguments"], shipped))
    answer["Payload"]["baseline"] = files
    own = {"Bias": {"ConfigFile": {"S3Uri": "s3://mine"}}}
    shipped["registration"]["input"] = {"DriftCheckBaselines": own}
    made = evaluated(STATES["registration"]["Arguments"], evaluated(state["Output"], shipped, result=answer))
    quality = {name: {"ContentType": "application/json", "S3Uri": uri} for name, uri in files.items()}
    assert made["DriftCheckBaselines"] == {"ModelDataQuality": quality} | own
    assert made["ModelMetrics"]["ModelDataQuality"] == quality
    assert set(made["ModelMetrics"]) == {"ModelDataQuality", "ModelQuality"}


def test_without_create_model_it_is_the_trained_artifact(shipped: dict[str, Any]) -> None:
    """If CreateModel does not run, the training image and this run's artifact are registered."""
    shipped["CreateModel"] = None
    shipped["training"]["result"] = {"ModelArtifacts": {"S3ModelArtifacts": "s3://b/model.tar.gz"}}
    (container,) = asked(shipped)["keep"]["containers"]
    image = shipped["training"]["input"]["AlgorithmSpecification"]["TrainingImage"]
    assert container == {"Image": image, "ModelDataUrl": "s3://b/model.tar.gz"}


def test_several_containers_are_registered_in_their_order(shipped: dict[str, Any]) -> None:
    """The containers of an inference pipeline keep the fields that a model package has, too."""
    containers = [{"Image": name, "ModelDataUrl": f"s3://b/{name}", "Mode": "SingleModel"} for name in ("a", "b")]
    shipped["CreateModel"]["input"] = {"Containers": containers}
    assert asked(shipped)["keep"]["containers"] == [
        {"Image": name, "ModelDataUrl": f"s3://b/{name}"} for name in ("a", "b")
    ]


def test_the_users_fields_take_precedence(shipped: dict[str, Any]) -> None:
    """The user's fields take precedence, omitted ones are filled in, and nulls count as omitted."""
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
    """Without an evaluation, the version has no metrics."""
    shipped["evaluation"] = section
    assert "ModelMetrics" not in request(shipped)


def test_the_report_is_in_the_output_called_evaluation(shipped: dict[str, Any]) -> None:
    """The report is in the output called evaluation, or else in the first; a trailing slash makes no difference."""
    outputs = [{"OutputName": name, "S3Output": {"S3Uri": f"s3://b/{name}/"}} for name in ("plots", "evaluation")]
    shipped["evaluation"]["input"]["ProcessingOutputConfig"]["Outputs"] = outputs
    statistics = request(shipped)["ModelMetrics"]["ModelQuality"]["Statistics"]
    assert statistics["S3Uri"] == "s3://kept/b/evaluation/evaluation.json"
    outputs.pop()
    statistics = request(shipped)["ModelMetrics"]["ModelQuality"]["Statistics"]
    assert statistics["S3Uri"] == "s3://kept/b/plots/evaluation.json"


def exists(_request: dict[str, Any]) -> Any:
    raise TaskError("SageMaker.SageMakerException", "Model Package Group already exists: arn")


@pytest.mark.parametrize("group", [exists, lambda _request: {"ModelPackageGroupArn": "arn"}])
def test_the_group_is_created_once(group: Any, shipped: dict[str, Any]) -> None:
    """An existing group is used like a new one."""
    for key in OTHERS:
        shipped[key]["run"] = False
    handlers = {"createModelPackageGroup": group, "createModelPackage": lambda _request: {"ModelPackageArn": PACKAGE}}
    ended = run(shipped, handlers)
    states = ["registration: group", "registration: keep", "registration"]
    assert ended.entered == ["Begin", *states, "After registration", "Finished"]
    result = ended.output["registration"]["result"]
    assert (result["ModelPackageArn"], result["ModelPackageGroupName"]) == (PACKAGE, "demo")


def test_the_gate_keeps_what_was_evaluated(shipped: dict[str, Any]) -> None:
    """The gate gets the evaluation's start and outputs, so that it can detect a model that changed since."""
    shipped["evaluation"]["result"] = {"EnteredTime": ENTERED}
    outputs = shipped["evaluation"]["input"]["ProcessingOutputConfig"]["Outputs"]
    made = asked(shipped)
    assert made["execution"] == EXECUTION
    assert made["report"] == outputs[0]["S3Output"]["S3Uri"] + "/evaluation.json"
    assert made["keep"]["evaluated"] == ENTERED
    assert made["keep"]["outputs"] == [outputs[0]["S3Output"]["S3Uri"]]
    shipped["evaluation"] = None
    assert asked(shipped)["report"] is None
    assert asked(shipped)["keep"] | {"containers": None} == {"containers": None, "evaluated": None, "outputs": []}


def test_what_is_registered_is_served(last_steps: dict[str, Any]) -> None:
    """CreateModel gets the copied artifact; its other fields are unchanged, and so is any other artifact."""
    last_steps["deployment"]["run"] = last_steps["approval"]["run"] = last_steps["evaluation"]["run"] = False
    primary = last_steps["CreateModel"]["input"]["PrimaryContainer"]
    handlers: dict[str, Handler] = {
        "createModelPackageGroup": exists,
        "createModelPackage": lambda _request: {"ModelPackageArn": PACKAGE},
        "createModel": lambda _request: {"ModelArn": "arn"},
    }
    served = dict(run(copy.deepcopy(last_steps), handlers).requests)["createModel"]["PrimaryContainer"]
    assert served == primary | {"ModelDataUrl": kept(primary["ModelDataUrl"])}
    own = {"Image": "own", "ModelDataUrl": "s3://own/model.tar.gz"}
    last_steps["registration"]["input"] = {"InferenceSpecification": {"Containers": [own]}}
    requests = dict(run(last_steps, handlers).requests)
    assert requests["createModel"]["PrimaryContainer"] == primary
    (registered,) = requests["createModelPackage"]["InferenceSpecification"]["Containers"]
    assert registered["ModelDataUrl"] == kept(own["ModelDataUrl"])


def test_a_model_that_was_changed_is_not_registered(last_steps: dict[str, Any]) -> None:
    """The execution fails with the gate's message before anything is registered."""

    def changed(_request: dict[str, Any]) -> Any:
        raise TaskError(
            "ModelChangedError", json.dumps({"errorMessage": "s3://b/m was written", "stackTrace": ["..."]})
        )

    last_steps["evaluation"]["run"] = False
    ended = run(last_steps, {"createModelPackageGroup": exists, "keep": changed})
    assert (ended.status, ended.error, ended.cause) == ("FAILED", "ModelChanged", "s3://b/m was written")


def test_approval_alone_decides_if_it_runs(shipped: dict[str, Any]) -> None:
    """With approval, the version is pending even if the input says approved; without, the input decides."""
    shipped["registration"]["input"] = {"ModelApprovalStatus": "Approved"}
    for runs, status in ((True, "PendingManualApproval"), (False, "Approved")):
        shipped["approval"]["run"] = runs
        assert request(shipped)["ModelApprovalStatus"] == status
