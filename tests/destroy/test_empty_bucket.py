import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import moto
import pytest
from botocore.stub import Stubber

from empty_bucket import main

BUCKET = "mlops-demo-storagebucket5cb7c8ea-1a2b3c4d5e6f7"
OTHER = "mlops-churn-storagebucket5cb7c8ea-7f6e5d4c3b2a1"
SEEDFARMER = {"SEEDFARMER_PARAMETER_SCHEDULE": "0 6 * * ? *"}
WANTED = SEEDFARMER | {"SEEDFARMER_PARAMETER_EMPTY_BUCKET_ON_DESTROY": "true"}
METADATA = {"SEEDFARMER_MODULE_METADATA": json.dumps({"MlOpsBucket": BUCKET, "SeedFarmerDeployed": "8.0.9"})}


@dataclass(frozen=True)
class Account:
    """The buckets of an account."""

    s3: Any

    def versions(self, bucket: str) -> int:
        """Counts a bucket's versions and delete markers."""
        pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
        return sum(len(page.get(kind, [])) for page in pages for kind in ("Versions", "DeleteMarkers"))

    def buckets(self) -> set[str]:
        """The buckets' names."""
        return {found["Name"] for found in self.s3.list_buckets()["Buckets"]}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """An account with the module's bucket, which has versions and delete markers, and somebody else's."""
    for name, value in (
        ("ACCESS_KEY_ID", "testing"),
        ("SECRET_ACCESS_KEY", "testing"),
        ("DEFAULT_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(f"AWS_{name}", value)
    with moto.mock_aws():
        s3 = boto3.client("s3")
        for bucket in (BUCKET, OTHER):
            s3.create_bucket(Bucket=bucket)
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
            for key in ("input.yaml", "input.yaml", "größe & maß/ä b"):
                s3.put_object(Bucket=bucket, Key=key, Body=b"x")
            s3.delete_object(Bucket=bucket, Key="input.yaml")
        yield Account(s3)


@pytest.mark.parametrize(
    "environment",
    [SEEDFARMER, SEEDFARMER | {"SEEDFARMER_PARAMETER_EMPTY_BUCKET_ON_DESTROY": "false"}],
    ids=["not given", "false"],
)
def test_unless_asked_nothing_is_touched(
    account: Account, environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the parameter, or with false, AWS is not called, and a message says so."""

    def client(service: str) -> Any:
        raise AssertionError(service)

    assert main([], environment | METADATA, client) == 0
    assert "the bucket is kept" in capsys.readouterr().out
    assert account.versions(BUCKET) == 4


def test_everything_in_this_bucket_is_deleted(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    """With true, every version, every delete marker and the bucket are deleted, but not another pipeline's bucket."""
    assert main([], WANTED | METADATA) == 0
    assert account.buckets() == {OTHER}
    assert account.versions(OTHER) == 4
    assert capsys.readouterr().out == f"deleted: bucket {BUCKET} with 4 versions and delete markers\n"


def test_more_than_one_page(account: Account) -> None:
    """More versions than fit into a page, and into a DeleteObjects, are deleted, too."""
    asked: list[int] = []

    def small_page(params: dict[str, Any], **_: Any) -> None:
        asked.append(params.setdefault("MaxKeys", 1))

    def client(service: str, **options: Any) -> Any:
        made = boto3.client(service, **options)  # type: ignore[call-overload]
        made.meta.events.register("provide-client-params.s3.ListObjectVersions", small_page)
        return made

    assert main([], WANTED | METADATA, client) == 0
    assert account.buckets() == {OTHER}
    assert len(asked) > 4


def test_again(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    """If the bucket no longer exists, it says so, without an error."""
    main([], WANTED | METADATA)
    capsys.readouterr()
    assert main([], WANTED | METADATA) == 0
    assert capsys.readouterr().out == f"bucket {BUCKET} no longer exists\n"
    assert account.buckets() == {OTHER}


@pytest.mark.parametrize("metadata", [{}, *({"SEEDFARMER_MODULE_METADATA": text} for text in ("", "null"))], ids=str)
def test_module_that_was_never_deployed(
    account: Account, metadata: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Without metadata, the bucket is unknown: nothing is deleted, destroy continues, and a message says what to do."""
    assert main([], WANTED | metadata) == 0
    assert "no bucket deleted" in capsys.readouterr().out
    assert account.buckets() == {BUCKET, OTHER}


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        (WANTED | {"SEEDFARMER_PARAMETER_EMPTY_BUCKET_ON_DESTROY": "yes"} | METADATA, "expected true or false"),
        (WANTED | {"SEEDFARMER_MODULE_METADATA": "{"}, "not JSON"),
        (WANTED | {"SEEDFARMER_MODULE_METADATA": "[]"}, "as MlOpsBucket"),
        (WANTED | {"SEEDFARMER_MODULE_METADATA": '{"MlOpsBucket": null}'}, "as MlOpsBucket"),
        (WANTED | {"SEEDFARMER_MODULE_METADATA": '{"MlOpsBucket": ""}'}, "'' is not a bucket of"),
        (
            WANTED | {"SEEDFARMER_MODULE_METADATA": '{"MlOpsBucket": "company-data"}'},
            "'company-data' is not a bucket of",
        ),
    ],
    ids=["parameter", "text", "list", "null", "empty", "foreign"],
)
def test_ambiguous_settings_delete_nothing(
    account: Account, environment: dict[str, str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ambiguous settings are an error, and no bucket is touched."""
    account.s3.create_bucket(Bucket="company-data")
    assert main([], environment) == 1
    assert complaint in capsys.readouterr().err
    assert account.buckets() == {BUCKET, OTHER, "company-data"}
    assert account.versions(BUCKET) == 4


def test_two_names(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    """By hand, exactly one bucket must be named; with two, none is touched."""
    assert main([BUCKET, OTHER], {}) == 1
    assert "the name of one bucket" in capsys.readouterr().err
    assert account.buckets() == {BUCKET, OTHER}


def with_stub(service: str, prepare: Callable[[Stubber], None]) -> Callable[..., Any]:
    """Creates clients, with stubbed responses for one service."""

    def client(wanted: str, **options: Any) -> Any:
        made = boto3.client(wanted, **options)  # type: ignore[call-overload]
        if wanted == service:
            stubber = Stubber(made)
            prepare(stubber)
            stubber.activate()
        return made

    return client


def by_hand(answer: Callable[[Stubber], None]) -> int:
    return main([BUCKET], {}, with_stub("cloudformation", answer))


def resource(status: str, bucket: str = BUCKET) -> Callable[[Stubber], None]:
    """CloudFormation returns the bucket with this status."""
    found = {
        "StackName": "mlops-demo",
        "LogicalResourceId": "StorageBucket",
        "PhysicalResourceId": bucket,
        "ResourceType": "AWS::S3::Bucket",
        "ResourceStatus": status,
        "Timestamp": "2026-11-23T10:00:00Z",
    }
    return lambda stubber: stubber.add_response("describe_stack_resources", {"StackResources": [found]})


def error(code: str) -> Callable[[Stubber], None]:
    """CloudFormation returns this error."""
    return lambda stubber: stubber.add_client_error("describe_stack_resources", code, f"Stack for {BUCKET}")


@pytest.mark.parametrize("answer", [error("ValidationError"), resource("DELETE_SKIPPED")], ids=["unknown", "kept"])
def test_by_hand(account: Account, answer: Callable[[Stubber], None]) -> None:
    """A named bucket that no longer belongs to a stack is deleted, whatever the parameters are."""
    assert by_hand(answer) == 0
    assert account.buckets() == {OTHER}


def test_bucket_of_a_living_stack(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    """By hand, the bucket of an existing stack is not touched, and the error names the stack."""
    assert by_hand(resource("UPDATE_COMPLETE")) == 1
    assert "belongs to the stack mlops-demo" in capsys.readouterr().err
    assert account.versions(BUCKET) == 4


def test_stack_of_another_region(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand, the stack is looked up in the bucket's region, whatever the user's region."""
    far = "mlops-far-storagebucket5cb7c8ea-1a2b3c4d5e6f7"
    place: Any = {"LocationConstraint": "eu-central-1"}
    account.s3.create_bucket(Bucket=far, CreateBucketConfiguration=place)
    asked: list[Any] = []

    def client(wanted: str, **options: Any) -> Any:
        asked.append((wanted, options.get("region_name")))
        return with_stub("cloudformation", resource("CREATE_COMPLETE", far))(wanted, **options)

    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    assert main([far], {}, client) == 1
    assert ("cloudformation", "eu-central-1") in asked
    assert far in account.buckets()


def test_stack_that_cannot_be_looked_up(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    """By hand, if the stack cannot be looked up, nothing is touched."""
    assert by_hand(error("AccessDenied")) == 1
    assert "AccessDenied" in capsys.readouterr().err
    assert account.versions(BUCKET) == 4


def denied_each(stubber: Stubber) -> None:
    """S3 denies each object in a response with status 200."""
    refused = {"Key": "a", "VersionId": "1", "Code": "AccessDenied", "Message": "no"}
    stubber.add_response("list_object_versions", {"Versions": [{"Key": "a", "VersionId": "1"}]})
    stubber.add_response("delete_objects", {"Errors": [refused]})


def denied_at_once(stubber: Stubber) -> None:
    """S3 denies the listing."""
    stubber.add_client_error("list_object_versions", "AccessDenied", http_status_code=403)


@pytest.mark.parametrize("answers", [denied_each, denied_at_once])
@pytest.mark.usefixtures("account")
def test_denied_deletions(answers: Callable[[Stubber], None], capsys: pytest.CaptureFixture[str]) -> None:
    """A denied deletion is an error that names the bucket and the remedy, even in a successful response."""
    assert main([], WANTED | METADATA, with_stub("s3", answers)) == 1
    printed = capsys.readouterr().err
    assert "AccessDenied" in printed
    assert f"python empty_bucket.py {BUCKET}" in printed
    assert 'value: "true"' in printed


def test_a_bucket_that_fills_again(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    """If something was written in the meantime, that is an error, and the next run deletes it, too."""

    def prepare(stubber: Stubber) -> None:
        stubber.add_response("list_object_versions", {})
        stubber.add_client_error("delete_bucket", "BucketNotEmpty", http_status_code=409)

    assert main([], WANTED | METADATA, with_stub("s3", prepare)) == 1
    assert "BucketNotEmpty" in capsys.readouterr().err
    assert main([], WANTED | METADATA) == 0
    assert account.buckets() == {OTHER}
