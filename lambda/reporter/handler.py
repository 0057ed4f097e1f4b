"""The Lambda's entry point: takes an execution's final event and publishes its report, if its input asks for it."""

import json
import logging
import os
from typing import Any

import boto3
from botocore.config import Config

from executions.job_logs import CloudWatchLogs
from executions.state_machine import Executions
from pipeline.input import PUBLISH_REPORT
from reporter.publication import Publication

logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)
# Up to 100 executions are read, so Step Functions may throttle: the adaptive mode then slows down.
_config = Config(connect_timeout=2, read_timeout=10, retries={"mode": "adaptive", "total_max_attempts": 6})


def _publication() -> Publication:
    client: Any = boto3.client  # its overloads name each service
    return Publication(
        s3=client("s3", config=_config),
        executions=Executions(
            step_functions=client("stepfunctions", config=_config), state_machine=os.environ["STATE_MACHINE_ARN"]
        ),
        logs=CloudWatchLogs(client("logs", config=_config)),
        bucket=os.environ["BUCKET"],
        prefix=os.environ["PREFIX"],
    )


publication = _publication()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001 - Lambda passes two arguments
    """Publishes the report on an execution that has ended, and the index of all runs.

    Args:
        event: "Step Functions Execution Status Change". Only the execution's ARN is used: the event may lack the input
            (https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html).
        context: Lambda's context, not used.

    Returns:
        ``published``: the S3 URIs of the pages; none if the execution's input does not ask for them.

    Raises:
        ClientError: AWS rejected a request; Lambda retries, then sends the event to the dead-letter queue.
        BotoCoreError: AWS could not be reached.
        BusyIndexError: other executions ended at the same time, and wrote the index again and again.
    """
    execution = publication.ended(event["detail"]["executionArn"])
    given = json.loads(execution["input"])
    if not isinstance(given, dict) or given.get(PUBLISH_REPORT) is not True:
        return {"published": []}
    pages = publication.publish(execution)
    logger.info("%s: published %s", execution["name"], ", ".join(pages))
    return {"published": pages}
