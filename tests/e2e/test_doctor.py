"""``mlops doctor`` for a stack on the emulator, as a user runs it."""

import pytest

from tests.e2e.conftest import DeployedStack
from tests.e2e.doctor_command import doctor

pytestmark = pytest.mark.emulator

BUCKET_FILE = "demo/scripts/input.yaml"


@pytest.fixture
def data(deployed_stack: DeployedStack) -> None:
    """The data that the shipped input reads, which AWS has."""
    s3 = deployed_stack.emulator.client("s3")
    s3.create_bucket(Bucket="sagemaker-sample-data-us-east-1")
    s3.put_object(Bucket="sagemaker-sample-data-us-east-1", Key="processing/census/census.csv", Body=b"1")


@pytest.mark.usefixtures("data")
def test_deployed_stack(deployed_stack: DeployedStack) -> None:
    """A deployment that was just made has nothing that would fail; the emulator has no quotas."""
    found = doctor(deployed_stack)
    statuses = {name: result["status"] for name, result in found.items()}
    assert statuses == {
        "credentials": "ok",
        "bootstrap": "ok",
        "stack": "ok",
        "drift": "ok",
        "permissions": "ok",
        "input.yaml": "ok",
        "image": "ok",
        "data": "ok",
        "network": "ok",
        "quotas": "skipped",
        "failures": "warning",
        "cost": "ok",
    }


@pytest.mark.usefixtures("data")
def test_input_that_differs(deployed_stack: DeployedStack) -> None:
    """A changed input.yaml in the bucket is a warning, an invalid one fails, and what needs it is skipped."""
    s3, bucket = deployed_stack.emulator.client("s3"), deployed_stack.metadata.bucket
    shipped = s3.get_object(Bucket=bucket, Key=BUCKET_FILE)["Body"].read()
    try:
        s3.put_object(Bucket=bucket, Key=BUCKET_FILE, Body=shipped + b"# mine\n")
        assert doctor(deployed_stack)["input.yaml"]["status"] == "warning"
        s3.put_object(Bucket=bucket, Key=BUCKET_FILE, Body=b"job_prefix: mlops\n")
        found = doctor(deployed_stack, code=1)
        assert found["input.yaml"]["status"] == "failure"
        assert found["image"]["detail"] == f"s3://{bucket}/{BUCKET_FILE} is invalid"
    finally:
        s3.put_object(Bucket=bucket, Key=BUCKET_FILE, Body=shipped)


def test_no_such_stack(deployed_stack: DeployedStack) -> None:
    """A stack that is not there fails, and what needs it is skipped."""
    found = doctor(deployed_stack, "--stack", "mlops-churn", code=1)
    assert found["stack"]["status"] == "failure"
    assert "--stack NAME" in found["stack"]["remedy"]
    assert found["permissions"]["status"] == "skipped"
