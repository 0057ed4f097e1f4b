"""``mlops plan``: says which stages a start would run or reuse, why, how long it would take, and what it would cost."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from cli.errors import CommandError, local_errors
from cli.options import console
from cli.overrides import parse
from cli.target import aws_errors, target
from doctor.cost import DATED, DATED_WHEN
from doctor.instances import ENDPOINT, instances_of
from executions.newest import newest_first
from executions.overrides import leaves
from executions.plan import RECENT, REUSE, RUN, SKIP, Deployment, Step, earlier, steps
from executions.start import deployed_key, read_input
from executions.text import printable
from pipeline.bundle import INPUT_FILE
from pipeline.input.errors import InvalidFileError

_HOUR = 3600
_CENTS = 0.1
"""Dollars below which hundredths of a cent count."""
_STYLES = {RUN: "bold cyan", REUSE: "green", SKIP: "dim"}


def plan(
    *,
    overrides: tuple[str, ...],
    scripts: Path | None,
    explain: bool,
    stack: str | None,
    folder: Path,
    local: bool,
    as_json: bool,
) -> None:
    """Shows what a start would do; starts and publishes nothing."""
    over = parse(overrides)
    if scripts is not None and not local:
        raise CommandError("--scripts is for --local: elsewhere a start uses the scripts in the bucket")
    with aws_errors(), local_errors(folder):
        deployment = Deployment.of(target(stack=stack, local=local, folder=folder))
        files = _unpublished(scripts) if local else None
        try:
            made = deployment.planned(_input(deployment, files), overrides=over, unpublished=files)
        except InvalidFileError as error:
            raise CommandError(str(error)) from error
        executions = deployment.target.executions.all(limit=RECENT)
        found = steps(made, newest_first(partial(earlier, deployment.target), executions))
    prices = {} if local else dict(prices_of(made.content, found))
    if as_json:
        click.echo(json.dumps(_as_json(found, prices, made.reuse_error, explain=explain), indent=2))
        return
    if made.reuse_error:
        click.echo(f"nothing can be reused: {printable(made.reuse_error)}", err=True)
    console().print(_table(found))
    click.echo(f"\n{summary(found, prices)}")
    if explain:
        for step in found:
            _explain(step)


def _unpublished(scripts: Path | None) -> dict[str, bytes]:
    from local.publication import published  # noqa: PLC0415 - for --local only

    return published(scripts=scripts, input_file=None)


def _input(deployment: Deployment, files: dict[str, bytes] | None) -> bytes:
    if files is not None:
        return files[INPUT_FILE]
    return read_input(deployment.target, deployed_key(deployment.variables))


def prices_of(content: dict[str, Any], found: list[Step]) -> Iterator[tuple[str, float]]:
    """The dollars of each stage that runs jobs, by the seconds that it last took; none if one is unknown.

    Args:
        content: the execution's input.
        found: its stages.
    """
    seconds = {step.stage: step.seconds for step in found if step.action == RUN}
    for each in instances_of(content):
        took = seconds.get(each.stage)
        if each.kind != ENDPOINT and took is not None and each.type in DATED:
            yield each.stage, DATED[each.type] * each.count * took / _HOUR


def _table(found: list[Step]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("stage", no_wrap=True)
    table.add_column("plan", no_wrap=True)
    table.add_column("seconds", justify="right", no_wrap=True)
    table.add_column("why", overflow="fold")
    for step in found:
        action = f"{REUSE} {step.reused}" if step.reused else step.action
        seconds = "" if step.seconds is None else f"{step.seconds:.1f}"
        table.add_row(step.stage, Text(action, _STYLES[step.action]), seconds, Text(printable(step.why)))
    return table


def summary(found: list[Step], prices: dict[str, float]) -> str:
    """Returns how many stages would run, for how long and for how much.

    Args:
        found: the stages.
        prices: dollars by stage.
    """
    running = [step for step in found if step.action == RUN]
    if not running:
        return "no stage would run"
    known = [step.seconds for step in running if step.seconds is not None]
    parts = [f"{len(running)} of {len(running) + sum(step.action == REUSE for step in found)} stages would run"]
    if known:
        rest = "" if len(known) == len(running) else f" for {len(known)} of them, which have run before"
        parts.append(f"about {sum(known):.0f} s{rest}")
    if prices:
        dollars = sum(prices.values())
        amount = f"{dollars:.2f}" if dollars >= _CENTS else f"{dollars:.4f}"  # a monitoring run costs below a cent
        parts.append(f"at most ${amount} (prices of {DATED_WHEN})")
    return ", ".join(parts)


def _explain(step: Step) -> None:
    """Prints what is in a stage's key."""
    if step.depends_on is None:
        return
    click.echo(f"\n{step.stage} depends on")
    for path, value in leaves(step.depends_on["section"]):
        click.echo(printable(f"  {path} = {value}"))
    for uri, read in step.depends_on["reads"].items():
        click.echo(printable(f"  {uri}: {read['objects']:,} objects, {read['bytes']:,} bytes, {read['hash'][:8]}"))
        for name, etag in read.get("names", {}).items():
            click.echo(printable(f"    {etag}  {name or uri.rpartition('/')[2]}"))
    for stage, execution in step.depends_on["sources"].items():
        click.echo(printable(f"  the results of {stage}, of {execution}"))
    if step.not_recorded:
        click.echo(printable(f"  last time: {step.not_recorded}"))


def _as_json(found: list[Step], prices: dict[str, float], error: str | None, *, explain: bool) -> dict[str, Any]:
    stages = {
        step.stage: {
            "plan": step.action,
            "reused": step.reused,
            "why": step.why,
            "seconds": step.seconds,
            "dollars": round(prices[step.stage], 4) if step.stage in prices else None,
            **({"depends_on": step.depends_on} if explain else {}),
        }
        for step in found
    }
    return {"stages": stages, "reuse_unavailable": error}
