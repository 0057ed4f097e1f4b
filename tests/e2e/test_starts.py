"""Starts through the deployed Lambda, on the emulator."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from pipeline.stages import STAGES
from tests.e2e.conftest import DeployedStack

pytestmark = pytest.mark.emulator


NOTHING_RUNS = {stage.key: {"run": False} for stage in STAGES}


def test_twelve_starts_at_once_are_twelve_executions(deployed_stack: DeployedStack) -> None:
    """Twelve events that wait for each other to come start twelve executions; none is lost."""
    together = Barrier(12)

    def start() -> dict[str, Any]:
        together.wait(30)
        answer, _ = deployed_stack.invoke(overrides=NOTHING_RUNS)
        return answer

    with ThreadPoolExecutor(12) as pool:
        pending = [pool.submit(start) for _ in range(12)]
        answers = [done.result() for done in pending]
    assert all(answer["started"] for answer in answers), answers
    assert len({answer["executionArn"] for answer in answers}) == 12


def test_one_event_delivered_twelve_times_is_one_execution(deployed_stack: DeployedStack) -> None:
    """The same event, delivered again at once and later, names the one execution that it started."""
    with ThreadPoolExecutor(12) as pool:
        pending = [pool.submit(deployed_stack.invoke, id="the-same", overrides=NOTHING_RUNS) for _ in range(12)]
        answers = [done.result()[0] for done in pending]
    answers.append(deployed_stack.invoke(id="the-same", overrides=NOTHING_RUNS)[0])
    assert len({answer["executionArn"] for answer in answers}) == 1, answers
    assert sum(answer["started"] for answer in answers) == 1


@pytest.mark.parametrize("identity", [{}, {"id": "scheduled"}], ids=["by hand", "scheduled"])
def test_a_refusal_is_the_answer(deployed_stack: DeployedStack, identity: dict[str, str]) -> None:
    """A refusal is the answer and no failed invocation, which Lambda would try again where nobody waits for it."""
    answer, failed = deployed_stack.invoke(overrides={"training": {"run": "yes"}}, **identity)
    assert not failed
    assert answer["started"] is False
    assert answer["errorType"] == "RefusedInputError"
    refused = f"s3://{deployed_stack.metadata.bucket}/demo/scripts/input.yaml: training.run: is"
    assert answer["errorMessage"].startswith(refused)
