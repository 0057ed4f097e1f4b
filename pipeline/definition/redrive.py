"""What a redriven execution does otherwise: names that are free, and URIs that follow the model it has made.

``redrive-execution`` continues at the state that failed, with the data that it had. SageMaker never gives a job's name
again, so the job of a redriven stage gets a name of its own; a training job's name is in the URI of its artifact, which
the stages after it have in their requests.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
"""

from pipeline.definition.expressions import EXECUTION_NAME, REDRIVES, text_or, with_result
from pipeline.stages import SAGEMAKER_NAME_LENGTH, TRAINING

_REDRIVEN = f"({REDRIVES} > 0)"


def with_free_name(request: str, field: str) -> str:
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


def with_trained_model() -> str:
    """The data with training's result, and every URI below the first job's output below that of the job that made it.

    As it is written, the input names the model by the name that the execution's first training job has. Nulls, which
    stand for what is not given, go.
    """
    path = "$replace($states.input.training.input.OutputDataConfig.S3OutputPath, /\\/+$/, '')"
    first = text_or(f"$states.input.{TRAINING.key}.input.{TRAINING.name_field}", EXECUTION_NAME)
    made = f"$states.result.{TRAINING.name_field}"
    moved = (
        "$moved := function($value) { $type($value) = 'object'"
        " ? $merge($append({}, $each($value, function($v, $k) { $v = null ? {} : {$k: $moved($v)} })))"
        " : $type($value) = 'array' ? [$map($value, $moved)]"
        " : $type($value) = 'string' ? $join($split($value, $before), $after) : $value }"
    )
    return (
        f"($data := {with_result(TRAINING.key, '$states.result')};"
        f" {_REDRIVEN} and $type({made}) = 'string' ? ($path := {path};"
        f" $before := $path & '/' & {first} & '/'; $after := $path & '/' & {made} & '/';"
        f" {moved}; $moved($data)) : $data)"
    )
