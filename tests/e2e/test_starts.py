"""Starts through the deployed Lambda, on the emulator."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pipeline.stages import STAGES
from tests.e2e.conftest import DeployedStack

pytestmark = pytest.mark.emulator


@pytest.fixture(scope="module")
def invoke(deployed_stack: DeployedStack) -> Callable[..., dict[str, Any]]:
    """Invokes the Lambda with the sample event and what is added to it; gives its answer."""
    client = deployed_stack.emulator.client("lambda")
    metadata = deployed_stack.metadata
    config = {"bucket": metadata.bucket, "prefix": "demo/scripts/input.yaml"}

    def start(**added: Any) -> dict[str, Any]:
        payload = json.dumps({"config": config} | added)
        answer: dict[str, Any] = json.loads(
            client.invoke(FunctionName=metadata.function, Payload=payload)["Payload"].read()
        )
        return answer

    return start


def test_twelve_starts_at_once_are_twelve_executions(invoke: Callable[..., dict[str, Any]]) -> None:
    """Twelve events within a quarter of a second start twelve executions; none is lost."""
    nothing_runs = {stage.key: {"run": False} for stage in STAGES}
    with ThreadPoolExecutor(12) as pool:
        began = time.monotonic()
        pending = [pool.submit(invoke, overrides=nothing_runs) for _ in range(12)]
        assert time.monotonic() - began < 0.25
        answers = [done.result() for done in pending]
    assert all(answer["started"] for answer in answers), answers
    assert len({answer["executionArn"] for answer in answers}) == 12


def test_one_event_delivered_twelve_times_is_one_execution(invoke: Callable[..., dict[str, Any]]) -> None:
    """The same event, delivered again at once and later, names the one execution that it started."""
    nothing_runs = {stage.key: {"run": False} for stage in STAGES}
    with ThreadPoolExecutor(12) as pool:
        pending = [pool.submit(invoke, id="the-same", overrides=nothing_runs) for _ in range(12)]
        answers = [done.result() for done in pending]
    answers.append(invoke(id="the-same", overrides=nothing_runs))
    assert len({answer["executionArn"] for answer in answers}) == 1, answers
    assert sum(answer["started"] for answer in answers) == 1


def test_a_refused_input_fails_for_a_person_only(
    deployed_stack: DeployedStack, invoke: Callable[..., dict[str, Any]]
) -> None:
    """By hand a refusal is a failed invocation; for an event with an id it is the answer."""
    wrong = {"training": {"run": "yes"}}
    refused = f"s3://{deployed_stack.metadata.bucket}/demo/scripts/input.yaml: training.run: is"
    by_hand = invoke(overrides=wrong)
    assert by_hand["errorMessage"].startswith(refused)
    assert "started" not in by_hand
    scheduled = invoke(id="scheduled", overrides=wrong)
    assert scheduled["errorMessage"].startswith(refused)
    assert scheduled["started"] is False
