"""The Lambda's entry point: takes an event and starts an execution."""

import os
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from pipeline.input.errors import InputError, InvalidFileError, path_text
from pipeline.input.execution import ExecutionInput, execution_input
from pipeline.input.tokens import EXECUTION_TOKEN, TOKENS
from starter.errors import RefusedInputError, ServiceError
from starter.event import StartEvent, described, read_event
from starter.file import read_file

if TYPE_CHECKING:
    from pipeline.reuse.decision import Lookup

logger = Logger()
metrics = Metrics()
# All attempts together stay well below the function's timeout, so that failures are reported instead of cut off.
_config = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
s3 = boto3.client("s3", config=_config)
step_functions = boto3.client("stepfunctions", config=_config)

_VARIABLES = {name: name for name in TOKENS if name != EXECUTION_TOKEN} | {"AWS_REGION_NAME": "AWS_REGION"}
_TOKENS = {name: os.environ[variable] for name, variable in _VARIABLES.items()}
_IN_VPC = os.environ["IN_VPC"] == "true"
_STATE_MACHINE_ARN = os.environ["STATE_MACHINE_ARN"]

_CLOCK_TOLERANCE = timedelta(seconds=0.5)
"""How far Lambda's clock may run ahead of Step Functions'."""


@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Starts one execution of the pipeline per event.

    Args:
        event: ``{"config": {"bucket": NAME, "prefix": KEY}}``, with the key of ``input.yaml``; optionally
            ``overrides`` to merge over the file, and an ``id``, which scheduled events have.
        context: Lambda's context; its request ID is used if the event has no ``id``.

    Returns:
        ``executionArn``, ``name``, ``started`` (false if the same event had already started the execution) and
        ``version`` (the VersionId of the file); with reuse, ``reused`` (the executions whose results are reused, by
        stage) or ``reuse_unavailable`` (why none are); they are logged, too. If the event or the file is invalid:
        ``started`` false, ``errorType`` and ``errorMessage``, which names the file's location. This is returned instead
        of raised, because Lambda would retry an error, to no avail.

    Raises:
        ServiceError: an AWS call failed; a retry may succeed.
    """
    logger.info("event", event=described(event))
    try:
        answer = _start(read_event(event, request_id=context.aws_request_id))
    except InputError as error:
        metrics.add_metric(name=type(error).__name__, unit=MetricUnit.Count, value=1)
        logger.error("input rejected: %s", _loggable(error, event))  # noqa: TRY400 - no stack trace needed
        return {"started": False, "errorType": type(error).__name__, "errorMessage": str(error)}
    except ServiceError as error:
        metrics.add_metric(name=type(error).__name__, unit=MetricUnit.Count, value=1)
        raise
    metrics.add_metric(name="ExecutionsStarted", unit=MetricUnit.Count, value=int(answer["started"]))
    logger.info("execution", execution=answer)
    return answer


def _loggable(error: InputError, event: Any) -> str:
    """Returns the error's message, without the values of any overrides, which may be secret."""
    if not (isinstance(event, dict) and event.get("overrides")):
        return str(error)
    refused = error.__cause__
    paths = [path_text(each.path) for each in refused.problems] if isinstance(refused, InvalidFileError) else []
    return f"{type(error).__name__}, see the response; overrides' values are not logged; rejected: {', '.join(paths)}"


def _start(request: StartEvent) -> dict[str, Any]:
    file, version = read_file(s3, request)
    try:
        made = execution_input(
            file,
            tokens=_TOKENS,
            event_id=request.identity,
            overrides=request.overrides,
            in_vpc=_IN_VPC,
            lookup=_lookup,
        )
    except InvalidFileError as error:
        raise RefusedInputError(f"{request.location}: {error}") from error
    reuse = _reuse(made)
    called = datetime.now(UTC)
    try:
        started = step_functions.start_execution(stateMachineArn=_STATE_MACHINE_ARN, name=made.name, input=made.text)
    except step_functions.exceptions.ExecutionAlreadyExists:
        arn = f"{_STATE_MACHINE_ARN.replace(':stateMachine:', ':execution:')}:{made.name}"
        return {"executionArn": arn, "name": made.name, "started": False, "version": version}
    except (ClientError, BotoCoreError) as error:
        raise ServiceError(f"{request.location}: Step Functions did not start {made.name}: {error}") from error
    # If the execution is already running with the same input, Step Functions returns its original start date.
    is_new = started["startDate"] >= called - _CLOCK_TOLERANCE
    return {
        "executionArn": started["executionArn"],
        "name": made.name,
        "started": is_new,
        "version": version,
        **reuse,
    }


def _lookup() -> "Lookup":
    """Reads what reuse depends on; imported here, since an execution without reuse should not wait for it."""
    from pipeline.reuse.lookup import AwsLookup  # noqa: PLC0415

    return AwsLookup(client=_client, errors=(ClientError, BotoCoreError), table=os.environ["RECORDS_TABLE"])


@cache
def _client(service: str) -> Any:
    client: Any = boto3.client  # its overloads name each service
    return client(service, config=_config)


def _reuse(made: ExecutionInput) -> dict[str, Any]:
    """The answer's part about reuse; empty if the input does not turn it on."""
    if made.reuse_error:
        metrics.add_metric(name="ReuseUnavailable", unit=MetricUnit.Count, value=1)
        logger.warning("nothing is reused, and every stage runs: %s", made.reuse_error)
        return {"reuse_unavailable": made.reuse_error}
    if not made.decisions:
        return {}
    return {"reused": {key: each.reused.execution for key, each in made.decisions.items() if each.reused}}
