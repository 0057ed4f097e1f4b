"""Fixtures and hooks for several test folders."""

import fcntl
import functools
import gc
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from xdist.scheduler import LoadFileScheduling

from benchmarks.deployed import free_port as find_free_port
from tests.policies.options import OPTIONS
from tests.policies.references import ACCOUNT, REGION

PROJECT = Path(__file__).parent.parent
CLIENTS = PROJECT / ".venv-clients"
SCHEDULE = "0 6 * * ? *"

# Each test has sessions of its own, and each session would read AWS's models anew, which takes half of a test's time.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)
# No test needs moto's machine images, which it makes for each account.
os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
# The CDK's own validation takes longer than the rest of a synthesis; only the two assemblies that are audited have it.
os.environ["CDK_VALIDATION"] = "false"
# Several processes share the processors; a second thread would spin while it waits, a third of a training's CPU time.
os.environ["OMP_NUM_THREADS"] = "1"
# Each garbage collection would scan AWS's models, the CDK's constructs and the tests, which all stay until the end.
gc.set_threshold(100_000, 50, 50)

_TOGETHER = (
    (
        "tests/e2e/test_attacks.py",
        "tests/e2e/test_aws_check.py",
        "tests/e2e/test_environment.py",
        "tests/e2e/test_executions.py",
        "tests/e2e/test_last_steps.py",
        "tests/e2e/test_xgboost_example.py",
    ),
    ("tests/e2e/test_doctor_enforced.py", "tests/e2e/test_enforced.py", "tests/e2e/test_enforced_failures.py"),
    (
        "tests/e2e/test_doctor.py",
        "tests/e2e/test_faulty_starts.py",
        "tests/e2e/test_starts.py",
        "tests/e2e/test_state_machine.py",
    ),
    ("tests/e2e/clients/",),
    ("tests/scripts/",),
    ("tests/audit/test_audit.py", "tests/pipeline/test_ninth_stage.py", "tests/policies/test_roles.py", "tests/stack/"),
    ("tests/audit/test_sbom.py", "tests/input/test_any_input.py", "tests/pipeline/test_schema.py"),
)
"""The tests of each line share what takes long: a stack, a checkout, a model, the import of the CDK or of jsonschema.

They take longest, so they are begun first, in this order; the clients are being installed until then.
"""


_SLOW_IMPORTS = {"aws_cdk", "cfnlint", "jsonschema", "scipy.stats", "sklearn"}


class Together(LoadFileScheduling):  # type: ignore[misc] # of a library without types
    """Makes pytest-xdist run the tests of a file, and those that share an expensive fixture, in one process."""

    def _split_scope(self, nodeid: str) -> str:
        scopes = (line[0] for line in _TOGETHER if nodeid.startswith(line))
        return next(scopes, str(super()._split_scope(nodeid)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    """Replaces the scheduler, since pytest-xdist's own mark for groups has no effect with pytest 9.2."""
    return Together(config, log)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds what only ``make test`` uses."""
    parser.addoption(
        "--await-clients",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="how long the set-up of the users' clients, which has begun, may still take",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where there are several processes, begins with what takes long, then with what waits more than it works."""
    if hasattr(config, "workerinput"):
        items.sort(key=_turn)


def pytest_collection_finish() -> None:
    """Every process collects all tests, so what is slow to import is imported by the tests that use it."""
    gc.freeze()
    imported = _SLOW_IMPORTS & sys.modules.keys()
    if imported:
        raise pytest.UsageError(f"test modules import {', '.join(sorted(imported))}; import them in the tests instead")


def _turn(item: pytest.Item) -> int:
    lines = (number for number, line in enumerate(_TOGETHER) if item.nodeid.startswith(line))
    return next(lines, len(_TOGETHER) + (item.get_closest_marker("emulator") is None))


@pytest.fixture(scope="session")
def clients_installed(pytestconfig: pytest.Config) -> None:
    """The users' clients are installed, with the wheels and npm's cache of a machine without a network."""
    deadline = time.monotonic() + pytestconfig.getoption("await_clients")
    while not (CLIENTS / "clients.done").exists():
        assert time.monotonic() < deadline, "the clients are not installed; do so: make .venv-clients/clients.done"
        time.sleep(0.2)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Escapes output that is not UTF-8, such as lone surrogates, which pytest-xdist cannot send."""
    report = yield
    report.sections = [(title, text.encode(errors="backslashreplace").decode()) for title, text in report.sections]
    return report


@pytest.fixture
def seed_input() -> dict[str, Any]:
    """The sample input that the module's description promises to accept."""
    content: dict[str, Any] = json.loads((PROJECT / "tests" / "data" / "seed-input.json").read_text())
    return content


def _app(folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs the CDK app as the CLI would, with these environment variables, to write its assembly to a folder."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("SEEDFARMER_", "CDK_DEFAULT_"))}
    context = json.loads((PROJECT / "cdk.json").read_text())["context"]
    return subprocess.run(
        [sys.executable, str(PROJECT / "app.py")],
        env=clean | {"CDK_OUTDIR": str(folder), "CDK_CONTEXT_JSON": json.dumps(context)} | environment,
        cwd=folder.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def run_app(tmp_path: Path) -> Callable[..., tuple[subprocess.CompletedProcess[str], Path]]:
    """Runs the CDK app with these environment variables; returns the process and its folder."""
    return lambda **environment: (_app(tmp_path, environment), tmp_path)


@pytest.fixture(scope="session")
def synthesised(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Returns the cloud assembly for these environment variables, synthesised once for all processes of a session."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def synthesise(**environment: str) -> Path:
        key = hashlib.sha256(json.dumps(environment, sort_keys=True).encode()).hexdigest()[:16]
        folder, done = shared / f"assembly-{key}", shared / f"assembly-{key}.done"
        with (shared / f"assembly-{key}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                completed = _app(folder, environment)
                assert completed.returncode == 0, completed.stderr
                done.touch()
        return folder

    return synthesise


@pytest.fixture(scope="session")
def assembly(synthesised: Callable[..., Path]) -> Path:
    """The cloud assembly of the module with its defaults, for us-east-1."""
    return synthesised(
        SEEDFARMER_PARAMETER_SCHEDULE=SCHEDULE,
        CDK_DEFAULT_ACCOUNT=ACCOUNT,
        CDK_DEFAULT_REGION=REGION,
        CDK_VALIDATION="true",
    )


@pytest.fixture(scope="session")
def template(assembly: Path) -> dict[str, Any]:
    """The stack's template with the module's defaults, for us-east-1."""
    content: dict[str, Any] = json.loads((assembly / "mlops-demo.template.json").read_text())
    return content


@pytest.fixture(scope="session")
def full_assembly(synthesised: Callable[..., Path]) -> Path:
    """The cloud assembly of the module with every one of these parameters."""
    return synthesised(
        SEEDFARMER_PARAMETER_SCHEDULE=SCHEDULE,
        CDK_DEFAULT_ACCOUNT=ACCOUNT,
        CDK_DEFAULT_REGION=REGION,
        CDK_VALIDATION="true",
        **{f"SEEDFARMER_PARAMETER_{name}": value for name, value in OPTIONS.items()},
    )


@pytest.fixture(scope="session")
def full_template(full_assembly: Path) -> dict[str, Any]:
    """The stack's template in that assembly."""
    content: dict[str, Any] = json.loads((full_assembly / "mlops-demo.template.json").read_text())
    return content


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Returns a TCP port that is currently unused on the loopback interface."""
    return find_free_port
