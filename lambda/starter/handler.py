"""The Lambda's entry: event in, execution out."""

import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import ClientError

from starter.input_file import InputError, execution_input, execution_name, fill_in, parse

logger = Logger()
metrics = Metrics()
s3 = boto3.client("s3")
step_functions = boto3.client("stepfunctions")

TOKENS = {name: os.environ[name] for name in ("MLOPS_BUCKET", "MODEL_NAME", "SAGEMAKER_EXECUTION_ROLE", "IMAGE_URI")}
TOKENS["AWS_REGION_NAME"] = os.environ["AWS_REGION"]
STATE_MACHINE_ARN = os.environ["STATE_MACHINE_ARN"]


@logger.inject_lambda_context(log_event=True)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Starts one execution of the pipeline per event.

    Args:
        event: ``{"config": {"bucket": NAME, "prefix": KEY}}``, where the key is that of ``input.yaml``; a scheduled
            event has its ``id`` too.
        context: Lambda's context; its request id stands for the event's where the event has none.

    Returns:
        ``executionArn``, ``name``, and ``started``: false where this event had started the execution before.

    Raises:
        InputError: the event or the file cannot start an execution; the message says where the file lies.
    """
    bucket, key = _location(event)
    try:
        pipeline_input = parse(_read(bucket, key))
        name = execution_name(pipeline_input, tokens=TOKENS, event_id=str(event.get("id", context.aws_request_id)))
        text = execution_input(fill_in(pipeline_input, TOKENS | {"SFN_EXECUTION_ID": name}))
    except InputError as error:
        metrics.add_metric(name="InputErrors", unit=MetricUnit.Count, value=1)
        raise InputError(f"s3://{bucket}/{key}: {error}") from error
    answer = _start(name, text)
    metrics.add_metric(name="ExecutionsStarted", unit=MetricUnit.Count, value=int(answer["started"]))
    logger.info("execution", execution=answer)
    return answer


def _location(event: dict[str, Any]) -> tuple[str, str]:
    config = event.get("config") if isinstance(event, dict) else None
    bucket, key = (config.get(name) if isinstance(config, dict) else None for name in ("bucket", "prefix"))
    if not (isinstance(bucket, str) and bucket and isinstance(key, str) and key):
        metrics.add_metric(name="InputErrors", unit=MetricUnit.Count, value=1)
        raise InputError(
            f'the event is {event!r}; expected is {{"config": {{"bucket": "<name>", "prefix": "<key of input.yaml>"}}}}'
        )
    return bucket, key


def _read(bucket: str, key: str) -> str:
    try:
        content: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in {"NoSuchKey", "NoSuchBucket"}:
            what = "object" if code == "NoSuchKey" else "bucket"
            raise InputError(f"there is no such {what}; the event's config names where input.yaml lies") from error
        if code == "AccessDenied":
            raise InputError("access denied; the function may read the pipeline's own bucket only") from error
        raise
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8 text: {error.reason} at byte {error.start}") from error


def _start(name: str, text: str) -> dict[str, Any]:
    try:
        arn = step_functions.start_execution(stateMachineArn=STATE_MACHINE_ARN, name=name, input=text)["executionArn"]
    except step_functions.exceptions.ExecutionAlreadyExists:
        arn = f"{STATE_MACHINE_ARN.replace(':stateMachine:', ':execution:')}:{name}"
        return {"executionArn": arn, "name": name, "started": False}
    return {"executionArn": arn, "name": name, "started": True}
