"""Draws the state machine from its definition, as Mermaid text: ``python -m pipeline.diagram``.

README.md holds what this prints; a test fails when the two differ.
"""

import re
from typing import Any

from pipeline.definition import definition


def mermaid(machine: dict[str, Any]) -> str:
    """A Mermaid flowchart of a state machine's definition: Choice, Task, Succeed and Fail states.

    Args:
        machine: a definition in Amazon States Language.
    """
    lines = ["flowchart TD", f"    start((start)) --> {_id(machine['StartAt'])}"]
    for name, state in machine["States"].items():
        match state["Type"]:
            case "Choice":
                lines.append(f'    {_id(name)}{{{{"{name}"}}}}')
                lines += [f"    {_id(name)} -->|yes| {_id(choice['Next'])}" for choice in state["Choices"]]
                lines.append(f"    {_id(name)} -->|no| {_id(state['Default'])}")
            case "Task":
                lines.append(f'    {_id(name)}["{name}<br/><code>{state["Resource"].rpartition(":")[2]}</code>"]')
                lines.append(f"    {_id(name)} --> {_id(state['Next']) if 'Next' in state else 'finish((end))'}")
            case _:
                lines.append(f"    {_id(name)}([{name}]) --> finish((end))")
    return "\n".join(lines)


def _id(name: str) -> str:
    return re.sub(r"\W", "_", name)


if __name__ == "__main__":
    print(mermaid(definition()))  # noqa: T201 - this is its output
