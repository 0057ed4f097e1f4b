"""Ends a command that fails: a message with what to do next, exit code 1, no traceback."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO, Any, NoReturn

import click

from executions.errors import ExecutionsError
from executions.text import printable_lines

_INTERRUPTED = 130


class CommandError(click.ClickException):
    """Ends the command with its message."""

    exit_code = 1

    def show(self, file: IO[Any] | None = None) -> None:
        """Prints the message, which may quote AWS or a job, to standard error."""
        click.secho("error: ", fg="red", bold=True, nl=False, err=True, file=file)
        click.echo(printable_lines(self.message), err=True, file=file)


@contextmanager
def local_errors(folder: Path) -> Iterator[None]:
    """Turns errors of the environment on this machine, and of the file system, into CommandError.

    Args:
        folder: the folder that the command writes to.
    """
    from local.errors import LocalError, file_errors  # noqa: PLC0415 - for commands with --local only

    try:
        with file_errors(folder):
            yield
    except (LocalError, ExecutionsError) as error:
        raise CommandError(str(error)) from error


def catch_signals() -> None:
    """Makes SIGINT and SIGTERM raise KeyboardInterrupt, even in a background job whose shell ignores interrupts."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def exit_interrupted(consequence: str) -> NoReturn:
    """Ends an interrupted command with exit code 130."""
    click.echo(f"error: interrupted; {consequence}", err=True)
    sys.exit(_INTERRUPTED)
