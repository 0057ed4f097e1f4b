"""Which stage comes next: the first of those that follow whose ``run`` flag is true."""

from typing import Any

from pipeline.definition.approval import CHAMPIONS, IS_REJECTED, REJECTED
from pipeline.definition.deployment import ENDPOINT
from pipeline.definition.expressions import jsonata
from pipeline.definition.registration import GROUP
from pipeline.stages import APPROVAL, DEPLOYMENT, REGISTRATION, STAGES, Stage

FINISHED = "Finished"

_ENTRIES = {REGISTRATION: GROUP, DEPLOYMENT: ENDPOINT}


def first_choice() -> tuple[str, dict[str, Any]]:
    """The Choice before all stages, by its name."""
    return "Begin", {"Begin": _choice(STAGES)}


def choice_after(stage: Stage) -> tuple[str, dict[str, Any]]:
    """The Choice after a stage; the last stage ends the execution."""
    following = STAGES[STAGES.index(stage) + 1 :]
    if not following:
        return FINISHED, {}
    name = f"After {stage.key}"
    choice = _choice(following)
    if stage is APPROVAL:
        choice["Choices"].insert(0, {"Condition": jsonata(IS_REJECTED), "Next": REJECTED})
    return name, {name: choice}


def _choice(stages: tuple[Stage, ...]) -> dict[str, Any]:
    rules = [rule for stage in stages for rule in _rules(stage)]
    return {"Type": "Choice", "Choices": rules, "Default": FINISHED}


def _rules(stage: Stage) -> list[dict[str, str]]:
    runs = f"$states.input.{stage.key}.run = true"
    if stage is not APPROVAL:
        return [{"Condition": jsonata(runs), "Next": _ENTRIES.get(stage, stage.key)}]
    # Only a model that this execution registered has a champion to be held against.
    registered = f"{runs} and $states.input.registration.run = true"
    return [
        {"Condition": jsonata(registered), "Next": CHAMPIONS},
        {"Condition": jsonata(runs), "Next": stage.key},
    ]
