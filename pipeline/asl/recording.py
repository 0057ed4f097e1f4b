"""The state that records a stage for reuse; the states file is ``recording.asl.yaml``.

It comes after a stage that has succeeded, and only if the execution's input has a key for it (``pipeline.reuse``). What
it cannot record does not fail the execution: the data has the error.
"""

import json
from pathlib import Path
from typing import Any

from pipeline.asl.resources import Resources
from pipeline.asl.states_file import read_states
from pipeline.reuse import MOST_DAYS, RECORD, UNRECORDED
from pipeline.stages import Stage

_FILE = Path(__file__).with_suffix(".asl.yaml")
_DAY = 24 * 3600


def record_rule(stage: Stage) -> list[tuple[str, str]]:
    """Returns the condition to record a stage, with the name of its state; none if the stage is never reused."""
    return [(f"$exists($states.input.{stage.key}.{RECORD}.key)", _name(stage))] if stage.kept_result else []


def record_state(stage: Stage, resources: Resources, *, following: str) -> dict[str, Any]:
    """Returns the state that records a stage, by its name; none if the stage is never reused.

    Args:
        stage: the stage.
        resources: the deployment's resources.
        following: the name of the state to continue with.
    """
    if not stage.kept_result:
        return {}
    return read_states(
        _FILE,
        resources.substitutions(),
        name=_name(stage),
        stage=stage.key,
        record=RECORD,
        unrecorded=UNRECORDED,
        kept=json.dumps(stage.kept_result),
        seconds=MOST_DAYS * _DAY,
        following=following,
    )


def _name(stage: Stage) -> str:
    return f"{stage.key}: remember"
