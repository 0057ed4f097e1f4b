"""Registration: the model package group, made if it is missing, and a version in it that waits for its approval.

registration: group   the model package group
registration: keep    the gate copies the model and its report to where no job can write; these are what counts
registration          a version in the group
"""

from typing import Any

from pipeline.asl.jsonata import (
    EXECUTION_NAME,
    REPORT,
    given_object,
    jsonata,
    or_null,
    text_or,
    with_more,
    with_result,
    without_nulls,
)
from pipeline.asl.resources import Resources
from pipeline.asl.retries import LAMBDA_RETRY, SDK_RETRY
from pipeline.asl.timeouts import KEEPING_TIMEOUT
from pipeline.grants import Grants, OwnGrant, sagemaker
from pipeline.stages.registration import GROUP

_KEEP = "registration: keep"
_REFUSED = "registration: refused"

_RESULT = "$states.input.registration.result"

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
                    "Next": _KEEP,
                }
            ],
            "Next": _KEEP,
        },
        _KEEP: {
            "Type": "Task",
            "Resource": resources.integration("lambda:invoke"),
            "Arguments": {"FunctionName": resources.gate, "Payload": jsonata(without_nulls(_keep_request()))},
            "TimeoutSeconds": KEEPING_TIMEOUT,
            "Output": jsonata(_kept()),
            "Retry": LAMBDA_RETRY,
            "Catch": [
                {
                    "ErrorEquals": ["ModelChangedError", "ModelMissingError"],
                    "Output": jsonata(
                        with_result(
                            "registration",
                            "{'error': $replace($states.errorOutput.Error, /Error$/, ''),"
                            " 'cause': $parse($states.errorOutput.Cause).errorMessage}",
                        )
                    ),
                    "Next": _REFUSED,
                }
            ],
            "Next": "registration",
        },
        _REFUSED: {
            "Type": "Fail",
            "Error": jsonata(f"{_RESULT}.error"),
            "Cause": jsonata(f"{_RESULT}.cause"),
        },
        "registration": {
            "Type": "Task",
            "Resource": resources.integration("aws-sdk:sagemaker:createModelPackage"),
            "Arguments": jsonata(without_nulls(_request())),
            "Output": jsonata(
                with_more(
                    "registration",
                    f"{{'ModelPackageArn': $states.result.ModelPackageArn, 'ModelPackageGroupName': {GROUP_NAME}}}",
                )
            ),
            "Retry": SDK_RETRY,
            "Next": following,
        },
    }


def _keep_request() -> str:
    """What the gate is to keep: the containers that will be registered, and the report.

    A container is the user's own, or the one that CreateModel serves, or else the training image with this run's
    artifact.
    """
    given = "$given.InferenceSpecification.Containers"
    model = "$states.input.CreateModel.input"
    training = "$states.input.training"
    trained = (
        f"{{'Image': {training}.input.AlgorithmSpecification.TrainingImage,"
        f" 'ModelDataUrl': {training}.result.ModelArtifacts.S3ModelArtifacts}}"
    )
    fields = f"function($v, $k) {{ $k in {_CONTAINER_FIELDS} }}"
    containers = (
        f"$exists({given}[0]) ? {given}"
        f" : $states.input.CreateModel.run != true and $exists({training}.result) ? [{trained}]"
        f" : $exists({model}.PrimaryContainer.Image) ? [$sift($without_nulls({model}.PrimaryContainer), {fields})]"
        f" : $exists({model}.Containers[0])"
        f" ? [$map({model}.Containers, function($c) {{ $sift($without_nulls($c), {fields}) }})]"
        f" : [{trained}]"
    )
    return (
        f"$given := {given_object('$states.input.registration.input')}; $containers := {containers};"
        f" {{'execution': {EXECUTION_NAME}, 'report': {or_null(REPORT)}, 'keep': {{'containers': [$containers],"
        " 'evaluated': $states.input.evaluation.run = true ? $states.input.evaluation.result.EnteredTime : null,"
        " 'outputs': [$states.input.evaluation.input.ProcessingOutputConfig.Outputs.S3Output.S3Uri]}}"
    )


def _kept() -> str:
    """The data with what was kept; CreateModel's input names the artifacts where they lie now, as the registry does."""
    moved = (
        "$moved := $states.result.Payload.moved;"
        " $move := function($value) { $type($value) = 'object'"
        " ? $merge($append({}, $each($value, function($v, $k) { $v = null ? {} : {$k: $move($v)} })))"
        " : $type($value) = 'array' ? [$map($value, $move)]"
        " : $type($value) = 'string' ? ($to := $moved[from = $value].to[0]; $exists($to) ? $to : $value) : $value }"
    )
    result = "{'containers': [$states.result.Payload.containers], 'report': $states.result.Payload.report}"
    served = "{'CreateModel': $merge([$states.input.CreateModel, {'input': $move($states.input.CreateModel.input)}])}"
    return (
        f"($data := {with_result('registration', result)};"
        f" $count($states.result.Payload.moved) > 0 and $type($states.input.CreateModel.input) = 'object'"
        f" ? ({moved}; $merge([$data, {served}])) : $data)"
    )


def _request() -> str:
    """CreateModelPackage's request: what the run tells, with the user's own over it, field by field.

    Where approval runs, it alone decides.
    """
    transform = "$states.input.batchTransform.input"
    specification = (
        f"{{'SupportedContentTypes': [{text_or(f'{transform}.TransformInput.ContentType', _quoted())}],"
        f" 'SupportedResponseMIMETypes': [{text_or(f'{transform}.TransformOutput.Accept', _quoted())}]}}"
    )
    metrics = (
        f"($type({_RESULT}.report) = 'object' ? {{'ModelQuality':"
        f" {{'Statistics': {{'ContentType': 'application/json', 'S3Uri': {_RESULT}.report.S3Uri}}}}}} : {{}})"
    )
    pending = "{'ModelApprovalStatus': 'PendingManualApproval'}"
    return (
        f"$given := {given_object('$states.input.registration.input')};"
        f" $metrics := $merge([{metrics}, $given.ModelMetrics]);"
        f" $merge([{{'ModelPackageGroupName': {GROUP_NAME}}}, {pending}, $given,"
        f" $states.input.approval.run = true ? {pending} : {{}},"
        f" {{'InferenceSpecification': $merge([{specification}, $given.InferenceSpecification,"
        f" {{'Containers': [{_RESULT}.containers]}}])}},"
        f" $metrics = {{}} ? {{}} : {{'ModelMetrics': $metrics}}])"
    )


def _quoted() -> str:
    return f"'{DEFAULT_CONTENT_TYPE}'"


GRANTS: Grants = {
    "lambda:invoke": (OwnGrant("lambda:InvokeFunction", "gate"),),
    "aws-sdk:sagemaker:createModelPackageGroup": sagemaker("CreateModelPackageGroup", "model-package-group"),
    "aws-sdk:sagemaker:createModelPackage": sagemaker(
        ("CreateModelPackage", "AddTags"), "model-package", "model-package-group"
    ),
}
