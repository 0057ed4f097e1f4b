"""Which stage comes next: the first of those that follow whose ``run`` flag is true."""

from collections.abc import Sequence
from typing import Any

from pipeline.stages import STAGES, Stage

FINISHED = "Finished"


def first_choice() -> tuple[str, dict[str, Any]]:
    """The Choice before all stages, by its name."""
    return "Begin", {"Begin": _choice([], STAGES)}


def choice_after(stage: Stage) -> tuple[str, dict[str, Any]]:
    """The Choice after a stage; the last stage ends the execution."""
    following = STAGES[STAGES.index(stage) + 1 :]
    if not following:
        return FINISHED, {}
    name = f"After {stage.key}"
    return name, {name: _choice(stage.exit_rules(), following)}


def _choice(exits: list[tuple[str, str]], stages: Sequence[Stage]) -> dict[str, Any]:
    rules = exits + [rule for stage in stages for rule in stage.entry_rules()]
    choices = [{"Condition": "{% " + condition + " %}", "Next": state} for condition, state in rules]
    return {"Type": "Choice", "Choices": choices, "Default": FINISHED}
