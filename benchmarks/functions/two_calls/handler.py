"""Reads input.yaml and starts an execution with what it knows already."""

import functools
import json
import os
from typing import Any

import boto3
import yaml

s3 = boto3.client("s3")
step_functions = boto3.client("stepfunctions")


@functools.cache
def _converted(file: bytes) -> str:
    return json.dumps(yaml.safe_load(file))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Starts an execution."""
    file = s3.get_object(Bucket=event["config"]["bucket"], Key=event["config"]["prefix"])["Body"].read()
    started = step_functions.start_execution(
        stateMachineArn=os.environ["STATE_MACHINE_ARN"], name=context.aws_request_id, input=_converted(file)
    )
    return {"executionArn": started["executionArn"]}
