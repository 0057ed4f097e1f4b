"""What is said at the end of a local run."""

import json
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli.options import relative
from pipeline.stages import STAGES

_SHOWN_METRICS = ("roc_auc", "accuracy", "precision", "recall", "f1")


def show_error(message: str) -> None:
    """Prints an error to standard error, as the last thing that the user sees."""
    Console(stderr=True, highlight=False).print(Text.assemble(("error: ", "bold red"), message), soft_wrap=True)


def show_summary(console: Console, summary: dict[str, Any]) -> None:
    """Prints how the run ended, where its results lie, and how to go on."""
    seconds = summary["seconds"]
    console.print(
        f"\nexecution {summary['execution']} {summary['status']} in {seconds['execution']:.1f} s, "
        f"its jobs {seconds['jobs']:.1f} s; set-up {seconds['setup']:.1f} s, deployment {seconds['deploy']:.1f} s",
        soft_wrap=True,
    )
    if summary["status"] != "SUCCEEDED":
        show_error(_failure(summary))
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    for name in _SHOWN_METRICS:
        if name in summary["metrics"]:
            table.add_row(name, f"{summary['metrics'][name]:.4f}", style="bold" if name == "roc_auc" else None)
    for name in ("model", "predictions", "evaluation"):
        if summary[name]:
            table.add_row(name, relative(summary[name]))
    for name, text in _last_steps(summary):
        table.add_row(name, text)
    console.print(Padding(table, (1, 0, 1, 2)))
    console.print(
        "Go on: edit scripts/ and run it again; or your own: make demo INPUT=input.yaml DATA=data.csv SCRIPTS=folder\n"
        'Deploy the same to AWS: cdk deploy -c schedule="0 6 * * ? *"  (README.md says how)',
        soft_wrap=True,
    )


def _last_steps(summary: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for stage in STAGES:
        line = stage.summary_line(summary[stage.key]) if summary.get(stage.key) else None
        if line:
            yield line


def _failure(summary: dict[str, Any]) -> str:
    """The failed stage with SageMaker's reason for it, and where its log lies."""
    failed = [key for key, stage in summary["stages"].items() if stage["status"] == "FAILED"]
    where = f"{failed[0]}: " if failed else ""
    try:
        reason = json.loads(summary["cause"])["FailureReason"]
    except (ValueError, KeyError, TypeError):
        reason = summary.get("cause", "")
    return f"{where}{summary.get('error', summary['status'])}: {reason}"
