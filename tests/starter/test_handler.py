import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.stub import Stubber

from pipeline.retraining import OVERRIDES
from starter.errors import ServiceError
from tests.starter.conftest import BUCKET, KEY, ROLE, Deployed

PROJECT = Path(__file__).parent.parent.parent
MINIMAL = "job_prefix: mlops\nmodel_id: MODEL_NAME\n"
BY_HAND = {"config": {"bucket": BUCKET, "prefix": KEY}}
SCHEDULED = BY_HAND | {"id": "6f2c"}


def assert_rejected(answer: dict[str, Any], error: str, expected: str) -> None:
    """The response is a rejection with this error and text, and names no execution."""
    assert set(answer) == {"started", "errorType", "errorMessage"}
    assert answer["started"] is False
    assert answer["errorType"] == error
    assert expected in answer["errorMessage"]


def test_sample_event_starts_an_execution(deployed: Deployed) -> None:
    """The sample event starts one execution, named after the prefix and the model, and the response has its name."""
    deployed.put(MINIMAL)
    answer = deployed.invoke()
    (execution,) = deployed.executions()
    assert answer == {
        "executionArn": execution["executionArn"],
        "name": execution["name"],
        "started": True,
        "version": None,  # the bucket of these tests is not versioned
    }
    assert execution["name"].startswith("mlops-demo-")
    assert json.loads(execution["input"]) == {"job_prefix": "mlops", "model_id": "demo"}


def test_shipped_input_starts_with_every_token_filled_in(deployed: Deployed) -> None:
    """The shipped input.yaml starts an execution with every token replaced."""
    deployed.put((PROJECT / "scripts" / "input.yaml").read_bytes())
    deployed.invoke()
    (execution,) = deployed.executions()
    sent = json.loads(execution["input"])
    for token in ("MLOPS_BUCKET", "MODEL_NAME", "AWS_REGION_NAME", "SAGEMAKER_EXECUTION_ROLE", "IMAGE_URI", "SFN_"):
        assert token not in execution["input"]
    assert sent["training"]["input"]["RoleArn"] == ROLE
    assert f"/{execution['name']}/" in sent["training"]["input"]["OutputDataConfig"]["S3OutputPath"]


def test_seed_input_passes_unchanged(deployed: Deployed, seed_input: dict[str, Any]) -> None:
    """A file without tokens is sent unchanged."""
    deployed.put(json.dumps(seed_input))
    deployed.invoke()
    (execution,) = deployed.executions()
    assert json.loads(execution["input"]) == seed_input


def test_overrides_of_the_event_are_merged(deployed: Deployed) -> None:
    """The event's overrides take precedence over the file."""
    deployed.put(MINIMAL + "app_id: file\n")
    deployed.invoke({"config": {"bucket": BUCKET, "prefix": KEY}, "overrides": {"app_id": "event"}})
    (execution,) = deployed.executions()
    assert json.loads(execution["input"])["app_id"] == "event"


def test_same_event_starts_one_execution(deployed: Deployed) -> None:
    """An event that is delivered again, by the schedule or by Lambda's retries, starts no second execution."""
    deployed.put(MINIMAL)
    names = {deployed.invoke(SCHEDULED, request_id=str(attempt))["name"] for attempt in range(12)}
    assert len(names) == 1
    names |= {deployed.invoke()["name"] for _ in range(12)}
    assert len(names) == 2
    assert {execution["name"] for execution in deployed.executions()} == names


def test_fifty_deliveries_of_one_retraining_start_one_execution(deployed: Deployed) -> None:
    """At most once for a drift, whether the run that it has started is still running or has ended."""
    deployed.put((PROJECT / "scripts" / "input.yaml").read_bytes())
    event = BY_HAND | {"id": "retraining demo/2 10:00", "overrides": OVERRIDES | {"reason": "drift"}}
    answers = [deployed.invoke(event, request_id=str(delivery)) for delivery in range(25)]
    (execution,) = deployed.executions()
    deployed.step_functions.stop_execution(executionArn=execution["executionArn"])
    answers += [deployed.invoke(event, request_id=str(delivery)) for delivery in range(25, 50)]
    assert {answer["name"] for answer in answers} == {execution["name"]}
    assert [one["name"] for one in deployed.executions()] == [execution["name"]]


