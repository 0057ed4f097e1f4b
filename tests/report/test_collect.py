"""Gathering facts from S3 and the logs, and noting those that are unavailable."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from executions.history import data_so_far, reason
from pipeline.commit import Commit
from pipeline.limits import MAX_REPORT_BYTES
from report.collect import LOG_LINES, Collector
from tests.report.conftest import NAME, PREFIX, as_json, content, evaluation_of, history

MD5_OF_TRAIN = "61b3a8faa9c1091806675c230a9abe64"
ALL = ["preprocessing", "training", "evaluation", "registration", "approval"]


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """S3 with an empty versioned bucket."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="bucket")
        client.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
        yield client


def execution(status: str = "SUCCEEDED", *, started: datetime | None = None, **more: Any) -> dict[str, Any]:
    """An execution as DescribeExecution returns it."""
    start = started or datetime.now(UTC) + timedelta(minutes=1)
    arn = f"arn:aws:states:us-east-1:123456789012:execution:machine:{NAME}"
    times = {"startDate": start, "stopDate": start + timedelta(seconds=60)}
    return {"name": NAME, "executionArn": arn, "status": status, **times, **more}


def no_log(_action: str, _job: str, _lines: int) -> list[str]:
    """An empty log."""
    return []


def next_second() -> None:
    """Waits for the next second, since S3's times are in whole seconds."""
    time.sleep(1 - time.time() % 1)


def test_all_facts_are_found(s3: Any) -> None:
    """The reports of model and champion, the model and the scripts are those that the execution names."""
    mine, best = evaluation_of(2.5), evaluation_of(1.5)
    s3.put_object(Bucket="bucket", Key=f"demo/executions/{NAME}/evaluation/evaluation.json", Body=as_json(mine))
    s3.put_object(Bucket="bucket", Key="champion.json", Body=as_json(best))
    s3.put_object(Bucket="bucket", Key=f"demo/executions/{NAME}/model/{NAME}/output/model.tar.gz", Body=b"model")
    s3.put_object(Bucket="bucket", Key="demo/scripts/train.py", Body=b"train")
    found = Collector(s3=s3, tail=no_log).facts(execution(), history(ALL), content())
    assert found.evaluation == mine
    assert found.champion == best
    assert found.artifact is not None
    assert found.artifact.size == len(b"model")
    (script,) = found.published
    assert (script.uri, script.etag) == ("s3://bucket/demo/scripts/train.py", MD5_OF_TRAIN)
    assert script.version
    assert found.absent == {}


def test_scripts_as_they_were_at_the_start(s3: Any) -> None:
    """Scripts that were changed, added or deleted later are shown as they were when the execution started."""
    first = s3.put_object(Bucket="bucket", Key="demo/scripts/train.py", Body=b"train")
    s3.put_object(Bucket="bucket", Key="demo/scripts/gone.py", Body=b"gone")
    s3.delete_object(Bucket="bucket", Key="demo/scripts/gone.py")
    next_second()
    started = datetime.now(UTC)
    next_second()
    s3.put_object(Bucket="bucket", Key="demo/scripts/train.py", Body=b"changed")
    s3.put_object(Bucket="bucket", Key="demo/scripts/new.py", Body=b"new")
    found = Collector(s3=s3, tail=no_log).facts(execution(started=started), history(ALL), content())
    assert [script.version for script in found.published] == [first["VersionId"]]


def test_the_commit_of_the_scripts(s3: Any) -> None:
    """The record has it; scripts that are not as it says were changed in the bucket. The record itself is no script."""
    etags = {
        name: s3.put_object(Bucket="bucket", Key=f"demo/scripts/{name}", Body=b"1")["ETag"]
        for name in ("input.yaml", "train.py")
    }
    record = {"Bucket": "bucket", "Key": "demo/scripts/.published.json"}
    s3.put_object(**record, Body=as_json(etags), Metadata={"commit": "315ccf7a", "uncommitted-changes": "true"})
    s3.put_object(Bucket="bucket", Key="demo/scripts/input.yaml", Body=b"2")
    found = Collector(s3=s3, tail=no_log).facts(execution(), history(ALL), content())
    assert (found.commit, found.edited) == (Commit(id="315ccf7a", is_changed=True), ("input.yaml",))
    assert [stored.uri.rpartition("/")[2] for stored in found.published] == ["input.yaml", "train.py"]
    s3.put_object(**record, Body=b"[]")
    found = Collector(s3=s3, tail=no_log).facts(execution(), history(ALL), content())
    assert (found.commit, found.edited) == (None, ())
    assert "is not a JSON object" in found.absent["Commit of the scripts"]


def monitored() -> dict[str, Any]:
    """The data of an execution in which only monitoring ran."""
    baseline = {"InputName": "baseline", "S3Input": {"S3Uri": "s3://bucket/demo/baseline"}}
    outputs = [{"OutputName": name, "S3Output": {"S3Uri": f"{PREFIX}/{name}"}} for name in ("another", "monitoring")]
    request = {"ProcessingInputs": [baseline], "ProcessingOutputConfig": {"Outputs": outputs}}
    result = {"outcome": "healthy", "records": 800, "violations": []}
    return {"monitoring": {"run": True, "input": request, "result": result}}


