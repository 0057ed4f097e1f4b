"""The Lambda's entry: an execution's end in, an announcement out."""

import os
from typing import Any

import boto3
from botocore.config import Config

from announcer.message import failed_state, message, subject

# Together below the function's timeout, so that what fails is told, and not cut off.
_config = Config(connect_timeout=2, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 2})
step_functions = boto3.client("stepfunctions", config=_config)
sns = boto3.client("sns", config=_config)

_TOPIC_ARN = os.environ["TOPIC_ARN"]
_EVENTS = 100
"""How far the history is read back: a task that is tried again and again leaves some events for each attempt."""


def handler(event: dict[str, Any], context: Any) -> None:  # noqa: ARG001 - Lambda passes two arguments
    """Publishes how and where an execution has ended.

    Args:
        event: "Step Functions Execution Status Change", of which the execution's ARN is used: the event may come
            without error and cause (https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html).
        context: Lambda's context, not used.

    Raises:
        ClientError: Step Functions or SNS refused; Lambda tries again, and keeps the event as a dead letter at last.
        BotoCoreError: one of them could not be reached.
    """
    arn = event["detail"]["executionArn"]
    execution = step_functions.describe_execution(executionArn=arn)
    history = step_functions.get_execution_history(
        executionArn=arn, reverseOrder=True, maxResults=_EVENTS, includeExecutionData=False
    )
    state = failed_state(history["events"])
    sns.publish(TopicArn=_TOPIC_ARN, Subject=subject(execution, state), Message=message(execution, state))
