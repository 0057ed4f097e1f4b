"""``mlops doctor``: checks the account, or this machine, before the first run."""

import json
import sys
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

import click
from botocore.exceptions import BotoCoreError, NoRegionError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.options import console
from doctor.examination import CONFIG, examine
from doctor.result import FAILURE, OK, SKIPPED, WARNING, Result, failure
from executions.aws import configured_aws
from executions.errors import explained
from executions.text import printable

_MARKS = {OK: ("✓", "green"), WARNING: ("!", "bold yellow"), FAILURE: ("✗", "bold red"), SKIPPED: ("-", "dim")}


def doctor(*, stack: str | None, scripts: Path | None, local: bool, folder: Path, as_json: bool) -> None:
    """Runs the checks, prints their results and ends the command: exit code 1 if something will fail.

    Args:
        stack: the stack's name; None for the default.
        scripts: the user's folder of scripts; None for the module's.
        local: whether to check this machine instead of the account.
        folder: the folder of the environment on this machine.
        as_json: whether to print JSON.
    """
    shown = console(quiet=as_json)
    with shown.status("checking") if shown.is_terminal else nullcontext():
        results = _machine(folder) if local else _account(stack, scripts)
    failed = any(result.status == FAILURE for result in results)
    if as_json:
        click.echo(json.dumps({"ok": not failed, "checks": [asdict(result) for result in results]}, indent=2))
    else:
        show(shown, results)
    sys.exit(1 if failed else 0)


def show(shown: Console, results: list[Result]) -> None:
    """Prints one line per result, the remedy below it, and a summary."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    before = ""
    for result in results:
        mark, style = _MARKS[result.status]
        detail = f"skipped: {result.detail}" if result.status == SKIPPED else result.detail
        text = Text(printable(detail), "dim" if result.status == SKIPPED else "")
        if result.remedy:
            text.append("\n→ ", "cyan").append(printable(result.remedy), "cyan")
        table.add_row(Text(mark, style), Text("" if result.name == before else result.name, "bold"), text)
        before = result.name
    shown.print(table)
    shown.print()
    shown.print(_summary(results))


def _summary(results: list[Result]) -> Text:
    counts = {status: sum(result.status == status for result in results) for status in _MARKS}
    if counts[FAILURE]:
        text = Text(f"{_number(counts[FAILURE], 'problem')} will make a run fail", "bold red")
    else:
        text = Text("nothing was found that would make a run fail", "bold green")
    more = [
        _number(counts[WARNING], "warning") if counts[WARNING] else "",
        f"{counts[SKIPPED]} skipped" if counts[SKIPPED] else "",
    ]
    return text.append("".join(f"; {part}" for part in more if part), "default not bold")


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _account(stack: str | None, scripts: Path | None) -> list[Result]:
    try:
        aws = configured_aws(CONFIG)
    except NoRegionError:
        return [
            failure("region", "no AWS region is set", "export AWS_DEFAULT_REGION=REGION, or set one in the profile")
        ]
    except BotoCoreError as error:
        return [failure("credentials", explained(error), "aws configure, or set AWS_PROFILE")]
    return examine(aws, stack=stack, scripts=scripts)


def _machine(folder: Path) -> list[Result]:
    from doctor.machine import examine_machine  # noqa: PLC0415 - for --local only: it brings the local environment

    return examine_machine(folder)
