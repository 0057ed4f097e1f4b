"""What ``make aws-check`` says and asks before it begins."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import click
import pytest
from botocore.exceptions import ClientError

from aws_check.agreement import agree, require_ready
from aws_check.price import price
from doctor.account import Caller
from executions.aws import Aws
from tests.aws_check.account import Account
from tests.aws_check.service import BUCKET, PAGES, Service

WHO = Caller(arn="arn:aws:iam::123456789012:user/ann", account="123456789012", region="eu-west-1")
EMPTY: dict[str, dict[str, Any]] = {"list_buckets": {"Buckets": []}}


def account(calls: list[str], pages: dict[str, dict[str, Any]]) -> Aws:
    """An account whose price list cannot be read, and which has no stack unless the pages have one."""
    refused = {"get_products"} | ({"describe_stacks"} - pages.keys())
    service = Service(calls, pages, refused, message="Stack with id mlops-aws-check does not exist")
    return Aws(client=lambda *_service, **_options: service, default_stack="mlops-demo", where="in eu-west-1")


def test_it_says_where_and_for_how_much(capsys: pytest.CaptureFixture[str]) -> None:
    """If nobody can answer, nothing happens, and the message names the option for that."""
    calls: list[str] = []
    with pytest.raises(click.ClickException, match="make aws-check YES=1"):
        agree(account(calls, PAGES), WHO, yes=False)
    printed = capsys.readouterr().out
    assert "deploys the stack mlops-aws-check to the account 123456789012 in eu-west-1" in printed
    assert "$0.06 a run" in printed
    assert "prices of December 2023" in printed
    assert calls == []


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """Answers to the questions, in their order."""
    answers: list[bool] = []

    def confirm(_question: str, *, abort: bool) -> None:
        if abort and not answers.pop(0):
            raise click.Abort

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr(click, "confirm", confirm)
    yield answers
    assert answers == []


@pytest.mark.parametrize("given", [[False], [True, False]])
def test_without_agreement_nothing_is_removed(given: list[bool], terminal: list[bool]) -> None:
    """There are two questions: whether to begin, and whether to remove what is there."""
    terminal += given
    calls: list[str] = []
    with pytest.raises(click.Abort):
        agree(account(calls, PAGES), WHO, yes=False)
    assert calls == []


def test_what_is_left_is_listed_and_removed(terminal: list[bool], capsys: pytest.CaptureFixture[str]) -> None:
    """After both questions, what an interrupted check left is removed."""
    terminal += [True, True]
    calls: list[str] = []
    agree(account(calls, PAGES), WHO, yes=False)
    assert f"  bucket {BUCKET}\n" in capsys.readouterr().out
    assert f"delete_bucket {BUCKET}" in calls


def test_without_leftovers_one_answer_is_enough(terminal: list[bool]) -> None:
    """There is nothing else to ask."""
    terminal += [True]
    agree(account([], EMPTY), WHO, yes=False)


def test_with_yes_there_is_no_question() -> None:
    """A nightly run removes what an interrupted one left."""
    calls: list[str] = []
    agree(account(calls, PAGES), WHO, yes=True)
    assert f"delete_bucket {BUCKET}" in calls


def aws(made: Account) -> Aws:
    return Aws(client=made.client, default_stack="mlops-demo", where="in eu-west-1")


def test_without_a_bootstrap(recorded: Account) -> None:
    """The message has the remedy."""
    recorded.refuse("ssm", "get_parameter", "ParameterNotFound", "no")
    with pytest.raises(click.ClickException, match="npx cdk bootstrap aws://123456789012/eu-west-1"):
        require_ready(aws(recorded), WHO)


def test_in_a_region_without_the_image(recorded: Account) -> None:
    """The message names the region, before anything is asked of AWS."""
    with pytest.raises(click.ClickException, match="mx-central-9 has no scikit-learn image"):
        require_ready(aws(recorded), replace(WHO, region="mx-central-9"))


def test_credentials_that_may_not_ask(recorded: Account) -> None:
    """AWS's refusal is the command's."""
    recorded.refuse("ssm", "get_parameter", "AccessDeniedException", "no")
    with pytest.raises(ClientError):
        require_ready(aws(recorded), WHO)


def test_the_price_is_known_without_the_price_list(recorded: Account) -> None:
    """The instances of the check are in the dated table."""
    recorded.refuse("pricing", "get_products", "AccessDeniedException", "no")
    assert price(recorded.client("pricing"), region="eu-west-1").startswith("$0.06 a run")
