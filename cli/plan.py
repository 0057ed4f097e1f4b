"""``mlops plan``: says which stages a start would run or reuse, why, how long it would take, and what it would cost."""

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
from botocore.config import Config
from rich.table import Table
from rich.text import Text

from cli.errors import CommandError, local_errors
from cli.options import console
from cli.overrides import parse
from cli.target import aws_errors, target
from doctor.cost import PRICING_REGION, Bill, billed, prices
from doctor.instances import instances_of
from executions.newest import newest_first
from executions.overrides import leaves
from executions.plan import RECENT, REUSE, RUN, SKIP, Deployment, Step, earlier, steps
from executions.start import deployed_key, read_input
from executions.text import printable
from pipeline.bundle import INPUT_FILE
from pipeline.input.errors import InvalidFileError

_CENTS, _SMALLEST = 0.1, 0.0001
"""Dollars below which hundredths of a cent count, and the smallest sum that is shown."""
_CONFIG = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2})
"""For the price list, without which there is a table."""
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
        cost = None if local else _cost(deployment, made.content, found)
    if as_json:
        click.echo(json.dumps(_as_json(found, cost, made.reuse_error, explain=explain), indent=2))
        return
    if made.reuse_error:
        click.echo(f"nothing can be reused: {printable(made.reuse_error)}", err=True)
    console().print(_table(found, cost))
    click.echo(f"\n{summary(found, cost)}")
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


@dataclass(frozen=True, kw_only=True)
class Priced:
    """What the stages that run would cost."""

    bills: dict[str, Bill]
    """By stage, of those whose seconds are known."""
    source: str

    def text(self, stage: str) -> str:
        """A stage's price; empty if it uses no instance or has not run before."""
        bill = self.bills.get(stage)
        if bill is None:
            return ""
        return f"no price for {', '.join(bill.unpriced)}" if bill.unpriced else _dollars(bill.dollars)


def priced(pricing: Any, content: dict[str, Any], found: list[Step], *, region: str) -> Priced:
    """Returns what each stage that runs jobs would cost, by the seconds that it last took.

    Args:
        pricing: a client of AWS's price list.
        content: the execution's input.
        found: its stages.
        region: where it runs.
    """
    used = instances_of(content)
    known, source = prices(pricing, used, region=region)
    seconds = {step.stage: step.seconds for step in found if step.action == RUN and step.seconds is not None}
    return Priced(bills=billed(used, known, seconds), source=source)


def _dollars(value: float) -> str:
    if 0 < value < _SMALLEST:
        return f"<${_SMALLEST}"
    return f"${value:.2f}" if value >= _CENTS or not value else f"${value:.4f}"


def _cost(deployment: Deployment, content: dict[str, Any], found: list[Step]) -> Priced:
    pricing = deployment.target.aws.client("pricing", region_name=PRICING_REGION, config=_CONFIG)
    return priced(pricing, content, found, region=deployment.variables["AWS_REGION_NAME"])


def _table(found: list[Step], cost: Priced | None) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("stage", no_wrap=True)
    table.add_column("plan", no_wrap=True)
    table.add_column("seconds", justify="right", no_wrap=True)
    if cost:
        table.add_column("price", justify="right", overflow="fold")
    table.add_column("why", overflow="fold")
    for step in found:
        action = f"{REUSE} {step.reused}" if step.reused else step.action
        seconds = "" if step.seconds is None else f"{step.seconds:.1f}"
        price = [cost.text(step.stage)] if cost else []
        table.add_row(step.stage, Text(action, _STYLES[step.action]), seconds, *price, Text(printable(step.why)))
    return table


def summary(found: list[Step], cost: Priced | None) -> str:
    """Returns how many stages would run, for how long and for how much.

    Args:
        found: the stages.
        cost: what they cost; None on this machine.
    """
    running = [step for step in found if step.action == RUN]
    if not running:
        return "no stage would run"
    known = [step.seconds for step in running if step.seconds is not None]
    parts = [f"{len(running)} of {len(running) + sum(step.action == REUSE for step in found)} stages would run"]
    if known:
        rest = "" if len(known) == len(running) else f" for {len(known)} of them, which have run before"
        parts.append(f"about {sum(known):.0f} s{rest}")
    bills = cost.bills.values() if cost else ()
    if cost and any(bill.dollars for bill in bills):
        missing = ", ".join(dict.fromkeys(name for bill in bills for name in bill.unpriced))
        rest = f", without {missing}" if missing else ""
        parts.append(f"at most {_dollars(sum(bill.dollars for bill in bills))}{rest} ({cost.source})")
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


def _as_json(found: list[Step], cost: Priced | None, error: str | None, *, explain: bool) -> dict[str, Any]:
    bills = cost.bills if cost else {}
    stages = {
        step.stage: {
            "plan": step.action,
            "reused": step.reused,
            "why": step.why,
            "seconds": step.seconds,
            "dollars": round(bills[step.stage].dollars, 4)
            if step.stage in bills and not bills[step.stage].unpriced
            else None,
            "no_price_for": list(bills[step.stage].unpriced) if step.stage in bills else [],
            **({"depends_on": step.depends_on} if explain else {}),
        }
        for step in found
    }
    return {"stages": stages, "prices": cost.source if cost else None, "reuse_unavailable": error}
