"""Batch transform jobs, from SageMaker's request to Step Functions' result."""

import gzip
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from sagemaker_local.errors import JobStopped
from tests.sagemaker_local.sandbox import SHOUT, Sandbox, needs_namespaces

Make = Callable[..., dict[str, Any]]
CREATE = "createTransformJob"

pytestmark = needs_namespaces


def test_job(sandbox: Sandbox, serve: Callable[..., None], transform_request: Make) -> None:
    """Each input file's predictions are uploaded under its relative path with ``.out``."""
    serve()
    sandbox.put("in/one.csv", "a\nb\n")
    sandbox.put("in/deep/two.csv", "c\n")
    request = transform_request(Environment={"APP_ID": "aiops"}, MaxConcurrentTransforms=2, Tags=[])
    result = sandbox.run(CREATE, request)
    assert sandbox.keys("predictions/") == ["predictions/deep/two.csv.out", "predictions/one.csv.out"]
    assert sandbox.get("predictions/one.csv.out") == b"A!\nB!\n"
    assert sandbox.get("predictions/deep/two.csv.out") == b"C!\n"
    assert result["TransformJobStatus"] == "Completed"
    assert result["TransformJobArn"] == "arn:aws:sagemaker:eu-west-1:123456789012:transform-job/batch-1"
    assert result["ModelName"] == "my-model"
    assert result["CreationTime"] <= result["TransformStartTime"] <= result["TransformEndTime"]
    assert sandbox.last_job.status == "Completed"
    json.dumps(result)


def test_one_file(sandbox: Sandbox, serve: Callable[..., None], transform_request: Make) -> None:
    """A source that is one file has one output file with its name."""
    serve()
    sandbox.put("in/test_features.csv", "a\n")
    request = transform_request()
    request["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"] = "s3://bucket/in/test_features.csv"
    sandbox.run(CREATE, request)
    assert sandbox.keys("predictions/") == ["predictions/test_features.csv.out"]


def test_payload_limit(sandbox: Sandbox, serve: Callable[..., None], transform_request: Make) -> None:
    """A file larger than a payload is split between lines, and the predictions keep the lines' order."""
    serve(
        SHOUT.replace('print("rows:"', 'import time; time.sleep(0.1 if rows[0].startswith("0") else 0); print("rows:"')
    )
    lines = [f"{number},{'x' * 90}" for number in range(40_000)]
    sandbox.put("in/large.csv", ("\n".join(lines) + "\n").encode())
    sandbox.run(CREATE, transform_request(MaxPayloadInMB=1, MaxConcurrentTransforms=4, BatchStrategy="MultiRecord"))
    assert sandbox.get("predictions/large.csv.out").decode().splitlines() == [line.upper() + "!" for line in lines]
    counts = [int(line.split()[1]) for line in sandbox.lines if line.startswith("rows:")]
    assert len(counts) == 4
    assert sum(counts) == 40_000


@pytest.mark.parametrize(
    "given", [{"MaxPayloadInMB": 101}, {"MaxPayloadInMB": 34, "MaxConcurrentTransforms": 3}], ids=str
)
def test_payloads_in_flight(
    sandbox: Sandbox, serve: Callable[..., None], transform_request: Make, given: dict[str, int]
) -> None:
    """The payloads of all concurrent requests may have 100 MB together."""
    serve()
    sandbox.put("in/one.csv", "a\n")
    failure = sandbox.fail(CREATE, transform_request(**given))
    assert failure.error == "SageMaker.AmazonSageMakerException"
    assert "MaxConcurrentTransforms * MaxPayloadInMB" in failure.cause
    assert sandbox.run(CREATE, transform_request(MaxPayloadInMB=25, MaxConcurrentTransforms=4))


def test_single_record(sandbox: Sandbox, serve: Callable[..., None], transform_request: Make) -> None:
    """SingleRecord sends one line at a time and sets SAGEMAKER_BATCH_STRATEGY."""
    serve(SHOUT.replace("row.upper()", "row + __import__('os').environ['SAGEMAKER_BATCH_STRATEGY']"))
    sandbox.put("in/a.csv", "a\nb\n\nc")
    sandbox.run(CREATE, transform_request(BatchStrategy="SingleRecord"))
    assert sandbox.get("predictions/a.csv.out") == b"aSINGLE_RECORD!\nbSINGLE_RECORD!\ncSINGLE_RECORD!\n"
    assert [line for line in sandbox.lines if line.startswith("rows")] == ["rows: 1"] * 3


