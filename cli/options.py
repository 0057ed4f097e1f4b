"""The options that several commands have."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from rich.console import Console

PROJECT = Path(__file__).parent.parent

Command = TypeVar("Command", bound=Callable[..., Any])

FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, readable=True, path_type=Path)
NEW_FOLDER = click.Path(file_okay=False, path_type=Path, resolve_path=True)
_WIDE = 1000
PORT = click.IntRange(1, 65535)


def relative(path: Path | str) -> str:
    """A path as it is shown: from the folder that the user is in."""
    return os.path.relpath(path, Path.cwd())


def folder_option(command: Command) -> Command:
    """``--folder``: which environment on this machine is meant."""
    return click.option(
        "--folder",
        type=NEW_FOLDER,
        default=PROJECT / "out" / "local",
        envvar="MLOPS_LOCAL_FOLDER",
        show_default="out/local, or $MLOPS_LOCAL_FOLDER",
        help="Of the environment on this machine: its state, jobs and logs.",
    )(command)


def local_options(command: Command) -> Command:
    """``--local``, with ``--folder``: the command is for the environment on this machine, and not for AWS."""
    flag = click.option(
        "--local",
        "local",
        is_flag=True,
        help="For the environment of mlops local up; without it, for AWS, as the SDK's variables and profiles say.",
    )
    return flag(folder_option(command))


def stack_option(command: Command) -> Command:
    """``--stack``: which deployment of the module is meant."""
    return click.option(
        "--stack", metavar="NAME", help="The stack's name.  [default: mlops- and the model-name of cdk.json, else demo]"
    )(command)


def json_option(command: Command) -> Command:
    """``--json``: for programs."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def console(*, quiet: bool = False) -> "Console":
    """Where tables are printed: as wide as the terminal, and where there is none, as wide as they are."""
    from rich.console import Console  # noqa: PLC0415 - so that --help need not wait for it

    made = Console(highlight=False, quiet=quiet)
    return made if made.is_terminal else Console(highlight=False, quiet=quiet, width=_WIDE)
