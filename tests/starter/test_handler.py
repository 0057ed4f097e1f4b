import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.stub import Stubber

from starter.errors import ServiceError
from tests.starter.conftest import BUCKET, KEY, ROLE, Deployed

PROJECT = Path(__file__).parent.parent.parent
MINIMAL = "job_prefix: mlops\nmodel_id: MODEL_NAME\n"
BY_HAND = {"config": {"bucket": BUCKET, "prefix": KEY}}
SCHEDULED = BY_HAND | {"id": "6f2c"}


def assert_refused(answer: dict[str, Any], error: str, expected: str) -> None:
    """The answer is a refusal of this class with this text in it, and names no execution."""
    assert set(answer) == {"started", "errorType", "errorMessage"}
    assert answer["started"] is False
    assert answer["errorType"] == error
    assert expected in answer["errorMessage"]


def test_sample_event_starts_an_execution(deployed: Deployed) -> None:
    """The sample event starts one execution, named after the prefix and the model, and the answer says so."""
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
    """The shipped input.yaml starts an execution in whose input no token is left."""
    deployed.put((PROJECT / "scripts" / "input.yaml").read_bytes())
    deployed.invoke()
    (execution,) = deployed.executions()
    sent = json.loads(execution["input"])
    for token in ("MLOPS_BUCKET", "MODEL_NAME", "AWS_REGION_NAME", "SAGEMAKER_EXECUTION_ROLE", "IMAGE_URI", "SFN_"):
        assert token not in execution["input"]
    assert sent["training"]["input"]["RoleArn"] == ROLE
    assert f"/{execution['name']}/" in sent["training"]["input"]["OutputDataConfig"]["S3OutputPath"]


def test_seed_input_passes_unchanged(deployed: Deployed, seed_input: dict[str, Any]) -> None:
    """A file in which everything is filled in already is sent as it is."""
    deployed.put(json.dumps(seed_input))
    deployed.invoke()
    (execution,) = deployed.executions()
    assert json.loads(execution["input"]) == seed_input


def test_overrides_of_the_event_are_merged(deployed: Deployed) -> None:
    """What the event overrides is sent in place of what the file says."""
    deployed.put(MINIMAL + "app_id: file\n")
    deployed.invoke({"config": {"bucket": BUCKET, "prefix": KEY}, "overrides": {"app_id": "event"}})
    (execution,) = deployed.executions()
    assert json.loads(execution["input"])["app_id"] == "event"


def test_same_event_starts_one_execution(deployed: Deployed) -> None:
    """An event that is delivered again, by schedule or by Lambda's retries, starts nothing a second time."""
    deployed.put(MINIMAL)
    names = {deployed.invoke(SCHEDULED, request_id=str(attempt))["name"] for attempt in range(12)}
    assert len(names) == 1
    names |= {deployed.invoke()["name"] for _ in range(12)}
    assert len(names) == 2
    assert {execution["name"] for execution in deployed.executions()} == names


def test_finished_execution_is_not_started_again(deployed: Deployed) -> None:
    """When Step Functions refuses the name because its execution has ended, the answer says that it ran before."""
    deployed.put(MINIMAL)
    first = deployed.invoke()
    deployed.step_functions.stop_execution(executionArn=first["executionArn"])
    deployed.put(MINIMAL + "app_id: changed\n")
    assert deployed.invoke() == first | {"started": False}


@pytest.mark.parametrize(("seconds", "started"), [(60.0, False), (0.0, True)])
def test_running_execution_is_not_said_to_be_new(deployed: Deployed, seconds: float, started: bool) -> None:  # noqa: FBT001 - a test's parameter
    """Step Functions repeats its first answer for an execution that runs; its start date tells the old from the new."""
    deployed.put(MINIMAL)
    arn = "arn:aws:states:us-east-1:123456789012:execution:MLOpsStateMachine:x"
    with Stubber(deployed.module.step_functions) as stubber:
        date = datetime.now(UTC) - timedelta(seconds=seconds)
        stubber.add_response("start_execution", {"executionArn": arn, "startDate": date})
        assert deployed.invoke()["started"] is started


