"""Starts an execution by invoking the start Lambda, as the schedule does."""

import json
from typing import Any

from executions.errors import ExecutionsError
from executions.target import Target


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
        variables = client.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
        key = f"{variables['MODEL_NAME']}/scripts/input.yaml"
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
