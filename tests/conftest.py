"""What several test folders share."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

from benchmarks.deployed import free_port as find_free_port
from tests.policies.options import OPTIONS
from tests.policies.references import ACCOUNT, REGION

PROJECT = Path(__file__).parent.parent
SCHEDULE = "0 6 * * ? *"

_TOGETHER = (
    ("tests/e2e/clients/",),
    ("tests/e2e/test_attacks.py", "tests/e2e/test_environment.py", "tests/e2e/test_last_steps.py"),
    ("tests/e2e/test_enforced.py", "tests/e2e/test_enforced_failures.py"),
    ("tests/e2e/test_faulty_starts.py", "tests/e2e/test_starts.py", "tests/e2e/test_state_machine.py"),
    (
        "tests/audit/",
        "tests/benchmarks/test_bounds.py",
        "tests/policies/",
        "tests/stack/test_monitoring.py",
        "tests/stack/test_template.py",
    ),
)
"""The tests of each line share a fixture of the session that takes long to make: a stack, a checkout, templates."""


class Together(LoadFileScheduling):  # type: ignore[misc] # of a library without types
    """Has pytest-xdist keep in one process the tests of a file, and those that share what takes long to make."""

    def _split_scope(self, nodeid: str) -> str:
        scopes = (line[0] for line in _TOGETHER if nodeid.startswith(line))
        return next(scopes, str(super()._split_scope(nodeid)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    """See there. The mark that pytest-xdist has for this does nothing with pytest 9.2."""
    return Together(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where there are several processes, begins with what is on the emulator: it waits more than it works."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.get_closest_marker("emulator") is None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Escapes what a test has printed that is no UTF-8, such as half a surrogate pair: pytest-xdist cannot send it."""
    report = yield
    report.sections = [(title, text.encode(errors="backslashreplace").decode()) for title, text in report.sections]
    return report


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
            # The CDK's own check of the template takes as long as the rest; the templates of the session are checked.
            env=clean
            | {"CDK_OUTDIR": str(folder), "CDK_CONTEXT_JSON": json.dumps(context), "CDK_VALIDATION": "false"}
            | environment,
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
        SEEDFARMER_PARAMETER_SCHEDULE=SCHEDULE,
        CDK_DEFAULT_ACCOUNT="123456789012",
        CDK_DEFAULT_REGION="us-east-1",
        CDK_VALIDATION="true",
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
        CDK_VALIDATION="true",
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
    return find_free_port