def test_different_events_start_each_their_own(deployed: Deployed) -> None:
    """Twelve events within a moment start twelve executions."""
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
def test_bad_file_is_refused(deployed: Deployed, content: bytes, expected: str) -> None:
    """What is wrong with the file is said, with its place in S3, and nothing is started."""
    deployed.put(content)
    answer = deployed.invoke()
    assert_refused(answer, "RefusedInputError", expected)
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
def test_missing_file_is_told(deployed: Deployed, bucket: str, key: str, expected: str) -> None:
    """Where there is no file, the message says what is missing, and where it was looked for."""
    answer = deployed.invoke({"config": {"bucket": bucket, "prefix": key}})
    assert_refused(answer, "UnreadableFileError", expected)
    assert answer["errorMessage"].startswith(f"s3://{bucket}/{key}: ")


def test_keys_of_any_characters_are_read(deployed: Deployed) -> None:
    """A key with spaces and umlauts is one like any other."""
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
def test_bad_event_is_refused(deployed: Deployed, event: Any) -> None:
    """An event that names no file, or overrides nothing, is refused with what is expected."""
    assert_refused(deployed.module.handler(event, deployed.context()), "EventError", "; expected {")


@pytest.mark.parametrize("event", [BY_HAND, SCHEDULED], ids=["by hand", "scheduled"])
def test_a_refusal_is_not_tried_again(deployed: Deployed, event: Any) -> None:
    """Whoever sends the event gets the refusal as its answer: an exception would make Lambda try twice more."""
    deployed.put("- a")
    assert_refused(deployed.invoke(event), "RefusedInputError", f"s3://{BUCKET}/{KEY}: ")


@pytest.mark.parametrize("event", [BY_HAND, SCHEDULED], ids=["by hand", "scheduled"])
@pytest.mark.parametrize("service", ["s3", "step_functions"])
def test_faults_of_aws_are_tried_again(deployed: Deployed, service: str, event: Any) -> None:
    """What AWS fails to do ends in an exception, for which Lambda tries again, with the file's place in its message."""
    deployed.put(MINIMAL)
    operation = {"s3": "get_object", "step_functions": "start_execution"}[service]
    with Stubber(getattr(deployed.module, service)) as stubber:
        stubber.add_client_error(operation, "ThrottlingException", http_status_code=400)
        with pytest.raises(ServiceError, match=f"s3://{BUCKET}/{KEY}: .*Throttling"):
            deployed.invoke(event)


class BrokenBody:
    """An S3 object that cannot be read to its end."""

    def read(self, amount: int) -> bytes:
        """Fails as botocore does."""
        raise ReadTimeoutError(endpoint_url=f"s3 after less than {amount} bytes", error="timed out")


def test_a_broken_connection_is_a_fault_of_aws(deployed: Deployed) -> None:
    """A file that breaks off while it is read is worth another try."""
    with Stubber(deployed.module.s3) as stubber:
        stubber.add_response("get_object", {"Body": BrokenBody()})
        with pytest.raises(ServiceError):
            deployed.invoke()


def test_denied_access_is_the_users_to_mend(deployed: Deployed) -> None:
    """Where the function may not read, the message says what it may."""
    with Stubber(deployed.module.s3) as stubber:
        stubber.add_client_error("get_object", "AccessDenied", http_status_code=403)
        answer = deployed.invoke()
    assert_refused(answer, "UnreadableFileError", "the function may read the pipeline's own bucket only")


def test_starts_and_errors_are_counted(deployed: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    """Each start is a metric that CloudWatch reads from the log; so is each kind of error."""
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
    """The check needs the committed schema alone: neither botocore nor the generator is imported for it."""
    program = "import sys; from pipeline.contract import execution; print(*sys.modules)"
    completed = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert not {"botocore", "boto3", "pipeline.schema", "difflib"} & set(completed.stdout.split())


def test_the_log_says_what_the_event_is_not_what_it_says(deployed: Deployed, caplog: pytest.LogCaptureFixture) -> None:
    """Neither a started nor a refused event leaves the values of its overrides in the log; their names are there."""
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


def test_which_version_of_the_file_was_read(deployed: Deployed) -> None:
    """The answer, which is logged, has the version of input.yaml, whatever is published there later."""
    versioned = {"Bucket": BUCKET, "VersioningConfiguration": {"Status": "Enabled"}}
    deployed.s3.put_bucket_versioning(**versioned)
    deployed.put(MINIMAL)
    version = deployed.s3.head_object(Bucket=BUCKET, Key=KEY)["VersionId"]
    assert deployed.invoke()["version"] == version
    deployed.put(MINIMAL + "app_id: changed\n")
    assert deployed.invoke()["version"] not in (version, None)