def test_not_split(sandbox: Sandbox, serve: Callable[..., None], transform_request: Make) -> None:
    """Without SplitType a file is sent whole; without AssembleWith no newline is added; Gzip is decompressed."""
    serve()
    sandbox.put("in/a.csv.gz", gzip.compress(b"a\nb\n"))
    request = transform_request()
    request["TransformInput"] |= {"SplitType": "None", "CompressionType": "Gzip"}
    request["TransformOutput"].pop("AssembleWith")
    sandbox.run(CREATE, request)
    assert sandbox.get("predictions/a.csv.gz.out") == b"A!\nB!"


def test_default_functions(sandbox: Sandbox, serve: Callable[..., None], transform_request: Make) -> None:
    """With only a model_fn, the scikit-learn container's functions read and write CSV."""
    serve(
        """
        class Sum:
            def predict(self, rows):
                assert rows.dtype == "float32"
                return rows.sum(axis=1)
        def model_fn(model_dir):
            return Sum()
        """
    )
    sandbox.put("in/a.csv", "1,2\n3,4\n")
    sandbox.run(CREATE, transform_request())
    assert sandbox.get("predictions/a.csv.out") == b"3.0\n7.0\n"


def test_environment(sandbox: Sandbox, serve: Callable[..., None], transform_request: Make) -> None:
    """The script gets the model's, the job's and SageMaker's variables, and the accepted content type."""
    serve(
        """
        import json, os
        def model_fn(model_dir):
            return None
        def transform_fn(model, data, content_type, accept):
            names = ["SAGEMAKER_PROGRAM", "APP_ID", "SAGEMAKER_BATCH", "SAGEMAKER_MAX_PAYLOAD_IN_MB", "NONE"]
            return json.dumps([accept, *map(os.environ.get, names)])
        """
    )
    sandbox.put("in/a.csv", "a\n")
    sandbox.run(CREATE, transform_request(Environment={"APP_ID": "aiops"}, MaxPayloadInMB=50))
    answer = json.loads(sandbox.get("predictions/a.csv.out"))
    assert answer == ["text/csv", "inference.py", "aiops", "true", "50", None]


def test_status_500(sandbox: Sandbox, serve: Callable[..., None], transform_request: Make) -> None:
    """If one file fails, the others have outputs, the job fails and its log has the reason."""
    serve(SHOUT.replace('print("rows:"', 'assert "bad" not in rows, "a bad row"; print("rows:"'))
    for name, text in (("1", "a\n"), ("2", "bad\n"), ("3", "c\n")):
        sandbox.put(f"in/{name}.csv", text)
    reason = sandbox.reason(CREATE, transform_request())
    line = "bucket/in/2.csv: Bad HTTP status received from algorithm: 500"
    assert reason.startswith(f"AlgorithmError: See job logs for more information ({line})\n")
    assert f"[sagemaker logs]: {line}" in sandbox.lines
    assert "AssertionError: a bad row" in "\n".join(sandbox.lines)
    assert sandbox.keys("predictions/") == ["predictions/1.csv.out", "predictions/3.csv.out"]


def test_retries(sandbox: Sandbox, serve: Callable[..., None], transform_request: Make) -> None:
    """An invocation is retried as often as ModelClientConfig allows."""
    serve(
        SHOUT.replace(
            'print("rows:"', 'model_fn.n = getattr(model_fn, "n", 0) + 1; assert model_fn.n > 2; print("rows:"'
        )
    )
    sandbox.put("in/a.csv", "a\n")
    sandbox.run(CREATE, transform_request(ModelClientConfig={"InvocationsMaxRetries": 2}))
    assert sandbox.get("predictions/a.csv.out") == b"A!\n"


def test_server_dies(sandbox: Sandbox, serve: Callable[..., None], transform_request: Make) -> None:
    """A model server that dies during a request is reported as in SageMaker."""
    serve(SHOUT.replace('print("rows:"', 'import os; os._exit(1); print("rows:"'))
    sandbox.put("in/a.csv", "a\n")
    reason = sandbox.reason(CREATE, transform_request())
    assert reason.startswith("AlgorithmError: See job logs for more information")
    assert "bucket/in/a.csv: Unable to get response from algorithm" in reason


