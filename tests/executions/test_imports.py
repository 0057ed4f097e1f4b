"""The packages that the commands and the report import."""

import subprocess
import sys

import pytest

from executions.defaults import PROJECT

LOCAL = {"local", "sagemaker_local"}
NOWHERE = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_MAX_ATTEMPTS": "1",
    "PATH": "",
}
"""The variables of an AWS endpoint that does not answer."""


def loaded(program: str, *arguments: str) -> tuple[set[str], str]:
    """Runs a program; returns the packages that it imported, and its standard error."""
    code = f"import sys\ntry:\n    {program}\nfinally:\n    print('\\n', *sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=PROJECT,
        env=NOWHERE,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}, done.stderr


def test_report_does_not_import_the_local_environment() -> None:
    """The run report does not import the local environment."""
    packages, errors = loaded("import report.collect, report.page")
    assert "executions" in packages, errors
    assert not packages & LOCAL


@pytest.mark.parametrize("module", ["display", "results", "start"])
def test_executions_import_no_reader(module: str) -> None:
    """The package imports none of the packages built on it."""
    packages, errors = loaded(f"import executions.{module}")
    assert "executions" in packages, errors
    assert not packages & (LOCAL | {"cli", "report"})


@pytest.mark.parametrize(
    "command",
    [
        ("--help",),
        ("validate", "scripts/input.yaml"),
        ("start",),
        ("start", "--watch", "--override", "training.run=false"),
        ("runs",),
        ("watch",),
        ("logs", "latest"),
        ("approve", "one"),
        ("reject", "one", "--reason", "no"),
        ("stop", "one"),
        ("redrive", "one"),
        ("report", "one"),
        ("invoke", "demo", "scripts/input.yaml"),
    ],
    ids=" ".join,
)
def test_command_without_local(command: tuple[str, ...]) -> None:
    """A command for AWS gets as far as its first call without importing the local environment."""
    packages, errors = loaded("from cli.main import main; main(sys.argv[1:])", *command)
    assert "cli" in packages
    assert not packages & LOCAL
    if command[0] not in {"--help", "validate"}:
        assert errors.startswith("error: nothing answers on this machine (")


@pytest.mark.parametrize(("options", "imported"), [((), set()), (("--local",), LOCAL)], ids=["AWS", "this machine"])
def test_doctor_imports_the_local_environment_for_this_machine_only(
    options: tuple[str, ...], imported: set[str]
) -> None:
    """``mlops doctor`` imports the local environment with --local only."""
    packages, errors = loaded("from cli.main import main; main(sys.argv[1:])", "doctor", "--json", *options)
    assert "doctor" in packages, errors
    assert packages & LOCAL == imported
