"""Starts through the deployed Lambda, on the emulator."""

import pytest

from pipeline.stages import STAGES
from tests.e2e.conftest import DeployedStack

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
