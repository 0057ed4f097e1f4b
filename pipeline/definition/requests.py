"""A stage that is one SageMaker request: its ``input`` passed whole, with the names that the user left out."""

from typing import Any

from pipeline.definition.defaults import deployment_defaults
from pipeline.definition.expressions import (
    MODEL_NAME,
    default_name,
    jsonata,
    retry,
    with_result,
    without_nulls,
)
from pipeline.definition.redrive import with_free_name, with_trained_model
from pipeline.definition.resources import Resources
from pipeline.definition.timeouts import REQUEST_TIMEOUT, job_timeout
from pipeline.stages import EVALUATION, TRAINING, RequestStage, request_stage

# SageMaker's throttling and service errors reach Step Functions under one name, as its own SDK's default policy has it:
# https://github.com/aws/aws-step-functions-data-science-sdk-python/pull/162
# Refusals have this name too; ``faults`` tells them apart.
_RETRY = retry("SageMaker.AmazonSageMakerException", "SageMaker.SdkClientException")


def request_states(stage: RequestStage, resources: Resources, *, following: str) -> dict[str, Any]:
    """The stage's one state.

    Args:
        stage: the stage.
        resources: what of the deployment it refers to.
        following: the name of the state after it.
    """
    return {
        stage.key: {
            "Type": "Task",
            "Resource": resources.integration(f"sagemaker:{stage.integration}"),
            "Arguments": jsonata(without_nulls(_request(stage, resources))),
            "TimeoutSeconds": job_timeout(stage) if stage.waits else REQUEST_TIMEOUT,
            "Output": jsonata(_output(stage)),
            "Retry": _RETRY,
            "Next": following,
        }
    }


def _request(stage: RequestStage, resources: Resources) -> str:
    """The stage's SageMaker request: the names that the user left out, the user's own input, the deployment's defaults.

    A processing input of the SageMaker SDK's making has ``AppManaged`` at its top, which the API does not know.
    """
    names = [f"'{stage.name_field}': {default_name(stage)}"]
    if stage.model_from:
        names.append(f"'{request_stage(stage.model_from).name_field}': {MODEL_NAME}")
    given = f"$sift($without_nulls($states.input.{stage.key}.input), function($v, $k) {{ $k != 'AppManaged' }})"
    request = f"$merge([{{{', '.join(names)}}}, {given}])"
    # A model's name is taken only where CreateModel has succeeded, and then no redrive comes here again.
    named = with_free_name(request, stage.name_field) if stage.waits else request
    defaults = deployment_defaults(stage, resources)
    return f"$given := {named}; $merge([$given, {', '.join(defaults)}])" if defaults else named


def _output(stage: RequestStage) -> str:
    if stage is TRAINING:
        return with_trained_model()
    # When it began, so that the gate can tell whether the model that was evaluated is still the same.
    began = "$merge([$states.result, {'EnteredTime': $states.context.State.EnteredTime}])"
    return with_result(stage.key, began if stage is EVALUATION else "$states.result")