def test_an_execution_that_only_monitors(s3: Any) -> None:
    """The baseline is the job's input, the window its output."""
    bodies = {
        "demo/baseline/statistics.json": {"features": [1]},
        f"demo/executions/{NAME}/monitoring/statistics.json": {"features": [2]},
        f"demo/executions/{NAME}/monitoring/constraint_violations.json": {"violations": []},
    }
    for key, body in bodies.items():
        s3.put_object(Bucket="bucket", Key=key, Body=as_json(body))
    found = Collector(s3=s3, tail=no_log).facts(execution(), history(["monitoring"]), monitored())
    assert found.monitored is not None
    assert [found.monitored.baseline, found.monitored.window, found.monitored.violations] == list(bodies.values())


def test_monitoring_whose_files_are_gone_is_noted(s3: Any) -> None:
    """The outcome is still known."""
    found = Collector(s3=s3, tail=no_log).facts(execution(), history(["monitoring"]), monitored())
    assert found.monitored is None
    assert "NoSuchKey" in found.absent["Monitoring"]


def test_missing_objects_are_noted(s3: Any) -> None:
    """Objects that are not in S3 are left out, and the report says why."""
    found = Collector(s3=s3, tail=no_log).facts(execution(), history(ALL), content())
    assert (found.evaluation, found.champion, found.artifact) == (None, None, None)
    assert set(found.absent) == {"Evaluation", "Champion", "Model artifact"}
    assert "NoSuchKey" in found.absent["Evaluation"]


@pytest.mark.parametrize(("body", "why"), [(b"{", "is not JSON"), (b"[]", "is not a JSON object")])
def test_malformed_report_is_noted(body: bytes, why: str, s3: Any) -> None:
    """A malformed evaluation report is left out, and the reason names it."""
    s3.put_object(Bucket="bucket", Key=f"demo/executions/{NAME}/evaluation/evaluation.json", Body=body)
    found = Collector(s3=s3, tail=no_log).facts(execution(), history(ALL), content())
    assert f"{PREFIX}/evaluation/evaluation.json {why}" in found.absent["Evaluation"]


def test_large_report_is_noted(s3: Any) -> None:
    """A report over the limit, which is the gate's, is left out, and the reason has the limit."""
    s3.put_object(
        Bucket="bucket", Key=f"demo/executions/{NAME}/evaluation/evaluation.json", Body=bytes(MAX_REPORT_BYTES + 1)
    )
    found = Collector(s3=s3, tail=no_log).facts(execution(), history(ALL), content())
    assert "is larger than 16,777,216 bytes" in found.absent["Evaluation"]


def test_report_without_approval(s3: Any) -> None:
    """Without an approval, the report is found among the evaluation's outputs; missing parts are noted."""
    s3.put_object(Bucket="bucket", Key=f"demo/executions/{NAME}/evaluation/evaluation.json", Body=b'{"version": 0.0}')
    data = content()
    del data["approval"]
    found = Collector(s3=s3, tail=no_log).facts(execution(), history(ALL[:3]), data)
    assert found.evaluation == {"version": 0.0}
    assert {"Metrics", "ROC curve", "Confusion matrix", "Calibration"} <= set(found.absent)


def test_failed_job(s3: Any) -> None:
    """A failed job is reported with SageMaker's reason and the last lines of its log."""
    calls = []

    def tail(action: str, job: str, lines: int) -> list[str]:
        calls.append((action, job, lines))
        return ["the last line"]

    cause = json.dumps({"TrainingJobName": NAME, "FailureReason": "AlgorithmError: no data"})
    failed = execution("FAILED", error="States.TaskFailed", cause=cause)
    data = content()
    del data["training"]["result"]
    found = Collector(s3=s3, tail=tail).facts(failed, history(ALL[:2], ends=False), data)
    assert found.failure is not None
    assert (found.failure.stage, found.failure.job) == ("training", NAME)
    assert (found.failure.error, found.failure.reason) == ("States.TaskFailed", "AlgorithmError: no data")
    assert found.failure.log == ("the last line",)
    assert calls == [("createTrainingJob", NAME, LOG_LINES)]


def test_data_of_an_execution_that_failed() -> None:
    """Its data is its last state's input, not the emulator's output; without states, it is the execution's input."""
    entered: list[dict[str, Any]] = [{"stateEnteredEventDetails": {"input": json.dumps({"n": n})}} for n in (2, 1)]
    failed = {"status": "FAILED", "output": '{"Error": "x"}', "input": '{"n": 0}'}
    assert data_so_far(failed, iter([{"type": "ExecutionFailed"}, *entered])) == {"n": 2}
    assert data_so_far(failed, iter([])) == {"n": 0}
    assert data_so_far({"status": "SUCCEEDED", "output": '{"n": 3}'}, iter([])) == {"n": 3}


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        ('{"TrainingJobStatus": "Failed", "FailureReason": "no data"}', "no data"),
        ('{"TrainingJobStatus": "Stopped"}', "the job's status is Stopped"),
        ('{"a": 1}', '{"a": 1}'),
        ("[]", "[]"),
        ("plain text", "plain text"),
        ("\x1b[2Jtwo\r\nlines", "\\x1b[2Jtwo\nlines"),
        ('{"TrainingJobStatus": "Failed", "FailureReason": "\\u001b[2Jno data"}', "\\x1b[2Jno data"),
        (None, ""),
    ],
)
def test_reason(cause: str | None, text: str) -> None:
    """The reason is the failure reason or status in a job's description, else the cause; it is printable."""
    assert reason({"status": "FAILED", "error": "Oops", "cause": cause}) == ("Oops", text)
    assert reason({"status": "RUNNING"}) is None
