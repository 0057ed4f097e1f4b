"""Declares the commands of ``mlops``, their arguments and the modules that implement them.

A command's module is imported when the command runs, so that ``--help`` is fast.

Exit codes: 0 success, 1 failure, 2 wrong usage, 130 interrupted.
"""

import functools
import gc
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from cli.options import (
    FILE,
    FOLDER,
    NEW_FILE,
    NEW_FOLDER,
    PATH,
    PORT,
    complete_execution,
    execution_argument,
    folder_option,
    json_option,
    local_options,
    model_name_option,
    one_line,
    override_option,
    scripts_option,
    stack_option,
    stage_argument,
)
from executions.defaults import EMULATOR_PORT, PROJECT

_STATES = ("RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
_PROBLEMS = ("binary", "multiclass", "regression")
_MAX_LISTED = 1000


def _show_version(context: click.Context, _option: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's
    if wanted and not context.resilient_parsing:
        from pipeline.version import version  # noqa: PLC0415 - to keep --help fast

        click.echo(f"mlops, version {version()}")
        context.exit()


@click.group(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
def main() -> None:
    """Start, watch and answer executions of the ML pipeline, on AWS or on this machine."""


@main.group()
def local() -> None:
    """Run the pipeline on this machine, without AWS and without Docker."""


def _command(module: str, group: click.Group = main, **settings: Any) -> Callable[[Callable[..., None]], click.Command]:
    """Adds a command that a function of the same name in a module implements.

    Args:
        module: the module's name; the module is imported when the command runs.
        group: the command's group.
        settings: further settings of the command.
    """

    def add(declaration: Callable[..., None]) -> click.Command:
        @functools.wraps(declaration)
        def run(**options: Any) -> None:
            # What an import creates stays until the end, so the garbage collector need not look at it.
            gc.disable()
            implementation = getattr(importlib.import_module(module), declaration.__name__)
            gc.freeze()
            gc.enable()
            implementation(**options)

        return group.command(**settings)(run)

    return add


@_command("cli.validate")
@click.argument("file", type=FILE)
@json_option
@click.option("--parameters", is_flag=True, help="Print the execution's input, as the start Lambda would send it.")
@click.option("--token", "tokens", multiple=True, metavar="NAME=VALUE", help="A token's value: MLOPS_BUCKET=mine.")
@click.option("--vpc", is_flag=True, help="Check for a deployment with vpc-subnet-ids, whose models run in a VPC.")
@override_option
def validate() -> None:
    """Check FILE, an input.yaml, and report every error. The checks are those of the start Lambda.

    Example: mlops validate scripts/input.yaml
    """


@_command("cli.repository")
@click.argument("name")
@click.option(
    "--data", type=click.Path(path_type=Path), help="Your CSV or Parquet file, or folder; default: the census."
)
@click.option("--label", metavar="COLUMN", help="The column of your data to predict.")
@click.option(
    "--problem", type=click.Choice(_PROBLEMS), help="What to predict; by default what the column's values say."
)
def init() -> None:
    """Make a repository of your own for the model NAME, in a new folder of this name.

    It has input.yaml, the scripts to edit, tests, a CI workflow and a SeedFarmer manifest, and pins this release.

    Example: mlops init churn --data my.csv --label churned
    """


@_command("cli.repository")
@click.argument("folder", type=FOLDER, default=Path())
def upgrade() -> None:
    """Move the repository in FOLDER to this release of the module, and print what has changed since.

    Example: mlops upgrade .
    """


@_command("cli.doctor")
@stack_option
@scripts_option
@click.option("--local", "local", is_flag=True, help="Check this machine instead, for mlops local.")
@folder_option
@json_option
def doctor() -> None:
    """Check the account before the first run: permissions, quotas, data and more. Every call only reads.

    The exit code is 1 if something will make a run fail, else 0. What AWS does not let you check is skipped.

    Example: mlops doctor
    """


@_command("cli.start")
@override_option
@click.option(
    "--input", "key", metavar="KEY", show_default="<model>/scripts/input.yaml", help="Key of input.yaml in the bucket."
)
@click.option("--watch", "watches", is_flag=True, help="Watch the execution until it ends.")
@scripts_option
@stack_option
@local_options
@json_option
def start() -> None:
    """Start the pipeline with the input.yaml in the bucket.

    With --local, the scripts and their input.yaml are published first, so that what runs is what lies in the folder.

    Example: mlops start --override 'training.input.HyperParameters.max_iter="50"' --watch
    """


@_command("cli.plan")
@override_option
@click.option("--explain", is_flag=True, help="Show what each stage depends on: the contents of its key.")
@scripts_option
@stack_option
@local_options
@json_option
def plan() -> None:
    """Show what a start would do: which stages run, which are reused and from where, why, and what it takes.

    Nothing is started. With --local, the scripts count as they lie in the folder, and nothing is published.

    Example: mlops plan --override reuse=true
    """


@_command("cli.monitor")
@click.option("--data", type=FILE, help="CSV file of records to judge, in place of what was scored.")
@click.option("--labels", type=FILE, help="File with the label of each record on a line; needs --data.")
@override_option
@stack_option
@local_options
@json_option
def monitor() -> None:
    """Compare what the version in service has scored since the last time with its baseline, and print what drifted.

    Only monitoring runs. With --data it judges a file: one with a header, with or without the label, or as the endpoint
    is asked, with the features on each line. The baseline is then that of the newest approved version. The exit code is
    0 if the outcome is healthy, 1 if it is drift or too_little_data, or if monitoring fails.

    Example: mlops monitor --data july.csv --json
    """


@_command("cli.watch")
@execution_argument(default="latest")
@stack_option
@local_options
@json_option
def watch() -> None:
    """Watch EXECUTION until it ends. EXECUTION is a name, the beginning of one, an ARN, or latest, the default.

    The exit code is 0 if it succeeds, else 1. With --json, only the outcome is printed.

    Example: mlops watch mlops-demo-0123456789abcdef
    """


@_command("cli.runs")
@click.option("--limit", type=click.IntRange(1, _MAX_LISTED), default=20, help="Maximum number to list.")
@click.option("--state", type=click.Choice(_STATES, case_sensitive=False), help="List only executions in this state.")
@stack_option
@local_options
@json_option
def runs() -> None:
    """List the executions, newest first. Each line has state, start, duration, stages and main metric.

    Example: mlops runs --state failed
    """


@_command("cli.compare")
@click.argument("executions", nargs=-1, shell_complete=complete_execution)
@click.option("--limit", type=click.IntRange(1, _MAX_LISTED), default=10, help="How many to compare if none is named.")
@click.option("--sort", metavar="NAME", default="started", help="A column of the table; the best, or lowest, first.")
@click.option("--html", type=NEW_FILE, metavar="FILE", help="Write a page with curves and trends, too.")
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@stack_option
@local_options
def compare() -> None:
    """Compare EXECUTIONS: what differs in input, data and scripts, and the metrics. By default, the newest ones.

    An EXECUTION is a name, the beginning of one, an ARN, or latest.

    Example: mlops compare --sort auc --html comparison.html
    """


@_command("cli.logs")
@execution_argument()
@stage_argument()
@click.option("--follow", is_flag=True, help="Print new lines until the execution, or the named STAGE, ends.")
@stack_option
@local_options
def logs() -> None:
    """Print the logs of EXECUTION, or of one STAGE. EXECUTION is a name, the beginning of one, an ARN, or latest.

    Example: mlops logs latest training --follow
    """


@_command("cli.report")
@execution_argument(required=False)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, writable=True, allow_dash=True, path_type=Path),
    show_default="report-<name>.html",
    help="The file to write; - writes to standard output.",
)
@click.option(
    "--all",
    "everything",
    type=NEW_FOLDER,
    metavar="FOLDER",
    help="Write a report on each of the newest 100 executions, and an index that compares them.",
)
@stack_option
@local_options
def report() -> None:
    """Write a report on EXECUTION, as one HTML page. EXECUTION is a name, the beginning of one, an ARN, or latest.

    With --all, write one on every execution, and an index.

    Example: mlops report latest --out report.html
    """


@_command("cli.answer")
@execution_argument()
@click.option(
    "--reason", metavar="TEXT", default="", show_default=False, callback=one_line, help="Recorded with the decision."
)
@stack_option
@local_options
def approve() -> None:
    """Approve the model of a waiting EXECUTION. EXECUTION is a name, the beginning of one, an ARN, or latest.

    Example: mlops approve mlops-demo-0123456789abcdef --reason "better than the champion"
    """


@_command("cli.answer")
@execution_argument()
@click.option("--reason", metavar="TEXT", required=True, callback=one_line, help="Recorded with the decision.")
@stack_option
@local_options
def reject() -> None:
    """Reject the model of a waiting EXECUTION. EXECUTION is a name, the beginning of one, an ARN, or latest.

    Example: mlops reject mlops-demo-0123456789abcdef --reason "too few records of last month"
    """


@_command("cli.runs")
@execution_argument()
@click.option("--reason", metavar="TEXT", default="", show_default=False, help="Recorded as the execution's cause.")
@stack_option
@local_options
def stop() -> None:
    """Stop EXECUTION and its running job. EXECUTION is a name, the beginning of one, an ARN, or latest.

    Example: mlops stop mlops-demo-0123456789abcdef --reason "wrong data"
    """


@_command("cli.runs")
@execution_argument()
@stack_option
@local_options
def redrive() -> None:
    """Resume EXECUTION from the failed stage. EXECUTION is a name, the beginning of one, an ARN, or latest.

    Step Functions can resume executions that failed, timed out or were stopped within the last 14 days. The emulator
    cannot: start a new execution there.

    Example: mlops redrive mlops-demo-0123456789abcdef
    """


@_command("cli.trial", name="try")
@stage_argument(required=True)
@execution_argument(default="latest")
@scripts_option
@override_option
@click.option("--pdb", "debugs", is_flag=True, help="Debug the script where it raises, and at its breakpoints.")
@click.option(
    "--out", type=NEW_FOLDER, default=PROJECT / "out" / "try", show_default="out/try", help="Folder for the outputs."
)
@stack_option
@local_options
def try_stage() -> None:
    """Run one STAGE's script here, on the inputs of EXECUTION, and write its outputs to a folder.

    STAGE is one with a script. EXECUTION is a name, the beginning of one, an ARN, or latest, the default. No execution
    is started, and nothing is written to S3; the inputs are downloaded once.

    Example: mlops try training --local --override 'training.input.HyperParameters.max_iter="20"'
    """


@_command("cli.invoke")
@click.argument("endpoint")
@click.argument("file", type=click.File("rb"))
@click.option("--content-type", metavar="TYPE", default="text/csv", help="Media type of the file.")
@click.option("--accept", metavar="TYPE", show_default="the file's", help="Media type of the response.")
@local_options
def invoke() -> None:
    """Send the records in FILE to ENDPOINT and print the response. If FILE is -, standard input is read.

    Files over 6 MB with one record per line (text/csv, application/jsonlines) are split into several requests.

    Example: mlops invoke demo records.csv
    """


@_command("cli.local", local)
@click.option("--port", type=PORT, metavar="PORT", default=EMULATOR_PORT, help="Emulator port.")
@model_name_option
@click.option(
    "--monitoring-schedule",
    metavar="CRON",
    help='When only monitoring runs, as the deployment\'s parameter of this name: "*/10 * * * ? *". By default never.',
)
@folder_option
def up() -> None:
    """Start an environment in the background: an emulator with the deployed stack. mlops local down ends it.

    Example: mlops local up
    """


@_command("cli.local", local)
@folder_option
def down() -> None:
    """End the environment. Its emulator, executions, jobs and endpoints end with it.

    Example: mlops local down
    """


@_command("cli.local", local)
@folder_option
@json_option
def status() -> None:
    """Show the environment's state. The exit code is 0 if it is up, else 1.

    Example: mlops local status --json
    """


@_command("cli.local", local)
@folder_option
def env() -> None:
    """Print shell variables for the environment. They direct the AWS CLI and every AWS SDK to it.

    Example: eval "$(mlops local env)" && aws stepfunctions list-state-machines
    """


@_command(
    "cli.local_python", local, context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False}
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def python() -> None:
    """Run Python with the packages of the jobs' image, to try and to test scripts.

    Example: mlops local python -m unittest discover tests
    """


@_command("cli.local_run", local)
@click.option("--input", "input_file", type=FILE, help="Your own input.yaml.")
@click.option("--data", type=PATH, help="Your own CSV or Parquet file, or folder of them, in place of the census data.")
@click.option("--label", metavar="COLUMN", help="The column of your data to predict.")
@click.option(
    "--problem", type=click.Choice(_PROBLEMS), help="What to predict; by default what the column's values say."
)
@scripts_option
@override_option
@click.option("--manual", is_flag=True, help="Wait for your approval.")
@click.option(
    "--port",
    type=PORT,
    metavar="PORT",
    show_default=f"the running environment's, else {EMULATOR_PORT}",
    help="Emulator port. A port other than the running environment's starts a private one.",
)
@model_name_option
@click.option(
    "--out", type=NEW_FOLDER, default=PROJECT / "out" / "demo", show_default="out/demo", help="Folder for the results."
)
@folder_option
@click.option("--since", type=float, hidden=True, help="When the caller began, in seconds since the epoch.")
def run() -> None:
    """Run the pipeline once and download the results.

    It runs in the environment of mlops local up, and deploys the stack again if the template's sources have changed. If
    no environment is up, the run starts one and ends it afterwards.

    Example: mlops local run --data my.csv --label churned
    """
