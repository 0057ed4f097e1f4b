"""The package is independent of the rest of the project."""

import ast
from pathlib import Path

import pytest

from sagemaker_local import service

PACKAGE = Path(service.__file__).parent
OURS = {
    "benchmarks",
    "cli",
    "executions",
    "infrastructure",
    "local",
    "pipeline",
    "report",
    "settings",
    "stack",
    "tests",
}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_imports_from_the_project(path: Path) -> None:
    """A module imports only the standard library, installed packages, and its own package."""
    imported = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
    assert not imported & OURS
