"""The ``mlops`` command: its groups, and how it ends.

Exit codes: 0 done, 1 the run or the file is bad, 2 wrong use, 130 interrupted.
"""

import signal
import sys
import time
from pathlib import Path
from types import FrameType

import click

PROJECT = Path(__file__).parent.parent

_INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Start, watch and try the ML pipeline."""


@main.group()
def local() -> None:
    """The pipeline on this machine, without AWS and without Docker."""


_FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
_NEW_FOLDER = click.Path(file_okay=False, path_type=Path, resolve_path=True)
_FOLDER = click.Path(exists=True, file_okay=False, readable=True, path_type=Path)


@main.command()
@click.argument("file", type=_FILE)
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


@local.command()
@click.option("--input", "input_file", type=_FILE, help="Your own input.yaml.")
@click.option("--data", type=_FILE, help="Your own CSV file, in place of the census data.")
@click.option("--scripts", type=_FOLDER, help="Your own folder of scripts.")
@click.option("--port", type=click.IntRange(1, 65535), default=4566, show_default=True, help="For the emulator.")
@click.option("--out", type=_NEW_FOLDER, default=PROJECT / "out" / "demo", help="For the results.")
@click.option("--since", type=float, hidden=True, help="When the caller began, in seconds since the epoch.")
def run(  # noqa: PLR0917 - click passes options by name
    input_file: Path | None, data: Path | None, scripts: Path | None, port: int, out: Path, since: float | None
) -> None:
    """Run the pipeline once: deploy the stack to the emulator, start it, and fetch the results to out/demo.

    Example: mlops local run --data my.csv
    """
    # Imported here, so that --help need not wait for boto3.
    from rich.console import Console  # noqa: PLC0415

    from cli.local_run import show_error, show_summary  # noqa: PLC0415
    from local.display import Display  # noqa: PLC0415
    from local.errors import LocalError  # noqa: PLC0415
    from local.run import Run, RunOptions  # noqa: PLC0415

    # Also where a shell has started us in the background, with interrupts ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    console = Console(highlight=False)
    options = RunOptions(
        input_file=input_file,
        data=data,
        scripts=scripts,
        port=port,
        folder=out,
        since=since or time.time(),
    )
    try:
        summary = Run(options, Display(console))()
    except LocalError as error:
        show_error(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        show_error("interrupted; the execution was stopped, and no process is left")
        sys.exit(_INTERRUPTED)
    show_summary(console, summary)
    sys.exit(0 if summary["status"] == "SUCCEEDED" else 1)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
