"""Declares the options and arguments that several commands share."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from executions.defaults import LOCAL_FOLDER, LOCAL_MODEL_NAME
from pipeline.limits import APPROVAL_REASON_LENGTH

if TYPE_CHECKING:
    from rich.console import Console

Command = TypeVar("Command", bound=Callable[..., Any])

FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, readable=True, path_type=Path)
NEW_FILE = click.Path(dir_okay=False, path_type=Path)
PATH = click.Path(exists=True, readable=True, path_type=Path)
NEW_FOLDER = click.Path(file_okay=False, path_type=Path, resolve_path=True)
PORT = click.IntRange(1, 65535)
_WIDE = 1000


def relative(path: Path | str) -> str:
    """Returns a path relative to the current folder, for display."""
    return os.path.relpath(path, Path.cwd())


def execution_argument(**settings: Any) -> Callable[[Command], Command]:
    """``EXECUTION``: a name, the beginning of one, an ARN, or ``latest``."""
    return click.argument("execution", shell_complete=complete_execution, **settings)


def stage_argument(*, required: bool = False) -> Callable[[Command], Command]:
    """``STAGE``: the key of a stage; the command says which ones it takes."""
    return click.argument("stage", required=required, shell_complete=_complete_stage)


def override_option(command: Command) -> Command:
    """``--override KEY=VALUE``: changes a value of the input file."""
    return click.option(
        "--override",
        "overrides",
        multiple=True,
        metavar="KEY=VALUE",
        help="A dotted key of input.yaml and a YAML value: training.run=false. May be repeated.",
    )(command)


def scripts_option(command: Command) -> Command:
    """``--scripts``: the user's folder of scripts, on this machine."""
    return click.option(
        "--scripts",
        type=FOLDER,
        envvar="MLOPS_SCRIPTS",
        show_default="the module's scripts/, or $MLOPS_SCRIPTS",
        help="Your own folder of scripts. Without an input.yaml in it, its files are added to the module's.",
    )(command)


class _ModelName(click.ParamType[str]):
    """The parameter ``model-name`` of a deployment."""

    name = "name"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Checks it as the deployment does."""
        from settings import SettingsError, checked_model_name  # noqa: PLC0415 - only for this option

        try:
            return checked_model_name(value)
        except SettingsError as error:
            self.fail(str(error).removeprefix("parameter model-name: "), param, ctx)


def model_name_option(command: Command) -> Command:
    """``--model-name``: of what is deployed on this machine."""
    return click.option(
        "--model-name",
        type=_ModelName(),
        metavar="NAME",
        envvar="MLOPS_LOCAL_MODEL_NAME",
        show_default=f"{LOCAL_MODEL_NAME}, or $MLOPS_LOCAL_MODEL_NAME",
        help="The model's name in an environment that is started, as the deployment's parameter model-name.",
    )(command)


def folder_option(command: Command) -> Command:
    """``--folder``: the environment on this machine."""
    return click.option(
        "--folder",
        type=NEW_FOLDER,
        default=LOCAL_FOLDER,
        envvar="MLOPS_LOCAL_FOLDER",
        show_default="out/local, or $MLOPS_LOCAL_FOLDER",
        help="Folder of the environment on this machine: its state, jobs and logs.",
    )(command)


def local_options(command: Command) -> Command:
    """``--local`` and ``--folder``: the environment on this machine, instead of AWS."""
    flag = click.option(
        "--local",
        "local",
        is_flag=True,
        help="Use the environment of mlops local up, instead of AWS as configured for the SDK.",
    )
    return flag(folder_option(command))


def stack_option(command: Command) -> Command:
    """``--stack``: the deployment of the module."""
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
    if len(reason) > APPROVAL_REASON_LENGTH:
        raise click.BadParameter(f"has {len(reason)} characters; at most {APPROVAL_REASON_LENGTH} are allowed")
    if option.required and not reason:
        raise click.BadParameter("is empty; give a reason")
    return reason


def console(*, quiet: bool = False) -> "Console":
    """Returns a console for tables: as wide as the terminal; without a terminal, as wide as necessary."""
    from rich.console import Console  # noqa: PLC0415 - to keep --help fast

    made = Console(highlight=False, quiet=quiet)
    return made if made.is_terminal else Console(highlight=False, quiet=quiet, width=_WIDE)


def complete_execution(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Completes an execution's name; options that have not been typed yet have their defaults."""
    from cli.completion import execution_names  # noqa: PLC0415 - to keep --help fast

    given = {"stack": None, "local": False} | context.params
    return execution_names(incomplete, stack=given["stack"], local=given["local"], folder=given["folder"])


def _complete_stage(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    from executions.jobs import STAGES_WITH_JOBS  # noqa: PLC0415 - to keep --help fast

    return [stage.key for stage in STAGES_WITH_JOBS if stage.key.startswith(incomplete)]
