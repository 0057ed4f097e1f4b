"""An event that is delivered twice: it starts one execution."""

import uuid
from collections.abc import Iterator

from aws_check.assumptions import Answer
from aws_check.context import Context, ScenarioError
from aws_check.models import only
from executions.start import start_execution


def duplicate(context: Context) -> Iterator[Answer]:
    """Delivers an event that runs no stage, twice."""
    event = uuid.uuid4().hex
    answers = [start_execution(context.target, overrides=only(), event_id=event) for _ in range(2)]
    first, second = answers
    if first["executionArn"] != second["executionArn"] or second["started"]:
        raise ScenarioError(f"the second delivery started an execution: {answers}")
    context.follow(first["executionArn"]).require("SUCCEEDED")
    yield from ()
