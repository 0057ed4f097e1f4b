"""The state machine's definition, made from the stage list: Amazon States Language with JSONata.

Each stage is two states: a Choice on its ``run`` flag and a Task that passes the stage's ``input`` whole to SageMaker.
So a full run of n stages takes 2n state transitions, and a request field that SageMaker adds tomorrow needs no change
here. The definition holds nothing of one deployment but the partition.
"""

from typing import Any

from pipeline.stages import STAGES, Stage, stage

_EXECUTION_NAME = "$states.context.Execution.Name"

_WITHOUT_NULLS = (
    "$without_nulls := function($value) { $type($value) = 'object'"
    " ? $merge($append({}, $each($value, function($v, $k) { $v = null ? {} : {$k: $without_nulls($v)} })))"
    " : $type($value) = 'array' ? [$map($value, $without_nulls)] : $value }; "
)

# Capacity comes back within minutes to hours, so its retries are patient. SageMaker's throttling and service errors
# reach Step Functions under one name, as its own SDK's default policy has it:
# https://github.com/aws/aws-step-functions-data-science-sdk-python/pull/162
_RETRY = [
    {
        "ErrorEquals": ["SageMaker.ResourceLimitExceededException"],
        "IntervalSeconds": 60,
        "BackoffRate": 2.0,
        "MaxDelaySeconds": 900,
        "MaxAttempts": 8,
        "JitterStrategy": "FULL",
    },
    {
        "ErrorEquals": ["SageMaker.AmazonSageMakerException"],
        "IntervalSeconds": 2,
        "BackoffRate": 2.0,
        "MaxAttempts": 5,
        "JitterStrategy": "FULL",
    },
]


def choice_name(key: str) -> str:
    """The name of the Choice state that asks whether the stage with this key runs."""
    return f"Run {key}?"


def definition(*, partition: str = "aws") -> dict[str, Any]:
    """The definition of the whole pipeline.

    Args:
        partition: the AWS partition in the ARNs of the service integrations.
    """
    states: dict[str, Any] = {}
    following = [choice_name(next_stage.key) for next_stage in STAGES[1:]] + ["Finished"]
    for this, after in zip(STAGES, following, strict=True):
        states[choice_name(this.key)] = {
            "Type": "Choice",
            "Choices": [{"Condition": f"{{% $states.input.{this.key}.run = true %}}", "Next": this.key}],
            "Default": after,
        }
        states[this.key] = _task(this, partition) | ({"End": True} if after == "Finished" else {"Next": after})
    states["Finished"] = {"Type": "Succeed"}
    return {
        "Comment": "MLOps pipeline: each stage of input.yaml whose run flag is true, in order.",
        "QueryLanguage": "JSONata",
        "StartAt": choice_name(STAGES[0].key),
        "States": states,
    }


def _task(this: Stage, partition: str) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": f"arn:{partition}:states:::sagemaker:{this.integration}",
        "Arguments": f"{{% ({_WITHOUT_NULLS}{_request(this)}) %}}",
        "Output": (
            f"{{% $merge([$states.input, {{'{this.key}':"
            f" $merge([$states.input.{this.key}, {{'result': $states.result}}])}}]) %}}"
        ),
        "Retry": _RETRY,
    }


def _request(this: Stage) -> str:
    """The stage's SageMaker request: the names that the user left out, then the user's own input.

    A processing input of the SageMaker SDK's making has ``AppManaged`` at its top, which the API does not know.
    """
    names = [f"'{this.name_field}': {_default_name(this)}"]
    if this.model_from:
        model = stage(this.model_from)
        given = f"$states.input.{model.key}.input.{model.name_field}"
        names.append(f"'{model.name_field}': $type({given}) = 'string' ? {given} : {_default_name(model)}")
    given = f"$sift($without_nulls($states.input.{this.key}.input), function($v, $k) {{ $k != 'AppManaged' }})"
    return f"$merge([{{{', '.join(names)}}}, {given}])"


def _default_name(this: Stage) -> str:
    return f"'{this.name_prefix}' & {_EXECUTION_NAME}" if this.name_prefix else _EXECUTION_NAME
