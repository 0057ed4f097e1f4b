"""The caller, the region and the bootstrap."""

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from doctor.account import REQUIRED_BOOTSTRAP, Caller, bootstrap, caller, credentials
from doctor.result import FAILURE, OK
from tests.doctor.conftest import Stubbed, make_client
from tests.policies.references import ACCOUNT, REGION

PARAMETER = "/cdk-bootstrap/hnb659fds/version"


@pytest.mark.usefixtures("moto")
def test_caller() -> None:
    """The identity and the region are those of the credentials."""
    found = caller(make_client("sts"))
    assert (found.account, found.region, found.partition) == (ACCOUNT, REGION, "aws")
    (result,) = credentials(found)
    assert result.status == OK
    assert REGION in result.detail


def test_region_without_the_image(who: Caller) -> None:
    """In a region without the image, another region of the same continent is proposed."""
    elsewhere = Caller(arn=who.arn, account=who.account, region="eu-nowhere-1")
    result = credentials(elsewhere)[-1]
    assert result.status == FAILURE
    assert result.remedy == "use another region: export AWS_DEFAULT_REGION=eu-central-1"


@pytest.mark.usefixtures("moto")
@pytest.mark.parametrize(("version", "status"), [("5", FAILURE), ("6", OK), ("30", OK)])
def test_version_of_the_bootstrap(version: str, status: str, who: Caller) -> None:
    """A version below the required one fails, with the command that brings the newest."""
    ssm = make_client("ssm")
    ssm.put_parameter(Name=PARAMETER, Value=version, Type="String")
    (result,) = bootstrap(ssm, who=who)
    assert result.status == status
    assert result.remedy == ("" if status == OK else f"npx cdk bootstrap aws://{ACCOUNT}/{REGION}")


@pytest.mark.usefixtures("moto")
def test_account_without_bootstrap(who: Caller) -> None:
    """An account that is not bootstrapped fails."""
    (result,) = bootstrap(make_client("ssm"), who=who)
    assert (result.status, result.remedy) == (FAILURE, f"npx cdk bootstrap aws://{ACCOUNT}/{REGION}")


def test_bootstrap_that_may_not_be_read(who: Caller, stubbed: Stubbed) -> None:
    """Without permission, AWS's error is raised."""
    with pytest.raises(ClientError):
        bootstrap(stubbed("ssm", ("get_parameter", "AccessDeniedException")), who=who)


def test_required_version_is_the_templates(assembly: Path) -> None:
    """The required version and the parameter are those of the synthesised assembly."""
    artifacts: dict[str, Any] = json.loads((assembly / "manifest.json").read_text())["artifacts"]
    stack = artifacts["mlops-demo"]["properties"]
    assert stack["requiresBootstrapStackVersion"] == REQUIRED_BOOTSTRAP
    assert stack["bootstrapStackVersionSsmParameter"] == PARAMETER
