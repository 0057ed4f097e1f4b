"""Draws the state machine from its definition, as Mermaid text: ``python -m pipeline.diagram``.

The Choice before each stage leads to the first of the following stages that runs; drawn one by one, its arrows would
hide all else, so each stage has one way in. README.md holds what this prints; a test fails when the two differ.
"""

import re
from typing import Any

from pipeline.definition import definition
from pipeline.definition.resources import PLACEHOLDERS
from pipeline.stages import STAGES, stage_of_state


def mermaid(machine: dict[str, Any]) -> str:
    """A Mermaid flowchart of the pipeline's definition: a box for each stage, with its states in it.

    Args:
        machine: the definition in Amazon States Language.
    """
    lines = ["flowchart TD", "    start((start))"]
    before = "start"
    for stage in STAGES:
        states = {name: state for name, state in machine["States"].items() if stage_of_state(name) == stage.key}
        lines += _stage(stage.key, states)
        lines.append(f"    {before} -->|runs?| {_entry(stage.key, machine)}")
        before = _id(stage.key) if len(states) == 1 else f"stage_{stage.key}"
    return "\n".join([*lines, f"    {before} --> finish((end))"])


def _stage(key: str, states: dict[str, Any]) -> list[str]:
    if len(states) == 1:
        return [_node(name, state) for name, state in states.items()]
    inside = [f"    {_node(name, state)}" for name, state in states.items()]
    arrows = [f"        {arrow}" for name, state in states.items() for arrow in _arrows(name, state, states)]
    return [f"    subgraph stage_{key} [{key}]", *inside, *arrows, "    end"]


def _node(name: str, state: dict[str, Any]) -> str:
    text = name.partition(": ")[2] or name
    match state["Type"]:
        case "Choice":
            return f'    {_id(name)}{{{{"{text}"}}}}'
        case "Task":
            return f'    {_id(name)}["{text}<br/><code>{state["Resource"].rpartition(":")[2]}</code>"]'
        case _:
            return f'    {_id(name)}(["{text}"])'


def _arrows(name: str, state: dict[str, Any], states: dict[str, Any]) -> list[str]:
    following = [choice["Next"] for choice in state.get("Choices", [])]
    following += [state[key] for key in ("Next", "Default") if key in state]
    arrows = [f"{_id(name)} --> {_id(other)}" for other in dict.fromkeys(following) if other in states]
    caught = dict.fromkeys(catch["Next"] for catch in state.get("Catch", []))
    return arrows + [f"{_id(name)} -.-> {_id(other)}" for other in caught if other not in following]


def _entry(key: str, machine: dict[str, Any]) -> str:
    """The first state of the stage, by the rules of the Choice before all stages."""
    rules = machine["States"][machine["StartAt"]]["Choices"]
    return next(_id(rule["Next"]) for rule in rules if stage_of_state(rule["Next"]) == key)


def _id(name: str) -> str:
    return re.sub(r"\W", "_", name)


if __name__ == "__main__":
    print(mermaid(definition(PLACEHOLDERS)))  # noqa: T201 - this is its output
