"""The module's version."""

import json
import re
from typing import Any

from click.testing import CliRunner

from cli.main import main
from pipeline.version import version
from tests.conftest import PROJECT


def test_the_command_and_the_stack_say_the_version(template: dict[str, Any]) -> None:
    """``mlops --version`` and the stack's description have the version of pyproject.toml."""
    assert CliRunner().invoke(main, ["--version"]).output == f"mlops, version {version()}\n"
    assert template["Description"].endswith(f"(mlops-stepfunctions {version()})")


def test_the_version_is_nowhere_else() -> None:
    """Npm's files have a placeholder, and the newest release in the changelog is this one, with its date."""
    assert json.loads((PROJECT / "package.json").read_text())["version"] == "0.0.0"  # npm's SBOM needs one
    releases = re.findall(r"^## (\S+) - \d{4}-\d\d-\d\d$", (PROJECT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert releases[0] == version()
    assert f"release/{version()}&" in (PROJECT / "manifests" / "modules.yaml").read_text()
