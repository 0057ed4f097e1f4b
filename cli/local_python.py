"""``mlops local python``: Python with the packages of the jobs' image."""

import os

import click

from cli.errors import CommandError
from local.images import scripts_python
from sagemaker_local.environments import InstallFailedError


def python(*, arguments: tuple[str, ...]) -> None:
    """Replaces this process by the image's Python."""
    try:
        interpreter = scripts_python(log_line=lambda line: click.echo(line, err=True))
    except InstallFailedError as error:
        raise CommandError(str(error)) from error
    os.execv(interpreter, [interpreter, *arguments])  # noqa: S606 - the user's own command
