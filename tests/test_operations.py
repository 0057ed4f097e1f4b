"""docs/operations.md has a row for each fault that the template and the definition know."""

import re
from pathlib import Path
from typing import Any

import pytest

from gate.errors import GateError
from pipeline.asl.resources import PLACEHOLDERS
from pipeline.asl.timeouts import JOB_MARGIN
from pipeline.definition import definition
from pipeline.stages import BATCH_TRANSFORM
from tests.stack.watched import alarm_names

OPERATIONS = (Path(__file__).parent.parent / "docs" / "operations.md").read_text()
(TABLE,) = re.findall(r"## Faults\n(.*?)\n## ", OPERATIONS, re.DOTALL)
STATES: dict[str, dict[str, Any]] = definition(PLACEHOLDERS)["States"]
FAILS = [name for name, state in STATES.items() if state["Type"] == "Fail"]
FIXED = [STATES[name]["Error"] for name in FAILS if not STATES[name]["Error"].startswith("{%")]
JUDGED = [kind.__name__.removesuffix("Error") for kind in GateError.__subclasses__()]


def test_every_alarm_is_explained() -> None:
    """Each alarm has a row that says what to do."""
    names = alarm_names()
    assert names
    assert [name for name in names if f"`{name}`" not in TABLE] == []


@pytest.mark.parametrize("error", [*FIXED, *JUDGED, "ModelRejected", "States.Timeout", "States.TaskFailed"])
def test_every_error_of_the_pipeline_is_explained(error: str) -> None:
    """Each error with which the pipeline itself ends an execution has a row."""
    assert f"`{error}`" in TABLE


@pytest.mark.parametrize("name", FAILS)
def test_states_that_cannot_be_redriven_are_named(name: str) -> None:
    """A redrive that would only fail again is warned of."""
    assert f"`{name}`" in OPERATIONS


def test_times_are_those_of_the_definition() -> None:
    """What the table says of times and attempts is so."""
    assert "four hours" in TABLE
    assert JOB_MARGIN == 4 * 3600
    assert "five days" in TABLE
    assert BATCH_TRANSFORM.timeout == 5 * 24 * 3600
    capacity, passing = STATES["training"]["Retry"]
    assert passing["MaxAttempts"] == 5
    waits = (capacity["IntervalSeconds"] * capacity["BackoffRate"] ** attempt for attempt in range(8))
    assert sum(min(wait, capacity["MaxDelaySeconds"]) for wait in waits) == 75 * 60
    assert capacity["MaxAttempts"] == 8
    assert "eight retries, over up to 75 minutes" in TABLE


@pytest.mark.parametrize("row", TABLE.strip().splitlines()[2:])
def test_every_row_says_what_to_do(row: str) -> None:
    """Each fault has what is seen and what to do."""
    _, *cells, _ = (cell.strip() for cell in row.split("|"))
    assert len(cells) == 3
    assert all(cells)
