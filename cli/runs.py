"""``mlops runs``, ``mlops stop`` and ``mlops redrive``: the executions of a deployment, and what may be done to one."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import click

from cli.options import console, json_option, local_options, stack_option

# What is imported within the commands is so that --help need not wait for boto3.
# ruff: noqa: PLC0415

_STATES = ("RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
_MOST = 1000
_AT_ONCE = 8


@click.command()
@click.option("--limit", type=click.IntRange(1, _MOST), default=20, show_default=True, help="So many at most.")
@click.option("--state", type=click.Choice(_STATES, case_sensitive=False), help="Only those in this state.")
@stack_option
@local_options
@json_option
def runs(limit: int, state: str | None, stack: str | None, folder: Path, *, local: bool, as_json: bool) -> None:
    """List the executions, the newest first: state, start, duration, stages, main metric.

    Example: mlops runs --state failed
    """
    from cli.overview import overview, table
    from cli.target import aws_errors, target

    with aws_errors():
        executions = target(stack=stack, local=local, folder=folder).executions
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            found = list(
                pool.map(lambda listed: overview(executions, listed), executions.all(status=state, limit=limit))
            )
    now = datetime.now(UTC)
    if as_json:
        click.echo(json.dumps([each.as_json(now) for each in found], indent=2))
    elif found:
        console().print(table(found, now))
    else:
        click.echo(f"there is no execution{f' in the state {state}' if state else ''}; start one: mlops start")


@click.command()
@click.argument("execution")
@click.option("--reason", metavar="TEXT", default="", help="Why; it is kept as the execution's cause.")
@stack_option
@local_options
def stop(execution: str, reason: str, stack: str | None, folder: Path, *, local: bool) -> None:
    """Stop EXECUTION, given by its name or ARN, and the job that it waits for.

    Example: mlops stop mlops-demo-0123456789abcdef --reason "wrong data"
    """
    from cli.errors import CommandError
    from cli.target import aws_errors, target

    with aws_errors():
        found = target(stack=stack, local=local, folder=folder)
        described = found.executions.describe(found.executions.arn(execution))
        name = described["name"]
        if described["status"] != "RUNNING":
            raise CommandError(f"the execution {name} does not run any more: it is {described['status']}")
        who = found.aws.client("sts").get_caller_identity()["Arn"]
        cause = f"stopped by {who}" + (f": {reason}" if reason else "")
        found.step_functions.stop_execution(executionArn=described["executionArn"], error="Stopped", cause=cause)
    click.echo(f"stopped: execution {name}")


@click.command()
@click.argument("execution")
@stack_option
@local_options
def redrive(execution: str, stack: str | None, folder: Path, *, local: bool) -> None:
    """Let EXECUTION, given by its name or ARN, go on from the stage that failed; what succeeded is not done again.

    Step Functions takes one that failed, timed out or was stopped within the last 14 days. The emulator has no such
    call: start a new execution there.

    Example: mlops redrive mlops-demo-0123456789abcdef
    """
    from botocore.exceptions import ClientError

    from cli.errors import CommandError
    from cli.target import aws_errors, target

    with aws_errors():
        found = target(stack=stack, local=local, folder=folder)
        described = found.executions.describe(found.executions.arn(execution))
        name = described["name"]
        if described["status"] in {"RUNNING", "SUCCEEDED"}:
            raise CommandError(
                f"the execution {name} is {described['status']}; "
                "only one that failed, timed out or was stopped can go on"
            )
        try:
            found.step_functions.redrive_execution(executionArn=described["executionArn"])
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ExecutionNotRedrivable":
                raise CommandError(
                    f"the execution {name} cannot go on: {error.response['Error']['Message']}; "
                    "start a new one: mlops start"
                ) from error
            if found.is_local and code == "InvalidAction":
                raise CommandError(
                    "the emulator on this machine cannot redrive an execution, AWS can; start a new one: "
                    "mlops start --local"
                ) from error
            raise
    click.echo(f"goes on: execution {name}; watch it: mlops watch {name}")
