"""What must be so before a check begins, and what the user must agree to."""

import sys

import click

from aws_check.leftovers import find_leftovers, remove_leftovers
from aws_check.names import STACK
from aws_check.price import price
from doctor.account import Caller, bootstrap, credentials
from doctor.cost import PRICING_REGION
from doctor.result import FAILURE, Result
from executions.aws import Aws


def require_ready(aws: Aws, who: Caller) -> None:
    """Raises click.ClickException if the region or the account's bootstrap does not allow a deployment."""
    _require(credentials(who))
    _require(bootstrap(aws.client("ssm"), who=who))


def agree(aws: Aws, who: Caller, *, yes: bool) -> None:
    """Says what will happen and what it costs, and asks; then removes what an earlier check left, if that is agreed to.

    Args:
        aws: the account and region.
        who: whose credentials are used, and where.
        yes: whether the user has agreed already.

    Raises:
        click.Abort: the user does not agree.
        click.ClickException: nobody can answer, or what an earlier check left cannot be removed.
        ClientError, BotoCoreError: AWS rejects a call, or cannot be reached.
    """
    costs = price(aws.client("pricing", region_name=PRICING_REGION), region=who.region)
    click.echo(
        f"This deploys the stack {STACK} to the account {who.account} in {who.region}, as {who.arn},\n"
        "runs pipelines in it, and removes everything again. On AWS it takes about an hour.\n"
        f"Its jobs cost {costs};\n"
        "the endpoint, the functions, the key and the alarms a few cents more."
    )
    _ask("Begin?", yes=yes)
    left = find_leftovers(aws)
    if left:
        click.echo("An earlier check left, or one that runs now uses:\n" + "\n".join(f"  {each}" for each in left))
        _ask("Remove it and begin?", yes=yes)
        if remove_leftovers(aws, click.echo):
            raise click.ClickException("what an earlier check left could not all be removed; see above")


def _require(results: list[Result]) -> None:
    for result in results:
        if result.status == FAILURE:
            raise click.ClickException(f"{result.name}: {result.detail}; {result.remedy}")


def _ask(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.ClickException("nobody can answer here; to begin without a question: make aws-check YES=1")
    click.confirm(question, abort=True)
