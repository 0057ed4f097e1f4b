"""The ``mlops`` command: its groups, and how it ends.

Exit codes: 0 done, 1 the run or the file is bad, 2 wrong use, 130 interrupted.
"""

import sys
from pathlib import Path

import click

from cli.answer import approve, reject
from cli.invoke import invoke
from cli.local import local
from cli.logs import logs
from cli.options import FILE
from cli.report import report
from cli.runs import redrive, runs, stop
from cli.start import start
from cli.watch import watch


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Start, watch and try the ML pipeline."""


for _command in (local, start, watch, runs, logs, report, approve, reject, stop, redrive, invoke):
    main.add_command(_command)


@main.command()
@click.argument("file", type=FILE)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--parameters", is_flag=True, help="Print the execution's input, as the start Lambda would send it.")
@click.option("--token", "tokens", multiple=True, metavar="NAME=VALUE", help="What a token becomes: MLOPS_BUCKET=mine.")
@click.option("--overrides", default="{}", metavar="JSON", help='As in the event: {"training": {"run": false}}.')
def validate(file: Path, as_json: bool, parameters: bool, tokens: tuple[str, ...], overrides: str) -> None:  # noqa: FBT001 - click passes options by name
    """Check FILE, an input.yaml, as the start Lambda does, and say everything that is wrong with it.

    Example: mlops validate scripts/input.yaml
    """
    # Imported here, so that --help need not wait for YAML.
    from cli.validate import validate as run_validate  # noqa: PLC0415

    sys.exit(run_validate(file, tokens=tokens, overrides=overrides, parameters=parameters, as_json=as_json))
