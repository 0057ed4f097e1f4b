"""Clients that answer in botocore's shapes, and the caller of the tests."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from doctor.account import Caller
from tests.policies.references import ACCOUNT, REGION

Answer = tuple[str, dict[str, Any] | str] | tuple[str, dict[str, Any] | str, dict[str, Any]]
"""An operation, its response or the code of its error, and the parameters that it must get, if they matter."""
Stubbed = Callable[..., Any]


def make_client(service: str, region: str = REGION) -> Any:
    """A client that has no account."""
    key = dict.fromkeys(("aws_access_key_id", "aws_secret_access_key"), "none")
    return _session().client(service, region_name=region, **key)  # type: ignore[call-overload] # any service


@functools.cache
def _session() -> boto3.Session:
    return boto3.Session()


@pytest.fixture
def who() -> Caller:
    """A user of the account."""
    return Caller(arn=f"arn:aws:iam::{ACCOUNT}:user/ann", account=ACCOUNT, region=REGION)


@pytest.fixture
def stubbed() -> Iterator[Stubbed]:
    """Makes a client of a service that gives these answers in this order, all of which must be asked for."""
    stubs = []

    def make(service: str, *answers: Answer, region: str = REGION) -> Any:
        client = make_client(service, region)
        stub = Stubber(client)
        for operation, response, *expected in answers:
            if isinstance(response, str):
                stub.add_client_error(operation, response, "no")
            else:
                stub.add_response(operation, response, *expected)
        stub.activate()
        stubs.append(stub)
        return client

    yield make
    for stub in stubs:
        stub.assert_no_pending_responses()


@pytest.fixture
def moto() -> Iterator[None]:
    """An account in memory."""
    with mock_aws():
        yield
