"""The schedule, with the emulator's EventBridge.

It checks its rules every ten seconds, so a rule fires up to ten seconds late. A new rule's minutes count from the first
check, so the first start may be a minute later than on AWS.
"""

import json
import time
from typing import Any

import pytest

from tests.e2e.clients.conftest import ClientSetup

pytestmark = [pytest.mark.emulator, pytest.mark.clients]


def scheduled(client_setup: ClientSetup, count: int) -> list[dict[str, Any]]:
    """Waits, for up to three minutes, for this many executions started by the schedule, and returns them."""
    state_machine = client_setup.account.metadata("mlops-demo")["StateMachine"]
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        found = [run for run in client_setup.account.executions(state_machine) if run["name"].startswith("mlops-demo-")]
        own = [run for run in found if run["name"] not in client_setup.manual_executions]
        if len(own) >= count:
            return own[:count]
        time.sleep(0.5)
    raise AssertionError(f"the schedule started {len(own)} executions in three minutes, not {count}")


def test_schedule_starts_an_execution_each_minute(demo: ClientSetup) -> None:
    """A rule that fires every minute starts a separate execution each minute."""
    first, second = scheduled(demo, 2)
    assert first["name"] != second["name"]
    assert first["executionArn"] != second["executionArn"]
    assert first["startDate"].replace(second=0, microsecond=0) < second["startDate"].replace(second=0, microsecond=0)
    for execution in (first, second):
        content = json.loads(execution["input"])
        assert content["preprocessing"]["run"] is True
        assert demo.account.metadata("mlops-demo")["MlOpsBucket"] in execution["input"]
