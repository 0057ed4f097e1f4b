"""Draws the state machine from its definition, as Mermaid text, for the documentation.

The Choice before each stage leads to the first following stage that runs. Drawn one by one, these arrows would hide
everything else, so the diagram of the pipeline has one arrow from each stage to the next. The states that classify a
task's error are left out. ``make docs`` writes the diagrams into docs/architecture.md and docs/state-machine.md.
"""

import re
from typing import Any

from pipeline.asl.resources import PLACEHOLDERS
from pipeline.asl.retry_classification import is_classification
from pipeline.definition import definition
from pipeline.stages import STAGES, stage_of_state

MACHINE = definition(PLACEHOLDERS)


def pipeline_diagram(machine: dict[str, Any] = MACHINE) -> str:
    """Returns a Mermaid flowchart of the stages with their API calls.

    Args:
        machine: the definition in Amazon States Language.
    """
    lines = ["flowchart TD", "    start((start))"]
    before = "start"
    for stage in STAGES:
        calls = dict.fromkeys(_call(state) for state in _states(stage.key, machine).values() if "Resource" in state)
        shown = "<br/>".join(f"<code>{call}</code>" for call in list(calls)[:_SHOWN_CALLS])
        more = "<br/>..." if len(calls) > _SHOWN_CALLS else ""
        lines.append(f'    {stage.key}["{stage.key}<br/>{shown}{more}"]')
        lines.append(f"    {before} -->|runs?| {stage.key}")
        before = stage.key
    return "\n".join([*lines, f"    {before} --> finish((end))"])


def stage_diagram(key: str, machine: dict[str, Any] = MACHINE) -> str:
    """Returns a Mermaid flowchart of one stage's states; a Catch is a dotted arrow.

    Args:
        key: the stage's key.
        machine: the definition in Amazon States Language.
    """
    states = _states(key, machine)
    entered = [rule["Next"] for rule in machine["States"][machine["StartAt"]]["Choices"]]
    lines = ["flowchart TD", *(_node(name, state) for name, state in states.items())]
    lines += [f"    begin((begin)) --> {_id(name)}" for name in entered if name in states]
    for name, state in states.items():
        lines += [f"    {_id(name)} {arrow} {_id(other)}" for arrow, other in _following(state, states)]
    return "\n".join(lines)


_SHOWN_CALLS = 3
_SHAPES = {"Choice": ("{{", "}}"), "Task": ("[", "]")}
"""The brackets around a node, which give it its shape: https://mermaid.js.org/syntax/flowchart.html#node-shapes"""
_ROUNDED = ("([", "])")


def _states(key: str, machine: dict[str, Any]) -> dict[str, Any]:
    named = {name: state for name, state in machine["States"].items() if stage_of_state(name) == key}
    return {name: state for name, state in named.items() if not is_classification(name)}


def _call(state: dict[str, Any]) -> str:
    return str(state["Resource"].rpartition(":")[2])


def _node(name: str, state: dict[str, Any]) -> str:
    text = name.partition(": ")[2] or name
    if "Resource" in state:
        text += f"<br/><code>{_call(state)}</code>"
    opening, closing = _SHAPES.get(state["Type"], _ROUNDED)
    return f'    {_id(name)}{opening}"{text}"{closing}'


def _following(state: dict[str, Any], states: dict[str, Any]) -> list[tuple[str, str]]:
    """Returns the arrows to the states that may follow one; all states of other stages share one node."""
    found = [("-->", choice["Next"]) for choice in state.get("Choices", [])]
    found += [("-->", state[key]) for key in ("Next", "Default") if key in state]
    found += [("-.->", catch["Next"]) for catch in state.get("Catch", []) if not is_classification(catch["Next"])]
    arrows = [(arrow, name if name in states else "next((next stage))") for arrow, name in found]
    solid = {name for arrow, name in arrows if arrow == "-->"}
    return list(dict.fromkeys((arrow, name) for arrow, name in arrows if arrow == "-->" or name not in solid))


def _id(name: str) -> str:
    return name if name.startswith("next((") else re.sub(r"\W", "_", name)
