"""Draws which package imports which, for docs/architecture.md."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

PROJECT = Path(__file__).parent.parent
FLOORS = (
    ("cli", "aws_check"),
    ("doctor", "lambda"),
    ("report", "local", "repository"),
    ("executions", "infrastructure"),
    ("sagemaker_local",),
    ("pipeline",),
)
"""The packages, from the top to the ground floor."""
_LAMBDA = ("announcer", "gate", "monitor", "publisher", "reporter", "starter")


class LayoutError(Exception):
    """The imports run in a circle or back up, or ``sagemaker_local`` imports another package of the project."""


def imports(package: str) -> set[str]:
    """Returns the project's other packages that a package imports, type checking included."""
    found: set[str] = set()
    for file in (PROJECT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            tops = {name.partition(".")[0] for name in names}
            found |= {"lambda" if top in _LAMBDA else top for top in tops}
    known = {name for floor in FLOORS for name in floor}
    return (found & known) - {package}


def layout_diagram() -> str:
    """Returns a Mermaid flowchart of the imports between the packages.

    Raises:
        LayoutError: an import breaks the layers.
    """
    graph = {name: imports(name) for floor in FLOORS for name in floor}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise LayoutError(f"circular imports: {' -> '.join(error.args[1])}") from None
    level = {name: floor for floor, names in enumerate(FLOORS) for name in names}
    upward = [f"{name} -> {other}" for name in graph for other in graph[name] if level[other] < level[name]]
    upward += [f"sagemaker_local -> {other}" for other in graph["sagemaker_local"]]
    if upward:
        raise LayoutError(f"imports that break the layers: {', '.join(sorted(set(upward)))}")
    arrows = (f"    {name} --> {other}" for name, imported in graph.items() for other in sorted(imported))
    return "\n".join(("flowchart TD", *arrows))
