"""``mlops local run``: runs the pipeline once on this machine, and summarises the results."""

import shlex
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli.errors import catch_signals, exit_interrupted, local_errors
from cli.options import relative
from cli.overrides import parse
from executions.differences import StageDifference, shared
from executions.history import outcome_word, readable_cause
from executions.progress import FAILED, MODEL_REJECTED, REJECTED
from executions.text import printable
from local.display import Display
from local.run import RunOptions, WriteReport
from local.run import run as run_pipeline
from pipeline.input.execution import merged
from pipeline.stages import STAGES
from repository.pin import PIN

_SHOWN_METRICS = ("roc_auc", "accuracy", "precision", "recall", "f1", "weighted_f1", "mae", "rmse", "r2", "skill")

_OPTIONS = ("LABEL", "PROBLEM", "POSITIVE", "DROP", "CATEGORIES")
"""The options of ``scripts/preprocessing.py``: what the file says about its own data does not hold for other data."""


def run(
    *,
    input_file: Path | None,
    data: Path | None,
    label: str | None,
    problem: str | None,
    scripts: Path | None,
    overrides: tuple[str, ...],
    manual: bool,
    port: int | None,
    model_name: str | None,
    out: Path,
    folder: Path,
    since: float | None,
) -> None:
    """Runs the pipeline once and downloads the results."""
    over = parse((*overrides, "approval.manual=true") if manual else overrides)
    if label is not None:
        over = merged(_table_options(label, problem), over)
    elif problem is not None:
        raise click.UsageError("--problem needs --label")
    catch_signals()
    console = Console(highlight=False)
    options = RunOptions(
        input_file=input_file,
        data=data,
        scripts=scripts,
        port=port,
        model_name=model_name,
        folder=out,
        environment=folder,
        overrides=over,
        load_report=_load_report,
        since=since or time.time(),
    )
    try:
        with local_errors(out):
            summary = run_pipeline(options, Display(console))
    except KeyboardInterrupt:
        exit_interrupted("the execution was stopped, and no process is left running")
    show_summary(console, summary, scripts=scripts)
    sys.exit(0 if summary["status"] == "SUCCEEDED" else 1)


def _load_report() -> WriteReport:
    from cli.report import write_report  # noqa: PLC0415 - while the execution runs
    from report.page import templates  # noqa: PLC0415 - as above

    templates().get_template("page.html.j2")
    return write_report


def _table_options(label: str, problem: str | None) -> dict[str, Any]:
    options = dict.fromkeys(_OPTIONS) | {"LABEL": label, "PROBLEM": problem}
    return {"preprocessing": {"input": {"Environment": options}}}


def show_failure(title: str, message: str) -> None:
    """Prints to standard error, as the last output, why the execution did not succeed."""
    style = "bold red" if title == "error" else "bold yellow"
    Console(stderr=True, highlight=False).print(Text.assemble((f"{title}: ", style), message), soft_wrap=True)


def show_summary(console: Console, summary: dict[str, Any], *, scripts: Path | None = None) -> None:
    """Prints the run's outcome, the paths of its results, and the next steps.

    Args:
        console: where to print.
        summary: as ``local.run.run`` returns it.
        scripts: the user's folder of scripts, if it was run.
    """
    seconds = summary["seconds"]
    console.print(
        f"\nexecution {summary['execution']} {outcome_word(summary)} in {seconds['execution']:.1f} s, "
        f"its jobs {seconds['jobs']:.1f} s; set-up {seconds['setup']:.1f} s, deployment {seconds['deploy']:.1f} s",
        soft_wrap=True,
    )
    if summary["status"] != "SUCCEEDED":
        if summary.get("report"):
            console.print(f"report: {relative(summary['report'])}", soft_wrap=True)
        _show_differences(console, summary)
        rejected = summary.get("error") == MODEL_REJECTED
        show_failure("rejected" if rejected else "error", _failure(summary))
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in _metrics(summary["metrics"]):
        table.add_row(name, f"{value:.4f}", style="bold" if name == "roc_auc" else None)
    for name in ("model", "predictions", "evaluation", "report"):
        if summary.get(name):
            table.add_row(name, relative(summary[name]))
    for name, text in _last_steps(summary):
        table.add_row(name, text)
    console.print(Padding(table, (1, 0, 1, 2)))
    _show_differences(console, summary)
    console.print(f"\n{_next_steps(scripts)}  (see README.md)", soft_wrap=True)


def _next_steps(scripts: Path | None) -> str:
    if scripts is None:
        edit = "edit scripts/ and run it again; or use your own table: make demo DATA=my.csv LABEL=column"
        deploy = 'cdk deploy -c schedule="0 6 * * ? *"'
    else:
        edit = f"edit {relative(scripts)}/ and run it again"
        deploy = f'cdk deploy -c schedule="0 6 * * ? *" -c scripts-folder={shlex.quote(str(scripts))}'
        if scripts.with_name(PIN).is_file():  # a repository that mlops init made
            deploy = 'make deploy SCHEDULE="0 6 * * ? *"'
    return f"Next: {edit}\nDeploy the same to AWS: {deploy}"


def _show_differences(console: Console, summary: dict[str, Any]) -> None:
    """Prints how the run differs from AWS; nothing if it does not."""
    found = shared(StageDifference(**one) for one in summary.get("differences", ()))
    if not found:
        return
    lines = ["This run differs from AWS in:"]
    for one in found:
        lines.append(f"  {', '.join(one.fields)} ({', '.join(one.stages)})")
        lines += [f"    here:   {one.here}", f"    on AWS: {one.on_aws}"]
    console.print(Text("\n".join(map(printable, lines))), soft_wrap=True)


def _metrics(found: dict[str, float]) -> Iterator[tuple[str, float]]:
    """The usual metrics; if the report has none of them, its first ones."""
    names = [name for name in _SHOWN_METRICS if name in found] or list(found)[: len(_SHOWN_METRICS)]
    yield from ((name, found[name]) for name in names)


def _last_steps(summary: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for stage in STAGES:
        line = stage.summary_line(summary[stage.key]) if summary.get(stage.key) else None
        if line:
            yield line


def _failure(summary: dict[str, Any]) -> str:
    """The failed stage, the error and its reason."""
    failed = [key for key, stage in summary["stages"].items() if stage["status"] in {FAILED, REJECTED}]
    where = f"{failed[0]}: " if failed else ""
    reason = readable_cause(summary.get("cause", ""))
    return f"{where}{printable(summary.get('error', summary['status']))}: {reason}"
