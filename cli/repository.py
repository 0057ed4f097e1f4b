"""``mlops init`` and ``mlops upgrade``: a repository of a user's own."""

from pathlib import Path

import click

from cli.errors import CommandError
from cli.options import relative
from pipeline.version import version
from repository.creation import create
from repository.errors import RepositoryError
from repository.pin import PIN
from repository.pin import upgrade as move
from sagemaker_local.environments import InstallFailedError


def init(*, name: str, data: Path | None, label: str | None, problem: str | None) -> None:
    """Creates a repository in the current folder."""
    try:
        made = create(name, parent=Path.cwd(), data=data, label=label, problem=problem)
    except (RepositoryError, InstallFailedError) as error:
        raise CommandError(str(error)) from error
    click.echo(f"created: {relative(made.folder)}, with release {version()} of the module")
    if made.data:
        part = f", one of {made.every} records" if made.every > 1 else ""
        click.echo(f"the table is in {made.data}{part}; remove it before the first commit if it must not be in git")
    if not made.url:
        click.echo(f"for CI and colleagues, set MODULE_URL in {PIN}: this clone of the module has no remote")
    click.echo(f"Next: cd {relative(made.folder)} && make demo")


def upgrade(*, folder: Path) -> None:
    """Moves a repository's pin to this module's release, and prints what has changed."""
    try:
        before, changes = move(folder)
    except RepositoryError as error:
        raise CommandError(str(error)) from error
    if before == version():
        click.echo(f"{relative(folder / PIN)} pins {before} already")
        return
    click.echo(f"{relative(folder / PIN)}: {before} became {version()}; your scripts are as they were\n\n{changes}")
