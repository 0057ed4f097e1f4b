"""Runs ``mlops doctor`` for a stack on the emulator, as a user does."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.e2e.conftest import DeployedStack


def doctor(
    stack: DeployedStack, *options: str, code: int = 0, credentials: dict[str, str] | None = None
) -> dict[str, dict[str, Any]]:
    """Runs the command with the variables of the emulator, or other credentials; returns each check's first result."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    run = subprocess.run(
        [str(Path(sys.executable).with_name("mlops")), "doctor", "--json", *options],
        env=clean | stack.emulator.connection.variables | (credentials or {}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == code, run.stdout + run.stderr
    found: dict[str, dict[str, Any]] = {}
    for result in json.loads(run.stdout)["checks"]:
        found.setdefault(result["name"], result)
    return found
