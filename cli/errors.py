"""How a command says that it cannot do what it was asked: one line, what to do next, exit code 1, no traceback."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO, Any, NoReturn

import click

from executions.errors import ExecutionsError

_INTERRUPTED = 130


class CommandError(click.ClickException):
    """Ends the command with its message, on one line."""

    exit_code = 1

    def show(self, file: IO[Any] | None = None) -> None:
        """Prints the message to standard error."""
        click.secho("error: ", fg="red", bold=True, nl=False, err=True, file=file)
        click.echo(self.message, err=True, file=file)


@contextmanager
def local_errors(folder: Path) -> Iterator[None]:
    """Ends the command with one line if the environment on this machine, or the file system, fails it.

    Args:
        folder: where the command writes.
    """
    from local.errors import LocalError, file_errors  # noqa: PLC0415 - for commands with --local only

    try:
        with file_errors(folder):
            yield
    except (LocalError, ExecutionsError) as error:
        raise CommandError(str(error)) from error


def catch_signals() -> None:
    """Has signals interrupt us, even if a shell started us in the background with interrupts ignored."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def exit_interrupted(consequence: str) -> NoReturn:
    """Ends the command as an interrupted one."""
    click.echo(f"error: interrupted; {consequence}", err=True)
    sys.exit(_INTERRUPTED)
