"""The checks of registration, approval and deployment across keys and stages."""

from typing import Any

import pytest

from tests.input.conftest import made, refused

OFF = {"run": False}
SOURCE = "mlops-demo-0123456789abcdef"
METRIC = "binary_classification_metrics.auc.value"
INSTANCES = {"VariantName": "a", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}


def scaled(**changes: Any) -> dict[str, Any]:
    """A deployment with autoscaling, of a variant with instances."""
    scaling = {"min_capacity": 1, "max_capacity": 3, "invocations_per_instance": 100} | changes
    return {"input": {"EndpointConfig": {"ProductionVariants": [INSTANCES]}}, "autoscaling": scaling}


@pytest.mark.parametrize(
    ("overrides", "path", "expected"),
    [
        (
            {"training": OFF, "evaluation": OFF, "approval": OFF, "CreateModel": OFF},
            "registration.run",
            "neither training.run nor CreateModel.run is",
        ),
        (
            {"registration": {"input": {"ModelApprovalStatus": "Approved"}}},
            "registration.input.ModelApprovalStatus",
            "is 'Approved', and approval.run is true",
        ),
        ({"evaluation": OFF}, "approval.run", "evaluation.run is not"),
        ({"evaluation": None}, "approval.run", "evaluation.run is not"),
        (
            {"registration": OFF, "approval": {"must_beat_champion": True}},
            "approval.must_beat_champion",
            "registration.run is not",
        ),
        ({"approval": {"must_beat_champion": True, "metrics": None}}, "approval.by", "needs one to compare by"),
        ({"approval": {"metrics": [{"name": METRIC}]}}, "approval.metrics[0]", "expected at least 2 keys, not 1"),
        (
            {"approval": {"metrics": [{"name": METRIC, "minimum": None}]}},
            "approval.metrics[0]",
            "neither a minimum nor a maximum",
        ),
        (
            {"approval": {"metrics": [{"name": METRIC, "minimum": 0.9, "maximum": 0.8}]}},
            "approval.metrics[0].minimum",
            "exceeds maximum, 0.8",
        ),
        ({"approval": {"metrics": [{"name": METRIC, "minimum": "0.9"}]}}, "approval.metrics[0].minimum", "a number"),
        ({"approval": {"timeout_seconds": 0}}, "approval.timeout_seconds", "at least 1"),
        ({"approval": {"manuel": True}}, "approval.manuel", "did you mean manual?"),
        ({"deployment": {"smoke_test": {"S3Uri": None}}}, "deployment.smoke_test", "one of S3Uri"),
        ({"deployment": {"smoke_test": {"Body": "1,2"}}}, "deployment.smoke_test", "one of S3Uri"),
        ({"deployment": {"smoke_test": {"S3Uri": "b/k"}}}, "deployment.smoke_test.S3Uri", "s3://"),
        ({"deployment": scaled(min_capacity=4)}, "deployment.autoscaling.min_capacity", "exceeds max_capacity, 3"),
        ({"deployment": scaled(max_capacity=None)}, "deployment.autoscaling.max_capacity", "is null"),
        (
            {"deployment": {"autoscaling": scaled()["autoscaling"]}},
            "deployment.autoscaling",
            "needs a variant with instances",
        ),
        ({"deployment": {"input": {"EndpointName": "my endpoint"}}}, "deployment.input.EndpointName", "letters"),
        (
            {"training": {"input": {"AlgorithmSpecification": None}}},
            "training.input.AlgorithmSpecification",
            "is missing, and so is ServerlessJobConfig",
        ),
        (
            {"batchTransform": {"input": {"MaxConcurrentTransforms": 3, "MaxPayloadInMB": 34}}},
            "batchTransform.input.MaxPayloadInMB",
            "is 34, and MaxConcurrentTransforms is 3; SageMaker allows 100 MB for all",
        ),
        (
            {"batchTransform": {"input": {"MaxConcurrentTransforms": 17, "MaxPayloadInMB": None}}},
            "batchTransform.input.MaxPayloadInMB",
            "is 6 by default, and MaxConcurrentTransforms is 17",
        ),
        (
            {"batchTransform": {"input": {"MaxConcurrentTransforms": None, "MaxPayloadInMB": 101}}},
            "batchTransform.input.MaxPayloadInMB",
            "is 101; SageMaker allows 100 MB",
        ),
        (
            {"registration": {"input": {"InferenceSpecification": {"Container": []}}}},
            "registration.input.InferenceSpecification.Container",
            "did you mean Containers?",
        ),
    ],
    ids=str,
)
def test_contradictions_are_rejected(overrides: dict[str, Any], path: str, expected: str) -> None:
    """Each contradiction is rejected before anything starts, with the key and the remedy."""
    found = {str(problem) for problem in refused(**overrides)}
    assert any(f"{path}: " in problem and expected in problem for problem in found), found


@pytest.mark.parametrize(
    "overrides",
    [
        {"registration": {"input": None}, "approval": OFF},
        {"registration": OFF, "approval": {"manual": True, "metrics": None}, "evaluation": OFF},
        {"evaluation": OFF, "source_execution_id": SOURCE},
        {"training": OFF, "CreateModel": OFF, "source_execution_id": SOURCE},
        {"training": {"run": False, "input": None}, "source_execution_id": SOURCE},
        {"batchTransform": {"input": {"MaxConcurrentTransforms": 4, "MaxPayloadInMB": 25}}},
        {"batchTransform": {"input": {"MaxConcurrentTransforms": 0, "MaxPayloadInMB": 100}}},
        {"batchTransform": {"run": False, "input": {"MaxConcurrentTransforms": 4, "MaxPayloadInMB": 26}}},
        {"approval": {"must_beat_champion": True}},
        {"approval": {"must_beat_champion": True, "metrics": None, "by": METRIC}},
        {"approval": {"metrics": [{"name": METRIC, "minimum": 0, "maximum": 1}]}},
        {"deployment": scaled()},
        {"deployment": {"input": None}},
        {"deployment": {"smoke_test": None}},
        {"deployment": {"smoke_test": {"S3Uri": "s3://bucket/SFN_EXECUTION_ID.csv"}}},
        {
            "deployment": {
                "input": {"EndpointConfig": {"ProductionVariants": [INSTANCES | {"InitialVariantWeight": 0.5}]}}
            }
        },
    ],
    ids=str,
)
def test_valid_combinations_are_accepted(overrides: dict[str, Any]) -> None:
    """Optional keys may be omitted, and a source execution replaces stages that do not run."""
    assert made(**overrides)
