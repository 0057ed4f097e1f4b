"""Reads input.yaml and starts an execution with its unchanged text."""

import json
import os
from typing import Any

import boto3

s3 = boto3.client("s3")
step_functions = boto3.client("stepfunctions")


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Starts an execution."""
    file = s3.get_object(Bucket=event["config"]["bucket"], Key=event["config"]["prefix"])["Body"].read()
    started = step_functions.start_execution(
        stateMachineArn=os.environ["STATE_MACHINE_ARN"], name=context.aws_request_id, input=json.dumps(file.decode())
    )
    return {"executionArn": started["executionArn"]}
