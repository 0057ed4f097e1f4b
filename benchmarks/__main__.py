"""``make bench``: measures, prints the table, and updates ``results.json`` and the table in docs/performance.md."""

import sys
from contextlib import closing
from pathlib import Path

import click
from rich.console import Console

from benchmarks import results, table
from benchmarks.families import FAMILIES
from benchmarks.processes import BenchmarkError
from benchmarks.reference import Reference
from benchmarks.runner import run
from local.errors import LocalError

_WIDE = 220


@click.command()
@click.argument("families", nargs=-1, type=click.Choice(list(FAMILIES)), metavar="[FAMILY]...")
@click.option(
    "--reference",
    type=click.Path(exists=True, file_okay=False, path_type=Path, resolve_path=True),
    help="A checkout of the reference module, with its packages in .venv, to measure as well.",
)
def main(families: tuple[str, ...], reference: Path | None) -> None:
    """Measure the given families of rows, or all.

    They are: synth packages lambda transitions starts local reuse scripts tables growth monitoring.

    Example: make bench ROWS="synth lambda"
    """
    console, progress = Console(highlight=False), Console(stderr=True, highlight=False)
    wanted = [family for family in FAMILIES if not families or family in families]
    try:
        checkout = Reference.at(reference) if reference else None
        for family in wanted:
            progress.print(f"{family} ...")
            with closing(FAMILIES[family](checkout)) as experiments:
                measured = [result for experiment in experiments for result in run(experiment)]
            results.write(family, measured, order=list(FAMILIES))
            table.DOCUMENT.write_text(table.written(table.DOCUMENT.read_text(), results.read()))
    except (BenchmarkError, LocalError) as error:
        progress.print(f"error: {error}", style="bold red", markup=False, soft_wrap=True)
        sys.exit(1)
    content = results.read()
    shown = table.table({family: content[family] for family in wanted})
    (console if console.is_terminal else Console(highlight=False, width=_WIDE)).print(shown)
    console.print(f"*: measured earlier; written: {results.FILE.name}, {table.DOCUMENT.name}")


if __name__ == "__main__":
    main()
