"""A request field that ``pipeline/integration_fields.py`` does not list, with a value that SageMaker refuses."""

import json
from collections.abc import Iterator

from aws_check.assumptions import CONFIRMED, NOT_SETTLED, REFUTED, Answer
from aws_check.context import Context, NotPossibleError, ScenarioError
from aws_check.names import PREFIX
from pipeline.stages import EVENT_HASH_LENGTH, STAGES

_FIELD, _VALUE = "RetryStrategy", {"MaximumRetryAttempts": 31}
"""At most 30 are allowed: so no job starts, whether Step Functions passes the field on or not
(https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_RetryStrategy.html)."""


def unlisted_field(context: Context) -> Iterator[Answer]:
    """Starts the state machine itself, since the start function would refuse the value."""
    if context.shipped is None:
        raise NotPossibleError("the shipped input left no request to copy")
    described = context.target.executions.describe(context.shipped)
    content = json.loads(described["input"])
    for stage in STAGES:
        content[stage.key]["run"] = stage.key == "training"
    content["training"]["input"][_FIELD] = _VALUE
    started = context.target.step_functions.start_execution(
        stateMachineArn=context.target.stack.state_machine,
        name=PREFIX + "f" * EVENT_HASH_LENGTH,
        input=json.dumps(content),
    )
    ended = context.follow(started["executionArn"])
    if ended.status != "FAILED":
        raise ScenarioError(f"training ran with {_FIELD} {_VALUE}: the execution is {ended.status}")
    evidence = f"training.input.{_FIELD}: {ended.error}: {ended.cause}"
    if "not supported by Step Functions" in ended.cause:
        yield Answer(number=9, verdict=CONFIRMED, evidence=evidence)
    elif "axRetry" in ended.cause or "etryAttempts" in ended.cause or "etryStrategy" in ended.cause:
        yield Answer(number=9, verdict=REFUTED, evidence=f"the field was passed on: {evidence}")
    else:
        yield Answer(number=9, verdict=NOT_SETTLED, evidence=evidence)
