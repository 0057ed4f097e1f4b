"""Starts an execution by invoking the start Lambda, as the schedule does."""

import json
from collections.abc import Mapping
from typing import Any

from executions.errors import ExecutionsError
from executions.target import Target
from pipeline.bundle import INPUT_FILE
from pipeline.places import SCRIPTS


def start_execution(
    target: Target, *, key: str | None = None, overrides: dict[str, Any], event_id: str | None = None
) -> dict[str, Any]:
    """Invokes the start Lambda.

    Args:
        target: the deployment.
        key: the key of ``input.yaml`` in its bucket; None for the deployed one.
        overrides: merged over the file.
        event_id: the event's; None for one of its own.

    Returns:
        The Lambda's answer: ``executionArn``, ``name``, ``started``.

    Raises:
        ExecutionsError: the Lambda rejects the input, or fails.
        ClientError: AWS rejects the call.
    """
    client = target.aws.client("lambda")
    function = target.stack.function
    if key is None:
        key = deployed_key(function_variables(target))
    event: dict[str, Any] = {"config": {"bucket": target.stack.bucket, "prefix": key}}
    if overrides:
        event["overrides"] = overrides
    if event_id is not None:
        event["id"] = event_id
    response = client.invoke(FunctionName=function, Payload=json.dumps(event))
    answer: dict[str, Any] = json.loads(response["Payload"].read())
    if "executionArn" not in answer:
        raise ExecutionsError(f"nothing was started: {answer.get('errorMessage', answer)}")
    return answer


def function_variables(target: Target) -> dict[str, str]:
    """Returns the start Lambda's environment variables, which have the values of the tokens.

    Raises:
        ClientError: AWS rejects the call.
    """
    configuration = target.aws.client("lambda").get_function_configuration(FunctionName=target.stack.function)
    variables: dict[str, str] = configuration["Environment"]["Variables"]
    return variables


def read_input(target: Target, key: str) -> bytes:
    """Returns an ``input.yaml`` in the deployment's bucket.

    Args:
        target: the deployment.
        key: its key.

    Raises:
        ClientError: S3 rejects the call.
    """
    body: bytes = target.aws.client("s3").get_object(Bucket=target.stack.bucket, Key=key)["Body"].read()
    return body


def deployed_key(variables: Mapping[str, str]) -> str:
    """Returns the key of the deployed ``input.yaml``.

    Args:
        variables: the start Lambda's.
    """
    return f"{variables['MODEL_NAME']}/{SCRIPTS}{INPUT_FILE}"
