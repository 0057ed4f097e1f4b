"""The Lambda's entry point: takes an execution's final event and publishes an announcement."""

import os
from typing import Any

import boto3
from botocore.config import Config

from announcer.message import failed_state, message, subject

# All attempts together stay below the function's timeout, so that failures are reported instead of cut off.
_config = Config(connect_timeout=2, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 2})
step_functions = boto3.client("stepfunctions", config=_config)
sns = boto3.client("sns", config=_config)

_TOPIC_ARN = os.environ["TOPIC_ARN"]
_EVENTS = 100
"""How many events of the history to read, from its end: a task leaves several events for each retry."""


def handler(event: dict[str, Any], context: Any) -> None:  # noqa: ARG001 - Lambda passes two arguments
    """Publishes how and where an execution has ended.

    Args:
        event: "Step Functions Execution Status Change". Only the execution's ARN is used: the event may lack error
            and cause (https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html).
        context: Lambda's context, not used.

    Raises:
        ClientError: Step Functions or SNS rejected the request; Lambda retries, then sends the event to the dead-letter
            queue.
        BotoCoreError: Step Functions or SNS could not be reached.
    """
    arn = event["detail"]["executionArn"]
    execution = step_functions.describe_execution(executionArn=arn)
    history = step_functions.get_execution_history(
        executionArn=arn, reverseOrder=True, maxResults=_EVENTS, includeExecutionData=False
    )
    state = failed_state(history["events"])
    sns.publish(TopicArn=_TOPIC_ARN, Subject=subject(execution, state), Message=message(execution, state))
