"""The commands of `mlops local` where nothing is up, and the help of all commands."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner, Result

from cli.main import main

PROJECT = Path(__file__).parent.parent.parent


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an environment that is not up."""
    monkeypatch.setenv("MLOPS_LOCAL_FOLDER", str(tmp_path / "env"))
    return tmp_path / "env"


def mlops(*arguments: str) -> Result:
    """Runs the command in this process."""
    return CliRunner().invoke(main, list(arguments))


def commands(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    """The words of every command, groups aside."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)
        else:
            yield (*path, name)


def test_nothing_is_up(folder: Path) -> None:
    """Where nothing is up, status says so with exit code 1, and down has nothing to do."""
    status = mlops("local", "status")
    assert (status.exit_code, status.output) == (1, "no environment is up; start it: mlops local up\n")
    down = mlops("local", "down")
    assert (down.exit_code, down.output) == (0, "no environment is up\n")
    assert not folder.exists()


def test_status_for_programs(folder: Path) -> None:
    """Status as JSON says the same."""
    result = mlops("local", "status", "--json")
    assert result.exit_code == 1
    content = json.loads(result.output)
    assert (content["status"], content["state"], content["folder"]) == ("down", None, str(folder))


def test_environment_has_died(folder: Path) -> None:
    """An environment that left without a word is said to have died, once, with its log's place."""
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
    """A command for this machine says that nothing is up there, and how to start it."""
    result = CliRunner().invoke(main, list(command), input="1,2\n")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "error: no environment is up on this machine; start it: mlops local up\n"


def test_results_may_not_lie_in_the_environment(folder: Path) -> None:
    """A run that would clean the environment's own folder is refused."""
    result = mlops("local", "run", "--out", str(folder))
    assert result.exit_code == 1
    assert "is the environment's folder; choose another for the results: --out" in result.stderr


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("words", "begun", "offered"),
    [
        (["logs", "latest"], "tr", ["training"]),
        (["watch", "--local"], "", ["latest"]),
        (["stop", "--local"], "x", []),
    ],
)
def test_shell_completion(words: list[str], begun: str, offered: list[str]) -> None:
    """The shell offers stages; of executions only latest, without an error, if they cannot be listed."""
    shell = ShellComplete(main, {}, "mlops", "_MLOPS_COMPLETE")
    assert [item.value for item in shell.get_completions(words, begun)] == offered


@pytest.mark.parametrize("reason", ["", " \n", "x" * 1025], ids=["empty", "blank", "long"])
def test_reason_of_a_rejection(reason: str) -> None:
    """A rejection needs a reason, of no more characters than SageMaker keeps."""
    result = mlops("reject", "one", "--reason", reason)
    assert result.exit_code == 2
    assert "--reason" in result.stderr


@pytest.mark.parametrize("command", list(commands(main)), ids=" ".join)
def test_help_has_an_example(command: tuple[str, ...]) -> None:
    """The help of each command has an example, which begins with that command."""
    result = mlops(*command, "--help")
    assert result.exit_code == 0
    example = " ".join(result.output.partition("Example: ")[2].split())
    assert f"mlops {' '.join(command)}" in example


@pytest.mark.parametrize("command", [(), *commands(main)], ids=" ".join)
def test_help_is_quick(command: tuple[str, ...]) -> None:
    """Help does not wait for what only the command itself needs: it imports none of the slow packages."""
    program = (
        "import sys; from cli.main import main\ntry: main(sys.argv[1:] + ['--help'])\nfinally: print(*sys.modules)"
    )
    completed = subprocess.run(
        [sys.executable, "-c", program, *command], cwd=PROJECT, check=True, capture_output=True, text=True
    )
    assert not {"yaml", "boto3", "botocore", "rich", "jinja2"} & set(completed.stdout.split())
