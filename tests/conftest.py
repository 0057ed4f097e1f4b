"""What several test folders share."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.policies.options import OPTIONS
from tests.policies.references import ACCOUNT, REGION

PROJECT = Path(__file__).parent.parent
SCHEDULE = "0 6 * * ? *"


@pytest.fixture
def seed_input() -> dict[str, Any]:
    """The sample input that the module's description promises to accept."""
    content: dict[str, Any] = json.loads((PROJECT / "tests" / "data" / "seed-input.json").read_text())
    return content


@pytest.fixture(scope="session")
def run_app(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[subprocess.CompletedProcess[str], Path]]:
    """Runs the CDK app as the CLI would, with these environment variables; gives what it said and its folder."""

    def run(**environment: str) -> tuple[subprocess.CompletedProcess[str], Path]:
        folder = tmp_path_factory.mktemp("app")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("SEEDFARMER_", "CDK_"))}
        context = json.loads((PROJECT / "cdk.json").read_text())["context"]
        completed = subprocess.run(
            [sys.executable, str(PROJECT / "app.py")],
            env=clean | {"CDK_OUTDIR": str(folder), "CDK_CONTEXT_JSON": json.dumps(context)} | environment,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return completed, folder

    return run


@pytest.fixture(scope="session")
def assembly(run_app: Callable[..., tuple[subprocess.CompletedProcess[str], Path]]) -> Path:
    """The cloud assembly of the module with its defaults, for us-east-1."""
    completed, folder = run_app(
        SEEDFARMER_PARAMETER_SCHEDULE=SCHEDULE, CDK_DEFAULT_ACCOUNT="123456789012", CDK_DEFAULT_REGION="us-east-1"
    )
    assert completed.returncode == 0, completed.stderr
    return folder


@pytest.fixture(scope="session")
def template(assembly: Path) -> dict[str, Any]:
    """The stack's template with the module's defaults, for us-east-1."""
    content: dict[str, Any] = json.loads((assembly / "mlops-demo.template.json").read_text())
    return content


@pytest.fixture(scope="session")
def full_assembly(run_app: Callable[..., tuple[subprocess.CompletedProcess[str], Path]]) -> Path:
    """The cloud assembly of the module with every one of these parameters."""
    completed, folder = run_app(
        SEEDFARMER_PARAMETER_SCHEDULE=SCHEDULE,
        CDK_DEFAULT_ACCOUNT=ACCOUNT,
        CDK_DEFAULT_REGION=REGION,
        **{f"SEEDFARMER_PARAMETER_{name}": value for name, value in OPTIONS.items()},
    )
    assert completed.returncode == 0, completed.stderr
    return folder


@pytest.fixture(scope="session")
def full_template(full_assembly: Path) -> dict[str, Any]:
    """The template of it."""
    content: dict[str, Any] = json.loads((full_assembly / "mlops-demo.template.json").read_text())
    return content


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Gives a TCP port of the loopback that nobody uses now."""

    def find() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
            return port

    return find
