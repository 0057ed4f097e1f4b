"""``mlops local python``: Python with the packages of the jobs' image."""

import os

import click

from cli.errors import CommandError
from local.images import installer_variables
from pipeline.images import DEFAULT_VERSION, REPOSITORY
from sagemaker_local.environments import Environments, InstallFailedError
from sagemaker_local.images import Images


def python(*, arguments: tuple[str, ...]) -> None:
    """Replaces this process by the image's Python."""
    try:
        environment = Environments(variables=installer_variables).get(
            Images().find(f"{REPOSITORY}:{DEFAULT_VERSION}"), log_line=lambda line: click.echo(line, err=True)
        )
    except InstallFailedError as error:
        raise CommandError(str(error)) from error
    os.execv(environment.interpreter, [environment.interpreter, *arguments])  # noqa: S606 - the user's own command
