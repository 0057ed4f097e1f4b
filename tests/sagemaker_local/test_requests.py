"""Requests that SageMaker rejects or this machine does not support."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.sagemaker_local.sandbox import IMAGE, Sandbox

Make = Callable[..., dict[str, Any]]
CREATE = "createProcessingJob"


def test_name_is_taken(sandbox: Sandbox, processing_request: Make) -> None:
    """A second job with the same name is rejected as in SageMaker, even if the first has failed."""
    sandbox.put("scripts/job.py", "raise SystemExit(1)")
    sandbox.put("data/raw.csv", "x")
    sandbox.fail(CREATE, processing_request())
    failure = sandbox.fail(CREATE, processing_request())
    assert failure.error == "SageMaker.ResourceInUseException"
    assert failure.cause.startswith("Job name must be unique within an AWS account and region")
    assert "Error Code: ResourceInUse;" in failure.cause


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"ProcessingJobName": "not_a_name"},
            (
                "1 validation error detected: Value 'not_a_name' at 'processingJobName' failed to satisfy constraint: "
                "Member must satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
            ),
        ),
        ({"ProcessingJobName": "x" * 64}, "Member must have length less than or equal to 63"),
        ({"Colour": "blue"}, 'Unknown parameter in input: "Colour"'),
        ({"RoleArn": "not-the-arn-of-any-role"}, "'roleArn' failed to satisfy constraint"),
        ({"Environment": {"1A": "x"}}, "'environment.1A.key' failed to satisfy constraint"),
        ({"StoppingCondition": {"MaxRuntimeInSeconds": "3600"}}, "StoppingCondition.MaxRuntimeInSeconds"),
        (
            {"ProcessingInputs": [{"InputName": "a", "S3Input": {"S3Uri": "s3://b/k", "S3DataType": "Everything"}}]},
            (
                "Value 'Everything' at 'processingInputs.1.member.s3Input.s3DataType' failed to satisfy constraint: "
                "Member must satisfy enum value set: [ManifestFile, S3Prefix]"
            ),
        ),
        (
            {
                "ProcessingInputs": [
                    {"InputName": "a", "S3Input": {"S3Uri": "s3://b/k", "S3DataType": "S3Prefix", "LocalPath": "/etc"}}
                ]
            },
            "Value '/etc' at 'ProcessingInputs[0].S3Input.LocalPath'",
        ),
    ],
)
def test_malformed(sandbox: Sandbox, processing_request: Make, changes: dict[str, Any], message: str) -> None:
    """A malformed request is rejected with SageMaker's error: the key, the value and the constraint."""
    failure = sandbox.fail(CREATE, processing_request(**changes))
    assert failure.error == "SageMaker.AmazonSageMakerException"
    assert message in failure.cause
    assert "(Service: AmazonSageMaker; Status Code: 400; Error Code: ValidationException; Request ID: " in failure.cause


def test_new_instance_type(sandbox: Sandbox, processing_request: Make) -> None:
    """An instance type that botocore does not know yet is accepted."""
    sandbox.put("scripts/job.py", "")
    sandbox.put("data/raw.csv", "x")
    cluster = {"InstanceType": "ml.z99.48xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1}
    sandbox.run(CREATE, processing_request(ProcessingResources={"ClusterConfig": cluster}))


def test_pipe_mode(sandbox: Sandbox, processing_request: Make) -> None:
    """A SageMaker feature that this machine does not support is rejected with a separate error name."""
    request = processing_request()
    request["ProcessingInputs"][0]["S3Input"]["S3InputMode"] = "Pipe"
    failure = sandbox.fail(CREATE, request)
    assert failure.error == "Local.NotSupported"
    assert "ProcessingInputs[0].S3Input.S3InputMode is 'Pipe'" in failure.cause


def test_no_entry_point(sandbox: Sandbox, processing_request: Make) -> None:
    """A request without an entry point is rejected, because the image does not run here."""
    failure = sandbox.fail(CREATE, processing_request(AppSpecification={"ImageUri": IMAGE}))
    assert (failure.error, "AppSpecification.ContainerEntrypoint" in failure.cause) == ("Local.NotSupported", True)


def test_unknown_action(sandbox: Sandbox) -> None:
    """An unknown action is rejected by name."""
    failure = sandbox.fail("createLabelingJob", {})
    assert failure.error == "Local.NotSupported"
    assert "createLabelingJob" in failure.cause
