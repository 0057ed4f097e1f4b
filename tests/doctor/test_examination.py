"""The checks of a whole account together."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.stub import Stubber

from doctor.examination import attempt, examine
from doctor.result import FAILURE, OK, SKIPPED, Result, UnavailableError
from executions.aws import Aws
from executions.defaults import PROJECT
from tests.doctor.conftest import Stubbed, make_client

DENIED = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "ListServiceQuotas")
NEEDS_THE_STACK = {"permissions", "network", "failures"}


def aws(**stubs: Any) -> Aws:
    """An account in memory, except for services with these clients."""

    def client(service: str, region_name: str = "us-east-1") -> Any:
        return stubs.get(service) or make_client(service, region_name)

    return Aws(client=client, default_stack="mlops-demo", where="in us-east-1")


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (UnavailableError("the stack is not deployed"), "the stack is not deployed"),
        (DENIED, "access denied: ListServiceQuotas: no; use a role with this permission"),
        (EndpointConnectionError(endpoint_url="https://pricing"), "no answer from AWS"),
    ],
    ids=["missing", "denied", "unreachable"],
)
def test_check_that_cannot_be_made(error: Exception, detail: str) -> None:
    """A check that cannot be made is skipped, with the reason."""

    def check() -> Any:
        raise error

    (result,) = attempt("any", check)
    assert (result.name, result.status) == ("any", SKIPPED)
    assert result.detail.startswith(detail)


def test_rejected_credentials(stubbed: Stubbed) -> None:
    """With credentials that AWS rejects, that is the only result."""
    (result,) = examine(aws(sts=stubbed("sts", ("get_caller_identity", "ExpiredToken"))), stack=None)
    assert (result.name, result.status) == ("credentials", FAILURE)
    assert "AWS rejects your credentials" in result.detail


def before_deployment(stubbed: Stubbed, *, scripts: Path | None = None) -> dict[str, Result]:
    """The results, by name, without a stack."""
    cloudformation = make_client("cloudformation")
    with Stubber(cloudformation) as stub:
        message = "Stack with id mlops-demo does not exist"
        stub.add_client_error("describe_stacks", "ValidationError", message)
        found = examine(
            aws(
                cloudformation=cloudformation,
                pricing=stubbed("pricing", ("get_products", "AccessDeniedException")),
                **{"service-quotas": stubbed("service-quotas", ("list_service_quotas", "AccessDeniedException"))},
            ),
            stack=None,
            scripts=scripts,
        )
    return {result.name: result for result in found}


@pytest.mark.usefixtures("moto")
def test_scripts_of_ones_own(stubbed: Stubbed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a folder of one's own, its input.yaml is checked."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own").mkdir()
    shutil.copy(PROJECT / "scripts" / "input.yaml", tmp_path / "own")
    result = before_deployment(stubbed, scripts=tmp_path / "own")["input.yaml"]
    assert (result.status, result.detail) == (OK, "own/input.yaml is valid")


@pytest.mark.usefixtures("moto")
def test_account_before_the_first_deployment(stubbed: Stubbed) -> None:
    """Without a stack, what needs it is skipped; the folder's input is checked, with the region's image and data."""
    results = before_deployment(stubbed)
    assert results["stack"].status == FAILURE
    assert results["stack"].detail == "the stack mlops-demo is not deployed in us-east-1"
    assert {name for name in NEEDS_THE_STACK if results[name].status != SKIPPED} == set()
    assert results["input.yaml"].detail == "scripts/input.yaml is valid"
    assert results["image"].status == OK
    assert "sagemaker-sample-data-us-east-1" in results["data"].detail
    assert results["cost"].detail.startswith("$0.09 a run")
