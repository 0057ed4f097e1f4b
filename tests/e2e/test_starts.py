"""Starts through the deployed Lambda, on the emulator."""

import json

import pytest

from pipeline.retraining import DETAIL_TYPE, SOURCE
from pipeline.stages import STAGES
from tests.e2e.conftest import DeployedStack
from tests.waiting import wait_until

pytestmark = pytest.mark.emulator


NOTHING_RUNS = {stage.key: {"run": False} for stage in STAGES}


@pytest.mark.parametrize("identity", [{}, {"id": "scheduled"}], ids=["by hand", "scheduled"])
def test_a_rejection_is_a_response(deployed_stack: DeployedStack, identity: dict[str, str]) -> None:
    """A rejected input is a response, not a failed invocation, which Lambda would retry if asynchronous."""
    answer, failed = deployed_stack.invoke(overrides={"training": {"run": "yes"}}, **identity)
    assert not failed
    assert answer["started"] is False
    assert answer["errorType"] == "RefusedInputError"
    refused = f"s3://{deployed_stack.metadata.bucket}/demo/scripts/input.yaml: training.run: is"
    assert answer["errorMessage"].startswith(refused)


def test_a_retraining_event_delivered_again_starts_nothing(deployed_stack: DeployedStack) -> None:
    """However often monitoring's event reaches the start function; the event of the next window starts a run again."""
    before = started(deployed_stack)
    for window, names in (("10:00", 1), ("10:00", 1), ("10:00", 1), ("11:00", 2)):
        deliver(deployed_stack, f"retraining demo/2 {window}")
        new = started(deployed_stack) - before
        assert len(new) == names


def deliver(deployed_stack: DeployedStack, identity: str) -> None:
    """Puts monitoring's event on the bus, and waits until the start function has handled it."""
    count = invocations(deployed_stack)
    detail = {"state_machine": deployed_stack.metadata.state_machine, "id": identity, "reason": "drift"}
    event = {"Source": SOURCE, "DetailType": DETAIL_TYPE, "Detail": json.dumps(detail)}
    answer = deployed_stack.emulator.client("events").put_events(Entries=[event])
    assert answer["FailedEntryCount"] == 0
    wait_until(lambda: invocations(deployed_stack) > count)


def invocations(deployed_stack: DeployedStack) -> int:
    """How often the start function has ended, by its log."""
    logs = deployed_stack.emulator.client("logs")
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    (group,) = (name for name in groups if "StarterLogs" in name)
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
    return sum(event["message"].startswith("END ") for page in pages for event in page["events"])


def started(deployed_stack: DeployedStack) -> set[str]:
    """The names of all executions."""
    client = deployed_stack.emulator.client("stepfunctions")
    pages = client.get_paginator("list_executions").paginate(stateMachineArn=deployed_stack.metadata.state_machine)
    return {execution["name"] for page in pages for execution in page["executions"]}
