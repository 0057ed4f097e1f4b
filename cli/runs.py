"""``mlops runs``, ``mlops stop`` and ``mlops redrive``: lists executions, stops one, resumes one."""

import json
from datetime import UTC, datetime
from pathlib import Path

import click
from botocore.exceptions import ClientError

from cli.errors import CommandError
from cli.options import console
from cli.overview import overview, table
from cli.target import aws_errors, target
from executions.newest import newest_first


def runs(*, limit: int, state: str | None, stack: str | None, folder: Path, local: bool, as_json: bool) -> None:
    """Lists the executions, newest first."""
    with aws_errors():
        executions = target(stack=stack, local=local, folder=folder).executions
        found = newest_first(lambda listed: overview(executions, listed), executions.all(status=state, limit=limit))
    now = datetime.now(UTC)
    if as_json:
        click.echo(json.dumps([each.as_json(now) for each in found], indent=2))
    elif found:
        console().print(table(found, now))
    else:
        click.echo(f"no executions{f' in the state {state}' if state else ''}; start one: mlops start")


def stop(*, execution: str, reason: str, stack: str | None, folder: Path, local: bool) -> None:
    """Stops an execution and its running job."""
    with aws_errors():
        found = target(stack=stack, local=local, folder=folder)
        described = found.executions.describe(execution)
        name = described["name"]
        if described["status"] != "RUNNING":
            raise CommandError(f"the execution {name} is no longer running: it is {described['status']}")
        who = found.aws.client("sts").get_caller_identity()["Arn"]
        cause = f"stopped by {who}" + (f": {reason}" if reason else "")
        found.step_functions.stop_execution(executionArn=described["executionArn"], error="Stopped", cause=cause)
    click.echo(f"stopped: execution {name}")


def redrive(*, execution: str, stack: str | None, folder: Path, local: bool) -> None:
    """Resumes an execution from the failed stage."""
    with aws_errors():
        found = target(stack=stack, local=local, folder=folder)
        described = found.executions.describe(execution)
        name = described["name"]
        if described["status"] in {"RUNNING", "SUCCEEDED"}:
            raise CommandError(
                f"the execution {name} is {described['status']}; "
                "only one that failed, timed out or was stopped can be resumed"
            )
        try:
            found.step_functions.redrive_execution(executionArn=described["executionArn"])
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ExecutionNotRedrivable":
                raise CommandError(
                    f"the execution {name} cannot be resumed: {error.response['Error']['Message']}; "
                    "start a new one: mlops start"
                ) from error
            if found.is_local and code == "InvalidAction":
                raise CommandError(
                    "the emulator on this machine cannot redrive executions, only AWS can; start a new one: "
                    "mlops start --local"
                ) from error
            raise
    click.echo(f"resumed: execution {name}; watch it: mlops watch {name}")
