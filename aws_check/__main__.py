"""``make aws-check``: asks, checks, and writes ``aws-check.json``.

Exit codes: 0 if everything went as it should, 1 if something did not, is refuted or is left, 130 if interrupted.
"""

import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.text import Text

from aws_check.agreement import agree, require_ready
from aws_check.check import Findings, run_check
from aws_check.context import Context
from aws_check.deployment import deploy
from aws_check.leftovers import remove_leftovers
from aws_check.scenarios import SCENARIOS
from doctor.account import Caller, caller
from executions.aws import Aws, configured_aws
from executions.defaults import PROJECT
from executions.errors import explained
from executions.job_logs import CloudWatchLogs
from executions.target import Target
from executions.text import printable
from local.connection import ACCOUNT as EMULATORS_ACCOUNT

_OUT = PROJECT / "out" / "aws-check.json"
_INTERRUPTED = 130


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--yes", is_flag=True, help="Do not ask; for a nightly run.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=_OUT, help="The file to write.")
def main(*, yes: bool, out: Path) -> None:
    """Check on AWS what this module assumes, with your credentials, and remove everything again."""
    # As Ctrl-C: whoever ends it, everything is removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    _require_writable(out)
    try:
        aws = configured_aws()
        who = caller(aws.client("sts"))
        require_ready(aws, who)
        agree(aws, who, yes=yes)
    except (BotoCoreError, ClientError) as error:
        raise click.ClickException(explained(error)) from error
    findings = Findings(on_emulator=who.account == EMULATORS_ACCOUNT)
    try:
        _check(aws, who, findings, out)
    except KeyboardInterrupt:
        click.echo("\ninterrupted while removing everything; the next `make aws-check` removes the rest", err=True)
        sys.exit(_INTERRUPTED)
    _show(findings, out)
    sys.exit(_INTERRUPTED if findings.ended_by == "interrupted" else not findings.succeeded)


def _require_writable(out: Path) -> None:
    """Raises click.ClickException if what is found could not be written an hour later."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out.parent):
            pass
    except OSError as error:
        raise click.ClickException(f"{out} cannot be written: {error.strerror}; choose another file: --out") from error


def _check(aws: Aws, who: Caller, findings: Findings, out: Path) -> None:
    console = Console(soft_wrap=True)
    started = datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="aws-check-") as folder:

        def context() -> Context:
            stack = deploy(who, os.environ, folder=Path(folder), log=out.with_suffix(".log"))
            logs = CloudWatchLogs(aws.client("logs"))
            target = Target.of(aws, stack, logs=logs, is_local=findings.on_emulator)
            return Context(target=target, who=who, console=console, on_emulator=findings.on_emulator)

        try:
            run_check(
                deploy=context,
                scenarios=SCENARIOS,
                clean_up=lambda: remove_leftovers(aws, _say(console)),
                say=_say(console),
                findings=findings,
            )
        finally:
            _write(findings, out, who=who, started=started)


def _say(console: Console) -> Callable[[str], None]:
    return lambda text: console.print(Text(printable(text)))


def _write(findings: Findings, out: Path, *, who: Caller, started: datetime) -> None:
    content = {
        "account": who.account,
        "region": who.region,
        "on_emulator": findings.on_emulator,
        "started": started.isoformat(timespec="seconds"),
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "ended_by": findings.ended_by,
        "succeeded": findings.succeeded,
        "scenarios": [vars(each) for each in findings.played],
        "assumptions": findings.verdicts,
        "left": findings.left,
    }
    out.write_text(json.dumps(content, indent=2) + "\n")


def _show(findings: Findings, out: Path) -> None:
    click.echo()
    for verdict in findings.verdicts:
        title = verdict["text"].partition("**")[2].partition("**")[0].rstrip(".")
        click.echo(f"{verdict['number']:>2}. {verdict['verdict']:<11}  {title}")
    click.echo()
    if findings.ended_by:
        click.echo(f"the check ended early: {printable(findings.ended_by)}")
    for each in findings.played:
        if each.status == "failed":
            click.echo(f"failed: {each.name}: {each.detail}")
    for one in findings.left:
        click.echo(f"not removed: {printable(one)}")
    click.echo(f"written: {os.path.relpath(out)}")


if __name__ == "__main__":
    main()
