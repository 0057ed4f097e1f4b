"""A check's account and deployment."""

from collections.abc import Iterator

import pytest
from rich.console import Console

from aws_check.context import Context
from doctor.account import Caller
from executions.aws import Aws
from executions.job_logs import CloudWatchLogs
from executions.stack import Stack
from executions.target import Target
from tests.aws_check.account import MACHINE, SHIPPED, Account


@pytest.fixture
def recorded() -> Iterator[Account]:
    """An account with recorded answers."""
    made = Account()
    yield made
    for stub in made.stubs.values():
        stub.assert_no_pending_responses()


@pytest.fixture
def context(recorded: Account) -> Context:
    """A check's deployment in that account, with the shipped input's execution."""
    aws = Aws(client=recorded.client, default_stack="mlops-demo", where="in eu-west-1")
    stack = Stack(name="mlops-aws-check", state_machine=MACHINE, function="function", bucket="bucket")
    target = Target.of(aws, stack, logs=CloudWatchLogs(recorded.client("logs")), is_local=False)
    who = Caller(arn="arn:aws:iam::123456789012:user/ann", account="123456789012", region="eu-west-1")
    return Context(
        target=target,
        who=who,
        console=Console(quiet=True),
        on_emulator=False,
        sleep=lambda _seconds: None,
        shipped=SHIPPED,
    )
