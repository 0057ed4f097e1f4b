"""What every command says of itself."""

import click
import pytest
from click.testing import CliRunner

from cli.main import main


def commands(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The words of every command."""
    found = []
    for name, command in group.commands.items():
        below = commands(command, (*path, name)) if isinstance(command, click.Group) else [(*path, name)]
        found += below
    return found


@pytest.mark.parametrize("command", commands(main), ids=" ".join)
def test_help_has_an_example(command: tuple[str, ...]) -> None:
    """The help of a command ends its text with an example of that very command."""
    result = CliRunner().invoke(main, [*command, "--help"], terminal_width=200)
    assert result.exit_code == 0
    _, _, example = result.output.partition("Example: ")
    assert f"mlops {' '.join(command)}" in example
