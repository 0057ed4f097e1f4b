"""The state of a stage that is one SageMaker request: its ``input``, with the names that the user left out.

``redrive-execution`` continues at the state that failed, with the data that it had. SageMaker never accepts the name of
a job twice, so the job of a redriven stage gets a name of its own; a training job's name is part of its artifact's URI,
which later stages have in their requests, so these follow.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
"""

import json
from typing import Any

from pipeline.asl.jsonata import (
    MODEL_NAME,
    REDRIVES,
    default_name,
    jsonata,
    text_or,
    with_result,
    without_nulls,
)
from pipeline.asl.resources import Resources
from pipeline.asl.retries import retry
from pipeline.asl.timeouts import REQUEST_TIMEOUT, job_timeout
from pipeline.stages import SAGEMAKER_NAME_LENGTH, RequestStage

# SageMaker's throttling and service errors reach Step Functions under one name, as its own SDK's default policy has it:
# https://github.com/aws/aws-step-functions-data-science-sdk-python/pull/162
# Refusals have this name too; ``retry_classification`` tells them apart.
_RETRY = retry("SageMaker.AmazonSageMakerException", "SageMaker.SdkClientException")

_NETWORK = {"TrainingJob": "VpcConfig", "Model": "VpcConfig", "ProcessingJob": "NetworkConfig"}
"""The field for the network in the request that creates it. A transform job and an endpoint run in their model's."""

_RESULTS = {
    "TrainingJob": "OutputDataConfig",
    "ProcessingJob": "ProcessingOutputConfig",
    "TransformJob": "TransformOutput",
}
"""The field in which a request says where the results go, and which ``KmsKeyId`` encrypts them.

Without one, SageMaker takes the account's default key for S3, and not that of the bucket:
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_OutputDataConfig.html
"""

_REDRIVEN = f"({REDRIVES} > 0)"


def request_state(stage: RequestStage, resources: Resources, *, following: str) -> dict[str, Any]:
    """The stage's one state.

    Args:
        stage: the stage.
        resources: the deployment's resources.
        following: the name of the state to continue with.
    """
    return {
        "Type": "Task",
        "Resource": resources.integration(f"sagemaker:{stage.integration}"),
        "Arguments": jsonata(without_nulls(_request(stage, resources))),
        "TimeoutSeconds": stage.timeout or (job_timeout(stage.key) if stage.waits else REQUEST_TIMEOUT),
        "Output": jsonata(_with_moved_output(stage) if stage.output_path else with_result(stage.key, stage.result)),
        "Retry": _RETRY,
        "Next": following,
    }


def _request(stage: RequestStage, resources: Resources) -> str:
    """The stage's SageMaker request: the names that the user left out, the user's own input, the deployment's defaults.

    A processing input of the SageMaker SDK's making has ``AppManaged`` at its top, which the API does not know.
    """
    names = [f"'{stage.name_field}': {default_name(stage)}"]
    if stage.model_from:
        names.append(f"'{stage.model_from.name_field}': {MODEL_NAME}")
    given = f"$sift($without_nulls($states.input.{stage.key}.input), function($v, $k) {{ $k != 'AppManaged' }})"
    request = f"$merge([{{{', '.join(names)}}}, {given}])"
    # A model's name is taken only where CreateModel has succeeded, and then no redrive comes here again.
    named = _with_free_name(request, stage.name_field) if stage.waits else request
    defaults = _deployment_defaults(stage, resources)
    return f"$given := {named}; $merge([$given, {', '.join(defaults)}])" if defaults else named


def _deployment_defaults(stage: RequestStage, resources: Resources) -> list[str]:
    """Expressions of objects to merge over the request ``$given``: the network, role and key that it leaves out.

    Args:
        stage: whose request it is.
        resources: the deployment's network, role and key.
    """
    found = []
    if stage.noun == "Model":
        role = json.dumps(resources.serving_role)
        found.append(f"$exists($given.ExecutionRoleArn) ? {{}} : {{'ExecutionRoleArn': {role}}}")
    network, results = _NETWORK.get(stage.noun), _RESULTS.get(stage.noun)
    if resources.subnets and network:
        vpc = {"SecurityGroupIds": [*resources.security_groups], "Subnets": [*resources.subnets]}
        if network == "VpcConfig":
            found.append(f"$exists($given.VpcConfig) ? {{}} : {{'VpcConfig': {json.dumps(vpc)}}}")
        else:
            found.append(f"{{'{network}': $merge([{{'VpcConfig': {json.dumps(vpc)}}}, $given.{network}])}}")
    if resources.key and results:
        key = json.dumps(resources.key)
        found.append(
            f"$exists($given.{results}) ? {{'{results}': $merge([{{'KmsKeyId': {key}}}, $given.{results}])}} : {{}}"
        )
    return found


def _with_free_name(request: str, field: str) -> str:
    """The request with a name that is free.

    Where the execution was redriven, the name ends in ``-r`` and the number of the redrive; its front is cut where it
    would be too long, in which a default name only loses some of its hash.

    Args:
        request: an expression.
        field: the request's field with the name.
    """
    name = f"$request.{field}"
    suffix = f"'-r' & $string({REDRIVES})"
    free = f"$substring({name}, 0, {SAGEMAKER_NAME_LENGTH} - $length({suffix})) & {suffix}"
    renamed = f"{_REDRIVEN} and $type({name}) = 'string' ? {{'{field}': {free}}} : {{}}"
    return f"($request := {request}; $merge([$request, {renamed}]))"


def _with_moved_output(stage: RequestStage) -> str:
    """The data with the stage's result, and with every URI below the first job's output moved to the redriven job's.

    The input names a job's output by the name of the execution's first job. Nulls, which mean "not given", are dropped.
    """
    path = f"$replace($states.input.{stage.key}.input.{stage.output_path}, /\\/+$/, '')"
    first = text_or(f"$states.input.{stage.key}.input.{stage.name_field}", default_name(stage))
    made = f"$states.result.{stage.name_field}"
    moved = (
        "$moved := function($value) { $type($value) = 'object'"
        " ? $merge($append({}, $each($value, function($v, $k) { $v = null ? {} : {$k: $moved($v)} })))"
        " : $type($value) = 'array' ? [$map($value, $moved)]"
        " : $type($value) = 'string' ? $join($split($value, $before), $after) : $value }"
    )
    return (
        f"($data := {with_result(stage.key, stage.result)};"
        f" {_REDRIVEN} and $type({made}) = 'string' ? ($path := {path};"
        f" $before := $path & '/' & {first} & '/'; $after := $path & '/' & {made} & '/';"
        f" {moved}; $moved($data)) : $data)"
    )
