"""Draws which package imports which, as a Mermaid flowchart: ``python docs/architecture.py``.

Exits with 1 if the imports run in a circle, or if ``sagemaker_local`` imports another package of the project.
"""

import ast
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

PROJECT = Path(__file__).parent.parent
FLOORS = (("cli",), ("report", "local"), ("executions", "infrastructure"), ("sagemaker_local", "lambda"), ("pipeline",))
"""The packages, from the top to the ground floor."""
_LAMBDA = ("announcer", "gate", "publisher", "starter")


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


def main() -> int:
    """Prints the flowchart; returns the exit code."""
    graph = {name: imports(name) for floor in FLOORS for name in floor}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        sys.stderr.write(f"the imports run in a circle: {' -> '.join(error.args[1])}\n")
        return 1
    level = {name: floor for floor, names in enumerate(FLOORS) for name in names}
    upward = [f"{name} -> {other}" for name in graph for other in graph[name] if level[other] < level[name]]
    if upward or graph["sagemaker_local"]:
        sys.stderr.write(f"an import runs back up: {', '.join(upward) or graph['sagemaker_local']}\n")
        return 1
    sys.stdout.write("flowchart TD\n")
    for name, imported in graph.items():
        for other in sorted(imported):
            sys.stdout.write(f"    {name} --> {other}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
