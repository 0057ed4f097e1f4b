"""Starts through the start Lambda on the emulator: how many per second, and whether each event starts exactly one."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

from benchmarks.deployed import Deployed, deployed
from benchmarks.processes import BenchmarkError
from benchmarks.reference import Reference
from benchmarks.rows import MODULE, Experiment, Experiments, Figures, Row

_ROUNDS = 5
_EVENTS = 200
_TWICE = 10
"""One of this many events is delivered twice, as EventBridge may do
(https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event.html)."""
_AT_ONCE = 8

ROWS = (
    Row(name="starts through the Lambda", unit="1/s", figure="rate"),
    Row(name=f"starts lost, of {_EVENTS} events a round", unit="", figure="lost"),
    Row(name=f"starts doubled, of {_EVENTS} events a round", unit="", figure="doubled"),
)


def experiments(_checkout: Reference | None) -> Experiments:
    """Yields the experiments of this family."""
    with deployed() as stack:
        numbers = count()
        yield Experiment(rows=ROWS, subjects={MODULE: lambda: _round(stack, next(numbers))}, rounds=_ROUNDS)


def _round(stack: Deployed, number: int) -> Figures:
    identities = [f"{number}-{event}" for event in range(_EVENTS)]
    deliveries = identities + identities[::_TWICE]
    client = stack.emulator.client("lambda")

    def deliver(identity: str) -> dict[str, Any]:
        event = json.dumps(stack.event | {"id": identity})
        response = client.invoke(FunctionName=stack.metadata.function, Payload=event)
        answer: dict[str, Any] = json.loads(response["Payload"].read())
        if "FunctionError" in response or "executionArn" not in answer:
            raise BenchmarkError(f"the start Lambda did not start an execution: {answer}")
        return answer

    before = _executions(stack)
    began = time.perf_counter()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = list(pool.map(deliver, deliveries))
    seconds = time.perf_counter() - began
    named = {answer["executionArn"] for answer in answers}
    made = _executions(stack) - before
    return {
        "rate": len(deliveries) / seconds,
        "lost": _EVENTS - len(named & made),
        "doubled": len(made - named) + sum(answer["started"] for answer in answers) - len(named),
    }


def _executions(stack: Deployed) -> set[str]:
    pages = (
        stack.emulator.client("stepfunctions")
        .get_paginator("list_executions")
        .paginate(stateMachineArn=stack.metadata.state_machine)
    )
    return {execution["executionArn"] for page in pages for execution in page["executions"]}