def test_finished_execution_is_not_started_again(deployed: Deployed) -> None:
    """If Step Functions rejects the name of an ended execution, the response says that it was not started."""
    deployed.put(MINIMAL)
    first = deployed.invoke()
    deployed.step_functions.stop_execution(executionArn=first["executionArn"])
    deployed.put(MINIMAL + "app_id: changed\n")
    assert deployed.invoke() == first | {"started": False}


@pytest.mark.parametrize(("seconds", "started"), [(60.0, False), (-5.0, True)])
def test_running_execution_is_not_reported_as_new(deployed: Deployed, seconds: float, started: bool) -> None:  # noqa: FBT001 - a test's parameter
    """Step Functions repeats its response for a running execution; the start date tells whether it is new."""
    deployed.put(MINIMAL)
    arn = "arn:aws:states:us-east-1:123456789012:execution:MLOpsStateMachine:x"
    with Stubber(deployed.module.step_functions) as stubber:
        date = datetime.now(UTC) - timedelta(seconds=seconds)
        stubber.add_response("start_execution", {"executionArn": arn, "startDate": date})
        assert deployed.invoke()["started"] is started


def test_different_events_start_different_executions(deployed: Deployed) -> None:
    """Twelve events in quick succession start twelve executions."""
    deployed.put(MINIMAL)
    answers = [deployed.invoke(request_id=f"request-{number}") for number in range(12)]
    assert len({answer["name"] for answer in answers}) == 12
    assert all(answer["started"] for answer in answers)
    assert len(deployed.executions()) == 12


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a:\n\tb: 1", "line 2, column 1: not valid YAML"),
        (b"", "must be a mapping of stages; found nothing"),
        (b"\xff\xfe\x00", "not UTF-8 text"),
        (b"x" * 10_000_000, "more than 1,000,000 bytes"),
        (b"model_id: demo", "line 1, column 1: job_prefix: is missing"),
        (MINIMAL.encode() + b"training: {run: 'yes'}", 'line 3, column 17: training.run: is "yes"'),
        (MINIMAL.encode() + b"app_id: " + b"x" * 262_144, "Step Functions allows 262,144"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_bad_file_is_rejected(deployed: Deployed, content: bytes, expected: str) -> None:
    """The error names the file's location and what is wrong with it, and nothing is started."""
    deployed.put(content)
    answer = deployed.invoke()
    assert_rejected(answer, "RefusedInputError", expected)
    assert answer["errorMessage"].startswith(f"s3://{BUCKET}/{KEY}: ")
    assert deployed.executions() == []


@pytest.mark.parametrize(
    ("bucket", "key", "expected"),
    [
        (BUCKET, "no/such.yaml", "there is no such object"),
        (BUCKET, "my scripts/größe & maß/ä b.yaml", "there is no such object"),
        ("no-such-bucket", KEY, "there is no such bucket"),
        ("no bucket", KEY, "not a valid S3 name"),
        (BUCKET, "\ud800", "not a valid S3 name"),
    ],
)
def test_missing_file_is_reported(deployed: Deployed, bucket: str, key: str, expected: str) -> None:
    """The message says what is missing, and where."""
    answer = deployed.invoke({"config": {"bucket": bucket, "prefix": key}})
    assert_rejected(answer, "UnreadableFileError", expected)
    assert answer["errorMessage"].startswith(f"s3://{bucket}/{key}: ")


def test_keys_of_any_characters_are_read(deployed: Deployed) -> None:
    """Keys with spaces and umlauts work like any other."""
    key = "my scripts/größe & maß+1%20/ä b.yaml"
    deployed.put(MINIMAL, key=key)
    assert deployed.invoke({"config": {"bucket": BUCKET, "prefix": key}})["started"]


@pytest.mark.parametrize(
    "event",
    [
        {"config": {"bucket": BUCKET}},
        {"config": {"bucket": BUCKET, "prefix": ""}},
        {"config": {"bucket": 1, "prefix": KEY}},
        {"config": None},
        {},
        [],
        "demo",
        None,
        {"config": {"bucket": BUCKET, "prefix": KEY}, "overrides": []},
    ],
    ids=str,
)
def test_bad_event_is_rejected(deployed: Deployed, event: Any) -> None:
    """An event without a file, or with invalid overrides, is rejected with what is expected."""
    assert_rejected(deployed.module.handler(event, deployed.context()), "EventError", "; expected {")


@pytest.mark.parametrize("event", [BY_HAND, SCHEDULED], ids=["by hand", "scheduled"])
def test_rejections_are_not_retried(deployed: Deployed, event: Any) -> None:
    """A rejection is returned to the caller; an exception would make Lambda retry twice."""
    deployed.put("- a")
    assert_rejected(deployed.invoke(event), "RefusedInputError", f"s3://{BUCKET}/{KEY}: ")


@pytest.mark.parametrize("event", [BY_HAND, SCHEDULED], ids=["by hand", "scheduled"])
@pytest.mark.parametrize("service", ["s3", "step_functions"])
def test_aws_errors_are_retried(deployed: Deployed, service: str, event: Any) -> None:
    """AWS errors raise an exception that names the file's location, so that Lambda retries."""
    deployed.put(MINIMAL)
    operation = {"s3": "get_object", "step_functions": "start_execution"}[service]
    with Stubber(getattr(deployed.module, service)) as stubber:
        stubber.add_client_error(operation, "ThrottlingException", http_status_code=400)
        with pytest.raises(ServiceError, match=f"s3://{BUCKET}/{KEY}: .*Throttling"):
            deployed.invoke(event)


class BrokenBody:
    """An S3 object whose download times out."""

    def read(self, amount: int) -> bytes:
        """Fails as botocore does."""
        raise ReadTimeoutError(endpoint_url=f"s3 after less than {amount} bytes", error="timed out")


def test_interrupted_reads_are_retried(deployed: Deployed) -> None:
    """An interrupted read raises a ServiceError, which is retried."""
    with Stubber(deployed.module.s3) as stubber:
        stubber.add_response("get_object", {"Body": BrokenBody()})
        with pytest.raises(ServiceError):
            deployed.invoke()


def test_denied_access_is_the_users_to_fix(deployed: Deployed) -> None:
    """If the function may not read the file, the message says what it may read."""
    with Stubber(deployed.module.s3) as stubber:
        stubber.add_client_error("get_object", "AccessDenied", http_status_code=403)
        answer = deployed.invoke()
    assert_rejected(answer, "UnreadableFileError", "the function may read the pipeline's own bucket only")


def test_starts_and_errors_are_counted(deployed: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    """Starts and each kind of error are logged as CloudWatch metrics."""
    deployed.put(MINIMAL)
    deployed.invoke()
    deployed.put("- a")
    deployed.invoke(SCHEDULED)
    deployed.invoke(request_id="another")
    deployed.invoke({"config": None})
    with Stubber(deployed.module.s3) as stubber:
        stubber.add_client_error("get_object", "SlowDown", http_status_code=503)
        with pytest.raises(ServiceError):
            deployed.invoke(request_id="a third")
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "CloudWatchMetrics" in line]
    counted = {
        name: sum(line.get(name, [0])[0] for line in printed)
        for name in ("ExecutionsStarted", "RefusedInputError", "EventError", "ServiceError")
    }
    assert counted == {"ExecutionsStarted": 1, "RefusedInputError": 2, "EventError": 1, "ServiceError": 1}


def test_the_service_model_of_sagemaker_is_not_loaded() -> None:
    """Validation needs only the committed schema, and imports neither botocore nor the generator."""
    program = "import sys; from pipeline.input import execution; print(*sys.modules)"
    completed = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert not {"botocore", "boto3", "pipeline.schema", "difflib"} & set(completed.stdout.split())


def test_overrides_values_are_not_logged(deployed: Deployed, caplog: pytest.LogCaptureFixture) -> None:
    """For started and rejected events alike, the log has the overrides' names but not their values."""
    deployed.put((PROJECT / "scripts" / "input.yaml").read_text())
    config = {"bucket": BUCKET, "prefix": KEY}
    said, secret = ("preprocessing.input", "training.input", "trainign.run", "an-id", BUCKET, KEY), "hunter2-is-secret"
    for overrides in (
        {"preprocessing": {"input": {"Environment": {"PASSWORD": secret}}}},
        {"training": {"input": {"RoleArn": secret}}, "trainign": {"run": secret}},
        [secret],
    ):
        deployed.invoke({"config": config, "overrides": overrides, "id": "an-id"})
    log = str([vars(record) for record in caplog.records])
    assert secret not in log
    assert [text for text in said if text not in log] == []


def test_version_of_the_file_is_returned(deployed: Deployed) -> None:
    """The response, which is logged, has the version of input.yaml that was read."""
    versioned = {"Bucket": BUCKET, "VersioningConfiguration": {"Status": "Enabled"}}
    deployed.s3.put_bucket_versioning(**versioned)
    deployed.put(MINIMAL)
    version = deployed.s3.head_object(Bucket=BUCKET, Key=KEY)["VersionId"]
    assert deployed.invoke()["version"] == version
    deployed.put(MINIMAL + "app_id: changed\n")
    assert deployed.invoke()["version"] not in (version, None)


REUSING = (
    MINIMAL
    + """
reuse: true
CreateModel:
  run: true
  input: {PrimaryContainer: {Image: IMAGE_URI, ModelDataUrl: "s3://MLOPS_BUCKET/model.tar.gz"}}
"""
)


def test_reuse_without_its_table_starts_everything_and_says_so(
    deployed: Deployed, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """If the records cannot be read, every stage runs; the answer, the log and a metric have it."""
    deployed.put(REUSING)
    answer = deployed.invoke()
    assert answer["started"]
    assert "ResourceNotFoundException" in answer["reuse_unavailable"]
    (execution,) = deployed.executions()
    assert json.loads(execution["input"])["CreateModel"]["run"] is True
    assert "nothing is reused, and every stage runs" in caplog.text
    assert '"ReuseUnavailable":[' in capsys.readouterr().out


def test_a_recorded_model_is_reused_while_it_exists(deployed: Deployed) -> None:
    """The record's execution takes the stage's place; once the model is deleted, the stage runs again."""
    dynamodb, sagemaker = boto3.client("dynamodb"), boto3.client("sagemaker")
    dynamodb.create_table(
        TableName="records",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    deployed.put(REUSING)
    deployed.put(b"model", key="model.tar.gz")
    first = deployed.invoke({**SCHEDULED, "id": "1"})
    assert first["reused"] == {}
    made = {json.loads(each["input"])["CreateModel"]["record"]["key"] for each in deployed.executions()}
    arn = sagemaker.create_model(ModelName="model-first", PrimaryContainer={"Image": "i"}, ExecutionRoleArn=ROLE)[
        "ModelArn"
    ]
    item = {
        "id": {"S": made.pop()},
        "execution": {"S": first["name"]},
        "expires": {"N": "9999999999"},
        "result": {"S": json.dumps({"ModelArn": arn})},
    }
    dynamodb.put_item(TableName="records", Item=item)
    assert deployed.invoke({**SCHEDULED, "id": "2"})["reused"] == {"CreateModel": first["name"]}
    dynamodb.put_item(TableName="records", Item=item | {"expires": {"N": "1"}})
    assert deployed.invoke({**SCHEDULED, "id": "3"})["reused"] == {}
    dynamodb.put_item(TableName="records", Item=item)
    sagemaker.delete_model(ModelName="model-first")
    assert deployed.invoke({**SCHEDULED, "id": "4"})["reused"] == {}
    deployed.put(b"another model", key="model.tar.gz")
    assert deployed.invoke({**SCHEDULED, "id": "5"})["reused"] == {}
