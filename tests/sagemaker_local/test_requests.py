"""Requests that SageMaker, or this machine, does not take."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.sagemaker_local.place import IMAGE, Place

Make = Callable[..., dict[str, Any]]
CREATE = "createProcessingJob"


def test_name_is_taken(place: Place, processing_request: Make) -> None:
    """A second job of the same name is refused as SageMaker does, be the first one done or failed."""
    place.put("scripts/job.py", "raise SystemExit(1)")
    place.put("data/raw.csv", "x")
    place.fail(CREATE, processing_request())
    failure = place.fail(CREATE, processing_request())
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
def test_malformed(place: Place, processing_request: Make, changes: dict[str, Any], message: str) -> None:
    """A request that SageMaker would refuse is refused with its error: key, value and what is allowed."""
    failure = place.fail(CREATE, processing_request(**changes))
    assert failure.error == "SageMaker.AmazonSageMakerException"
    assert message in failure.cause
    assert "(Service: AmazonSageMaker; Status Code: 400; Error Code: ValidationException; Request ID: " in failure.cause


def test_new_instance_type(place: Place, processing_request: Make) -> None:
    """An instance type that botocore does not know yet is no reason to refuse."""
    place.put("scripts/job.py", "")
    place.put("data/raw.csv", "x")
    cluster = {"InstanceType": "ml.z99.48xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1}
    place.run(CREATE, processing_request(ProcessingResources={"ClusterConfig": cluster}))


def test_pipe_mode(place: Place, processing_request: Make) -> None:
    """What SageMaker can and this machine cannot is refused under a name of its own, before anything starts."""
    request = processing_request()
    request["ProcessingInputs"][0]["S3Input"]["S3InputMode"] = "Pipe"
    failure = place.fail(CREATE, request)
    assert failure.error == "Local.NotSupported"
    assert "ProcessingInputs[0].S3Input.S3InputMode is 'Pipe'" in failure.cause


def test_no_entry_point(place: Place, processing_request: Make) -> None:
    """A request that leaves the entry point to the image is refused: there is no image."""
    failure = place.fail(CREATE, processing_request(AppSpecification={"ImageUri": IMAGE}))
    assert (failure.error, "AppSpecification.ContainerEntrypoint" in failure.cause) == ("Local.NotSupported", True)


def test_unknown_action(place: Place) -> None:
    """An integration that nobody has taught us is named."""
    failure = place.fail("createLabelingJob", {})
    assert failure.error == "Local.NotSupported"
    assert "createLabelingJob" in failure.cause
