"""The Choices between the stages: each leads to the first following stage whose ``run`` flag is true.

A stage whose section has a record to keep is recorded first, and then passes the Choice again; without reuse, no state
is added to an execution.
"""

from collections.abc import Sequence
from typing import Any

from pipeline.asl.recording import record_rule
from pipeline.stages import STAGES, Stage

FINISHED = "Finished"


def first_choice() -> tuple[str, dict[str, Any]]:
    """Returns the name of the Choice before all stages, and the Choice by its name."""
    return "Begin", {"Begin": _choice([], STAGES)}


def choice_after(stage: Stage) -> tuple[str, dict[str, Any]]:
    """Returns the name of the Choice after a stage, and the Choice by its name; the last stage has none."""
    following = STAGES[STAGES.index(stage) + 1 :]
    if not following:
        return FINISHED, {}
    name = f"After {stage.key}"
    return name, {name: _choice([*stage.exit_rules(), *record_rule(stage)], following)}


def _choice(exits: list[tuple[str, str]], stages: Sequence[Stage]) -> dict[str, Any]:
    rules = exits + [rule for stage in stages for rule in stage.entry_rules()]
    choices = [{"Condition": "{% " + condition + " %}", "Next": state} for condition, state in rules]
    return {"Type": "Choice", "Choices": choices, "Default": FINISHED}
