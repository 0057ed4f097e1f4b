"""The help of every command."""

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from cli.main import main
from executions.defaults import PROJECT


def commands(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    """The words of every command, without groups."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)
        else:
            yield (*path, name)


COMMANDS = list(commands(main))


def help_of(command: tuple[str, ...]) -> str:
    """The help of a command, in a wide terminal."""
    result = CliRunner().invoke(main, [*command, "--help"], terminal_width=200)
    assert result.exit_code == 0
    return result.output


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_has_an_example(command: tuple[str, ...]) -> None:
    """The help of a command ends with an example of that command."""
    _, _, example = help_of(command).partition("Example: ")
    assert f"mlops {' '.join(command)}" in example


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_defaults_are_readable(command: tuple[str, ...]) -> None:
    """Defaults are neither empty nor absolute paths of this machine."""
    text = help_of(command)
    assert 'default: ""' not in text
    assert str(PROJECT) not in text


@pytest.mark.parametrize("command", [command for command in COMMANDS if "EXECUTION" in help_of(command)], ids=" ".join)
def test_every_execution_can_be_latest_or_a_prefix(command: tuple[str, ...]) -> None:
    """Each command that takes an execution documents the same ways to name it."""
    text = " ".join(help_of(command).split())
    assert "EXECUTION is a name, the beginning of one, an ARN, or latest" in text


@pytest.mark.parametrize("command", [(), *COMMANDS], ids=" ".join)
def test_help_is_quick(command: tuple[str, ...]) -> None:
    """Help imports none of the slow packages that only the command itself needs."""
    program = (
        "import sys; from cli.main import main\ntry: main(sys.argv[1:] + ['--help'])\nfinally: print(*sys.modules)"
    )
    completed = subprocess.run(
        [sys.executable, "-c", program, *command], cwd=PROJECT, check=True, capture_output=True, text=True
    )
    assert not {"yaml", "boto3", "botocore", "rich", "jinja2"} & set(completed.stdout.split())