def test_too_large(sandbox: Sandbox, serve: Callable[..., None], transform_request: Make) -> None:
    """A record that does not fit into a payload fails its file with a ClientError."""
    serve()
    sandbox.put("in/a.csv", b"x" * (1 << 20) + b"y\n")
    reason = sandbox.reason(CREATE, transform_request(MaxPayloadInMB=1))
    assert reason.startswith("ClientError: See job logs for more information")
    assert "a record is larger than MaxPayloadInMB = 1" in reason


def test_stop(sandbox: Sandbox, serve: Callable[..., None], transform_request: Make) -> None:
    """Stopping ends a job during an invocation as Stopped."""
    serve(SHOUT.replace('print("rows:"', 'import time; print("invoked"); time.sleep(60); print("rows:"'))
    sandbox.put("in/a.csv", "a\n")
    raised: list[JobStopped] = []

    def run() -> None:
        try:
            sandbox.run(CREATE, transform_request())
        except JobStopped as stopped:
            raised.append(stopped)

    thread = threading.Thread(target=run)
    thread.start()
    while "invoked" not in sandbox.lines:
        time.sleep(0.01)
    sandbox.sagemaker.stop()
    thread.join()
    assert not [line for line in sandbox.lines if line.startswith("rows")]
    assert json.loads(raised[0].cause)["TransformJobStatus"] == "Stopped"


def test_without_namespaces(prefix_sandbox: Sandbox, transform_request: Make, model_request: Make) -> None:
    """Without namespaces, a script that uses its model_dir argument works."""
    script = SHOUT.replace('open("/opt/ml/model/mark.txt")', 'open(model_dir + "/mark.txt")')
    prefix_sandbox.archive("model.tar.gz", mark_txt="!", code__inference_py=script)
    environment = {"SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
    prefix_sandbox.run("createModel", model_request(Environment=environment))
    prefix_sandbox.put("in/a.csv", "a\n")
    prefix_sandbox.run(CREATE, transform_request())
    assert prefix_sandbox.get("predictions/a.csv.out") == b"A!\n"


def test_data_processing(sandbox: Sandbox, serve: Callable[..., None], transform_request: Make) -> None:
    """The model gets what the input filter selects; the output file has the records with their predictions."""
    serve()
    sandbox.put("in/a.csv", 'id-1,"a,b",c\nid-2,d,e\n')
    processing = {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"}
    sandbox.run(CREATE, transform_request(DataProcessing=processing))
    assert sandbox.get("predictions/a.csv.out") == b"id-1,C!\nid-2,E!\n"


def test_data_that_cannot_be_joined(sandbox: Sandbox, serve: Callable[..., None], transform_request: Make) -> None:
    """A file whose predictions do not match its records fails the job and is named."""
    serve(SHOUT.replace("return [row.upper() + model for row in rows]", "return rows[:1]"))
    sandbox.put("in/a.csv", "a\nb\n")
    reason = sandbox.reason(CREATE, transform_request(DataProcessing={"JoinSource": "Input"}))
    assert reason.startswith("ClientError: See job logs for more information (bucket/in/a.csv: 2 records cannot be")


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        (
            {
                "DataCaptureConfig": {"DestinationS3Uri": "s3://bucket/captured"},
            },
            "DataCaptureConfig",
        ),
        ({"TransformInput": {"SplitType": "RecordIO"}}, "TransformInput.SplitType"),
    ],
)
def test_not_supported(
    sandbox: Sandbox, serve: Callable[..., None], transform_request: Make, changes: dict[str, Any], key: str
) -> None:
    """Data capture of a transform job, and RecordIO, are rejected by name."""
    serve()
    request = transform_request()
    changed = {name: request.get(name, {}) | value for name, value in changes.items()}
    failure = sandbox.fail(CREATE, request | changed)
    assert failure.error == "Local.NotSupported"
    assert failure.cause.startswith(f"{key} is ")


def test_key_is_not_a_file_name(sandbox: Sandbox, serve: Callable[..., None], transform_request: Make) -> None:
    """An input whose key is not a valid file name fails the job, and the reason names the key."""
    serve()
    key = f"in/{'x' * 255}"  # too long with .out
    sandbox.put(key, "a\n")
    failure = sandbox.fail(CREATE, transform_request())
    assert failure.error == "States.TaskFailed"
    assert f"s3://bucket/{key}: the key is not a valid file name" in json.loads(failure.cause)["FailureReason"]
