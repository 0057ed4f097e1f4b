"""The commands of ``mlops local`` without an environment."""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner, Result

from cli.main import main
from local.state import EnvironmentDir
from sagemaker_local.mounts import best_view
from tests.local.described import STATE


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The default folder of the environment, which is not up."""
    monkeypatch.setenv("MLOPS_LOCAL_FOLDER", str(tmp_path / "env"))
    return tmp_path / "env"


def mlops(*arguments: str) -> Result:
    """Runs a command in this process."""
    return CliRunner().invoke(main, list(arguments))


def test_nothing_is_up(folder: Path) -> None:
    """If no environment is up, status exits with 1 and down does nothing."""
    status = mlops("local", "status")
    assert (status.exit_code, status.output) == (1, "no environment is up; start it: mlops local up\n")
    down = mlops("local", "down")
    assert (down.exit_code, down.output) == (0, "no environment is up\n")
    assert not folder.exists()


def test_status_for_programs(folder: Path) -> None:
    """Status as JSON has the same content."""
    result = mlops("local", "status", "--json")
    assert result.exit_code == 1
    content = json.loads(result.output)
    assert (content["status"], content["state"], content["folder"]) == ("down", None, str(folder))


def test_environment_has_died(folder: Path) -> None:
    """An environment that was killed is reported as died, once, with the path of its log."""
    folder.mkdir()
    (folder / "state.json").write_text("{}")
    status = mlops("local", "status")
    assert status.exit_code == 1
    assert "has died; its log: " in status.output
    assert "had died; its log: " in mlops("local", "down").output
    assert mlops("local", "down").output == "no environment is up\n"


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "command",
    [
        ("local", "env"),
        ("approve", "x", "--local"),
        ("reject", "x", "--reason", "y", "--local"),
        ("invoke", "x", "-", "--local"),
    ],
    ids=lambda command: command[0],
)
def test_local_without_environment(command: tuple[str, ...]) -> None:
    """A command for this machine fails if no environment is up; the message says how to start one."""
    result = CliRunner().invoke(main, list(command), input="1,2\n")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "error: no environment is up on this machine; start it: mlops local up\n"


def test_an_environment_is_of_one_model(folder: Path, tmp_path: Path) -> None:
    """A run for another model than that of the environment that is up is an error, and so is a malformed name."""
    directory = EnvironmentDir(folder)
    with directory.lock():
        directory.write(replace(STATE, model_name="churn"))
        other = mlops("local", "run", "--model-name", "fraud", "--out", str(tmp_path / "out"))
    assert other.exit_code == 1
    assert "the environment at http://127.0.0.1:4566 is of the model 'churn', not 'fraud'; end it" in other.stderr
    malformed = mlops("local", "up", "--model-name", "my_model")
    assert malformed.exit_code == 2
    assert "invalid value 'my_model'; expected letters, digits and single hyphens" in malformed.stderr


def test_a_malformed_schedule_starts_nothing(folder: Path) -> None:
    """The error names the option, the field and what is allowed."""
    malformed = mlops("local", "up", "--monitoring-schedule", "61 * * * ? *")
    assert malformed.exit_code == 1
    assert "error: --monitoring-schedule is '61 * * * ? *': invalid minutes '61' (allowed: 0-59" in malformed.stderr
    assert not folder.exists()


def test_results_in_the_environments_folder(folder: Path) -> None:
    """A run that would clean the environment's own folder is rejected."""
    result = mlops("local", "run", "--out", str(folder))
    assert result.exit_code == 1
    assert "is the environment's folder; choose another for the results: --out" in result.stderr


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("words", "incomplete", "offered"),
    [
        (["logs", "latest"], "tr", ["training"]),
        (["watch", "--local"], "", ["latest"]),
        (["stop", "--local"], "x", []),
        (["approve", "--local"], "la", ["latest"]),
        (["report", "--local"], "la", ["latest"]),
    ],
)
def test_shell_completion(words: list[str], incomplete: str, offered: list[str]) -> None:
    """The shell offers stages and, if executions cannot be listed, only latest, without an error."""
    shell = ShellComplete(main, {}, "mlops", "_MLOPS_COMPLETE")
    assert [item.value for item in shell.get_completions(words, incomplete)] == offered


@pytest.mark.parametrize("reason", ["", " \n", "x" * 1025], ids=["empty", "blank", "long"])
def test_reason_of_a_rejection(reason: str) -> None:
    """A rejection needs a reason, of at most the length that SageMaker accepts."""
    result = mlops("reject", "one", "--reason", reason)
    assert result.exit_code == 2
    assert "--reason" in result.stderr


@pytest.fixture
def machine_without_isolation(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Makes this machine one without namespaces: not Linux."""
    best_view.cache_clear()
    monkeypatch.setattr(sys, "platform", "darwin")
    yield
    best_view.cache_clear()


@pytest.mark.usefixtures("machine_without_isolation")
@pytest.mark.parametrize("option", [("up", "--folder"), ("run", "--out")], ids=lambda option: option[0])
def test_missing_isolation_is_a_warning(option: tuple[str, str], folder: Path) -> None:
    """``up`` and ``run`` warn before they start if the machine cannot isolate jobs."""
    file = folder.with_name("file")
    file.write_text("")
    command, name = option
    result = mlops("local", command, name, str(file / "below"))  # fails right after the warning
    assert result.exit_code == 1
    line = result.output.splitlines()[0]
    assert line.startswith("warning: jobs are not isolated on this machine" if command == "up" else "! jobs are not")
    assert "docs/security.md" in line
