"""Pieces of JSONata that several states share.

Step Functions adds ``$parse``, ``$partition`` and a few others to JSONata:
https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

from pipeline.stages.requests import CREATE_MODEL, RequestStage

EXECUTION_NAME = "$states.context.Execution.Name"

_COUNT = "$states.context.Execution.RedriveCount"

REDRIVES = f"($exists({_COUNT}) ? {_COUNT} : 0)"
"""How often the execution was redriven. Source:
https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html
"""

CAUGHT = "$states.errorOutput.Error & ': ' & $states.errorOutput.Cause"
"""The error that a Catch has caught, in one line."""

_WITHOUT_NULLS = (
    "$without_nulls := function($value) { $type($value) = 'object'"
    " ? $merge($append({}, $each($value, function($v, $k) { $v = null ? {} : {$k: $without_nulls($v)} })))"
    " : $type($value) = 'array' ? [$map($value, $without_nulls)] : $value }; "
)


def jsonata(expression: str) -> str:
    """The expression as it stands in a state."""
    return f"{{% {expression} %}}"


def without_nulls(expression: str) -> str:
    """An expression that may use ``$without_nulls``, which drops nulls at every depth."""
    return f"({_WITHOUT_NULLS}{expression})"


def given_object(path: str) -> str:
    """The user's object at a path without its nulls; an empty one where there is none. Inside ``without_nulls``."""
    return f"($type({path}) = 'object' ? $without_nulls({path}) : {{}})"


def text_or(path: str, default: str) -> str:
    """The text at a path, or else the value of the default expression."""
    return f"($type({path}) = 'string' ? {path} : {default})"


def or_null(path: str) -> str:
    """The value at a path, or null where there is none."""
    return f"($exists({path}) ? {path} : null)"


def number_or(path: str, default: int) -> str:
    """The number at a path, or else the default."""
    return f"($type({path}) = 'number' ? {path} : {default})"


def default_name(stage: RequestStage) -> str:
    """The name that the execution gives to what a stage makes."""
    return f"('{stage.name_prefix}' & {EXECUTION_NAME})" if stage.name_prefix else EXECUTION_NAME


MODEL_NAME = text_or("$states.input.CreateModel.input.ModelName", default_name(CREATE_MODEL))
"""The model that this execution makes, under the user's own name for it, if there is one."""

REPORT = (
    "($outputs := $states.input.evaluation.input.ProcessingOutputConfig.Outputs;"
    " $named := $outputs[OutputName = 'evaluation'];"
    " $uri := ($exists($named) ? $named : $outputs)[0].S3Output.S3Uri;"
    " $exists($uri) and ($states.input.evaluation.run = true or $type($states.input.source_execution_id) = 'string')"
    " ? $replace($uri, /\\/+$/, '') & '/evaluation.json')"
)
"""The S3 URI of the evaluation's report, of this execution or of the source one.

It lies in the output called ``evaluation``, or else in the first one.
"""


def with_result(key: str, result: str) -> str:
    """The data with a stage's result in place of any that was there."""
    return f"$merge([$states.input, {{'{key}': $merge([$states.input.{key}, {{'result': {result}}}])}}])"


def with_more(key: str, more: str) -> str:
    """The data with more in a stage's result."""
    return with_result(key, f"$merge([$states.input.{key}.result, {more}])")
