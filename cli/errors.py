"""How a command says that it cannot do what it was asked: one line, what to do next, exit code 1, no traceback."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import click


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
    # Imported here, so that --help need not wait for it.
    from executions.errors import ExecutionsError  # noqa: PLC0415
    from local.errors import LocalError, file_errors  # noqa: PLC0415

    try:
        with file_errors(folder):
            yield
    except (LocalError, ExecutionsError) as error:
        raise CommandError(str(error)) from error
