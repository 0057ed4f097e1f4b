"""The options and arguments that several commands have."""

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
PORT = click.IntRange(1, 65535)
_WIDE = 1000
_REASON_LENGTH = 1024
"""Characters of a model package's ApprovalDescription, which must not have line breaks either
(https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateModelPackage.html)."""


def relative(path: Path | str) -> str:
    """A path as it is shown: from the current folder."""
    return os.path.relpath(path, Path.cwd())


def execution_argument(**settings: Any) -> Callable[[Command], Command]:
    """``EXECUTION``: a name, the beginning of one, an ARN, or ``latest``."""
    return click.argument("execution", shell_complete=_complete_execution, **settings)


def stage_argument(command: Command) -> Command:
    """``STAGE``: the key of a stage; the command says which ones it takes."""
    return click.argument("stage", required=False, shell_complete=_complete_stage)(command)


def override_option(command: Command) -> Command:
    """``--override KEY=VALUE``: changes what the input file says."""
    return click.option(
        "--override",
        "overrides",
        multiple=True,
        metavar="KEY=VALUE",
        help="A dotted key of input.yaml and a YAML value: training.run=false. May be repeated.",
    )(command)


def folder_option(command: Command) -> Command:
    """``--folder``: which environment on this machine is meant."""
    return click.option(
        "--folder",
        type=NEW_FOLDER,
        default=PROJECT / "out" / "local",
        envvar="MLOPS_LOCAL_FOLDER",
        show_default="out/local, or $MLOPS_LOCAL_FOLDER",
        help="Folder of the environment on this machine: its state, jobs and logs.",
    )(command)


def local_options(command: Command) -> Command:
    """``--local``, with ``--folder``: the command is for the environment on this machine, and not for AWS."""
    flag = click.option(
        "--local",
        "local",
        is_flag=True,
        help="Use the environment of mlops local up, not AWS as the SDK's variables and profiles configure it.",
    )
    return flag(folder_option(command))


def stack_option(command: Command) -> Command:
    """``--stack``: which deployment of the module is meant."""
    return click.option(
        "--stack",
        metavar="NAME",
        show_default="mlops- and the model-name of cdk.json, else demo",
        help="Name of the stack.",
    )(command)


def json_option(command: Command) -> Command:
    """``--json``: for programs."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def one_line(_context: click.Context, option: click.Parameter, text: str) -> str:
    """Puts a reason on one line, and checks that SageMaker can keep it."""
    reason = " ".join(text.split())
    if len(reason) > _REASON_LENGTH:
        raise click.BadParameter(f"has {len(reason)} characters; allowed are {_REASON_LENGTH}")
    if option.required and not reason:
        raise click.BadParameter("is empty; say why")
    return reason


def console(*, quiet: bool = False) -> "Console":
    """Where tables are printed: as wide as the terminal, or without one, as wide as they are."""
    from rich.console import Console  # noqa: PLC0415 - so that --help need not wait for it

    made = Console(highlight=False, quiet=quiet)
    return made if made.is_terminal else Console(highlight=False, quiet=quiet, width=_WIDE)


def _complete_execution(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """The names that begin so; what the shell has not typed yet has its default."""
    from cli.completion import execution_names  # noqa: PLC0415 - so that --help need not wait for it

    given = {"stack": None, "local": False} | context.params
    return execution_names(incomplete, stack=given["stack"], local=given["local"], folder=given["folder"])


def _complete_stage(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    from executions.jobs import STAGES_WITH_JOBS  # noqa: PLC0415 - so that --help need not wait for it

    return [stage.key for stage in STAGES_WITH_JOBS if stage.key.startswith(incomplete)]
