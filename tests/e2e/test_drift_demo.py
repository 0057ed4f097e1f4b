"""``make demo-drift``, on the small sample."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.e2e.conftest import PROJECT, SAMPLE

pytestmark = pytest.mark.emulator


def test_a_drifted_model_is_announced_and_replaced(free_port: Callable[[], int]) -> None:
    """Records as in training are healthy; older people raise the alarm, are announced, and start one retraining."""
    command = [sys.executable, "-m", "local.drift_demo", str(free_port()), str(SAMPLE)]
    ended = subprocess.run(command, cwd=PROJECT, check=False, capture_output=True, text=True, timeout=240)
    printed = ended.stdout
    assert ended.returncode == 0, printed + ended.stderr
    healthy, _, drifted = printed.partition("15 years older")
    assert "\nhealthy, " in healthy
    assert "retraining not started: no drift" in healthy
    for expected in (
        "\ndrift, ",
        "retraining started: drift in 1 window",
        "alarm mlops-demo-Drift",
        "\n- age: psi is ",
    ):
        assert expected in drifted
    rows = [line for line in drifted.splitlines() if line.startswith("mlops-demo-")]
    assert ["retraining" in row for row in rows].count(True) == 1
    before, now = (
        drifted.partition(f"in service {when}")[2].partition(":")[2].split()[0] for when in ("before", "now")
    )
    assert now != before
