"""The data that the input names."""

from typing import Any

import pytest

from doctor.account import Caller
from doctor.data import data, data_of
from doctor.result import FAILURE, OK, SKIPPED
from executions.defaults import PROJECT
from pipeline.input.execution import execution_input
from pipeline.input.samples import SAMPLE_TOKENS
from tests.doctor.conftest import Stubbed, make_client
from tests.policies.references import ACCOUNT

ROLE = f"arn:aws:iam::{ACCOUNT}:role/SageMakerRole"
URI = "s3://the-data/census"


def decision(action: str, *, allowed: bool = True) -> tuple[str, dict[str, Any]]:
    """An answer of IAM's simulator."""
    result = {"EvalActionName": action, "EvalDecision": "allowed" if allowed else "implicitDeny"}
    return ("simulate_principal_policy", {"EvaluationResults": [result], "IsTruncated": False})


def check(
    s3: Any, iam: Any, who: Caller, uris: tuple[str, ...] = (URI,), role: str | None = ROLE
) -> list[tuple[str, str]]:
    """The statuses and lines."""
    found = data(s3, iam, list(uris), role=role, own_bucket="own", who=who)
    return [(result.status, result.detail) for result in found]


@pytest.fixture
def s3(moto: None) -> Any:  # noqa: ARG001 - the account in memory
    """An account with a bucket of data."""
    client = make_client("s3")
    client.create_bucket(Bucket="the-data")
    client.put_object(Bucket="the-data", Key="census/a.csv", Body=b"1")
    return client


def test_data_of_the_shipped_input() -> None:
    """The census and the scripts exist before the execution; what it writes itself does not."""
    made = execution_input((PROJECT / "scripts" / "input.yaml").read_bytes(), tokens=SAMPLE_TOKENS, event_id="event")
    assert data_of(made.content, execution=made.name) == [
        "s3://sagemaker-sample-data-us-east-1/processing/census",
        "s3://mlops-bucket/demo/scripts",
    ]


def test_readable_data(s3: Any, who: Caller, stubbed: Stubbed) -> None:
    """Data that is there, and that the jobs' role may read, is fine."""
    iam = stubbed("iam", decision("s3:ListBucket"), decision("s3:GetObject"))
    assert check(s3, iam, who) == [(OK, f"{URI} can be read")]


def test_data_that_the_jobs_may_not_read(s3: Any, who: Caller, stubbed: Stubbed) -> None:
    """A bucket that the deployment does not name fails."""
    iam = stubbed("iam", decision("s3:ListBucket", allowed=False), decision("s3:GetObject", allowed=False))
    assert check(s3, iam, who) == [(FAILURE, f"the jobs' role may not s3:ListBucket and s3:GetObject on {URI}")]


def test_simulation_that_is_not_allowed(s3: Any, who: Caller, stubbed: Stubbed) -> None:
    """Without the simulation, the line says what the user may read."""
    assert check(s3, stubbed("iam", ("simulate_principal_policy", "AccessDenied")), who) == [(OK, f"{URI} can be read")]


@pytest.mark.parametrize("uri", ["s3://the-data/other", "s3://no-such-bucket/census"])
def test_missing_data(uri: str, s3: Any, who: Caller, stubbed: Stubbed) -> None:
    """A prefix without objects, or a bucket that does not exist, fails."""
    assert check(s3, stubbed("iam"), who, (uri,))[0][0] == FAILURE


def test_data_that_the_user_may_not_read(who: Caller, stubbed: Stubbed) -> None:
    """Without permission to list the bucket, the check is skipped: the jobs have a role of their own."""
    denied = stubbed("s3", ("list_objects_v2", "AccessDenied"))
    iam = stubbed("iam", decision("s3:ListBucket"), decision("s3:GetObject"))
    ((status, detail),) = check(denied, iam, who)
    assert status == SKIPPED
    assert "access denied" in detail


def test_before_the_first_deployment(s3: Any, who: Caller, stubbed: Stubbed) -> None:
    """Without a stack, its bucket is left out and no role is asked about."""
    assert check(s3, stubbed("iam"), who, (URI, "s3://own/demo/scripts"), None) == [(OK, f"{URI} can be read")]
