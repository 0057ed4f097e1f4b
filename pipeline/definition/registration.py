"""Registration: the model package group, made if it is missing, and a version in it that waits for its approval."""

from typing import Any

from pipeline.definition.expressions import (
    REPORT,
    SDK_RETRY,
    given_object,
    jsonata,
    text_or,
    with_result,
    without_nulls,
)
from pipeline.definition.resources import Resources

GROUP = "registration: group"

GROUP_NAME = text_or("$states.input.registration.input.ModelPackageGroupName", "$states.input.model_id")
"""The model package group: the user's, or that of the model."""

DEFAULT_CONTENT_TYPE = "text/csv"

_CONTAINER_FIELDS = "['ContainerHostname', 'Image', 'ModelDataUrl', 'ModelDataSource', 'Environment']"
"""What a model's and a model package's container definition have in common."""


def registration_states(resources: Resources, *, following: str) -> dict[str, Any]:
    """The stage's states.

    Args:
        resources: what of the deployment they refer to.
        following: the name of the state after them.
    """
    return {
        GROUP: {
            "Type": "Task",
            "Resource": resources.integration("aws-sdk:sagemaker:createModelPackageGroup"),
            "Arguments": {"ModelPackageGroupName": jsonata(GROUP_NAME)},
            "Output": jsonata("$states.input"),
            # There is no call that makes it only where it is missing. Where it is neither there nor could be made, the
            # next state fails, and says so.
            "Catch": [
                {
                    "ErrorEquals": ["SageMaker.SageMakerException"],
                    "Output": jsonata("$states.input"),
                    "Next": "registration",
                }
            ],
            "Next": "registration",
        },
        "registration": {
            "Type": "Task",
            "Resource": resources.integration("aws-sdk:sagemaker:createModelPackage"),
            "Arguments": jsonata(without_nulls(_request())),
            "Output": jsonata(
                with_result(
                    "registration",
                    f"{{'ModelPackageArn': $states.result.ModelPackageArn, 'ModelPackageGroupName': {GROUP_NAME}}}",
                )
            ),
            "Retry": SDK_RETRY,
            "Next": following,
        },
    }


def _request() -> str:
    """CreateModelPackage's request: what the run tells, with the user's own over it, field by field.

    The container is the one that CreateModel serves, or else the training image with this run's artifact.
    """
    model = "$states.input.CreateModel.input"
    training = "$states.input.training"
    transform = "$states.input.batchTransform.input"
    trained = (
        f"{{'Image': {training}.input.AlgorithmSpecification.TrainingImage,"
        f" 'ModelDataUrl': {training}.result.ModelArtifacts.S3ModelArtifacts}}"
    )
    fields = f"function($v, $k) {{ $k in {_CONTAINER_FIELDS} }}"
    containers = (
        f"$states.input.CreateModel.run != true and $exists({training}.result) ? [{trained}]"
        f" : $exists({model}.PrimaryContainer.Image) ? [$sift($without_nulls({model}.PrimaryContainer), {fields})]"
        f" : $exists({model}.Containers[0])"
        f" ? [$map({model}.Containers, function($c) {{ $sift($without_nulls($c), {fields}) }})]"
        f" : [{trained}]"
    )
    specification = (
        f"{{'Containers': {containers},"
        f" 'SupportedContentTypes': [{text_or(f'{transform}.TransformInput.ContentType', _quoted())}],"
        f" 'SupportedResponseMIMETypes': [{text_or(f'{transform}.TransformOutput.Accept', _quoted())}]}}"
    )
    metrics = (
        "($report := " + REPORT + "; $exists($report) ? {'ModelQuality':"
        " {'Statistics': {'ContentType': 'application/json', 'S3Uri': $report}}} : {})"
    )
    return (
        f"$given := {given_object('$states.input.registration.input')};"
        f" $metrics := $merge([{metrics}, $given.ModelMetrics]);"
        f" $merge([{{'ModelPackageGroupName': {GROUP_NAME}, 'ModelApprovalStatus': 'PendingManualApproval'}}, $given,"
        f" {{'InferenceSpecification': $merge([{specification}, $given.InferenceSpecification])}},"
        f" $metrics = {{}} ? {{}} : {{'ModelMetrics': $metrics}}])"
    )


def _quoted() -> str:
    return f"'{DEFAULT_CONTENT_TYPE}'"
