"""Training jobs, from SageMaker's request to Step Functions' result."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.sagemaker_local.sandbox import Sandbox, needs_namespaces

Make = Callable[..., dict[str, Any]]
CREATE = "createTrainingJob"

pytestmark = [needs_namespaces, pytest.mark.usefixtures("training_data")]


def test_job(sandbox: Sandbox, training_request: Make) -> None:
    """A script finds its channels; /opt/ml/model is uploaded as model.tar.gz under the job's name."""
    sandbox.put(
        "scripts/train.py",
        """
        import os
        rows = open("/opt/ml/input/data/training/train.csv").read().split()
        os.makedirs("/opt/ml/model/deep")
        open("/opt/ml/model/model.txt", "w").write(str(len(rows)))
        open("/opt/ml/model/deep/more.txt", "w").write("more")
        """,
    )
    result = sandbox.run(CREATE, training_request())
    uri = "s3://bucket/model/mlops-demo-1/output/model.tar.gz"
    assert sandbox.unpacked("model/mlops-demo-1/output/model.tar.gz") == {"model.txt": b"2", "deep/more.txt": b"more"}
    assert sandbox.keys("model/") == ["model/mlops-demo-1/output/model.tar.gz"]
    assert result["ModelArtifacts"] == {"S3ModelArtifacts": uri}
    assert (result["TrainingJobStatus"], result["SecondaryStatus"]) == ("Completed", "Completed")
    assert result["TrainingJobArn"] == "arn:aws:sagemaker:eu-west-1:123456789012:training-job/mlops-demo-1"
    statuses = [transition["Status"] for transition in result["SecondaryStatusTransitions"]]
    assert statuses == ["Starting", "Downloading", "Training", "Completed"]
    json.dumps(result)


def test_configuration(sandbox: Sandbox, training_request: Make) -> None:
    """The container has SageMaker's three configuration files, with File in place of FastFile, as on SageMaker."""
    sandbox.put(
        "scripts/train.py",
        """
        import json
        for name in ("hyperparameters", "inputdataconfig", "resourceconfig"):
            print(json.dumps(json.load(open(f"/opt/ml/input/config/{name}.json"))))
        """,
    )
    request = training_request(HyperParameters={"depth": "3"})
    request["InputDataConfig"][0]["ContentType"] = "text/csv"
    sandbox.run(CREATE, request)
    hyperparameters, channels, resources = map(json.loads, sandbox.lines)
    assert hyperparameters == {"depth": "3"}
    common = {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"}
    assert channels == {"training": common | {"ContentType": "text/csv"}, "code": common}
    assert (resources["current_host"], resources["hosts"]) == ("algo-1", ["algo-1"])
    assert resources["instance_groups"][0]["instance_type"] == "ml.m5.xlarge"


def test_variables(sandbox: Sandbox, training_request: Make) -> None:
    """With an entry point in the request, a script gets SageMaker's variables and the request's, not the toolkit's."""
    sandbox.put("scripts/train.py", "import json, os; print(json.dumps(dict(os.environ)))")
    sandbox.run(CREATE, training_request(HyperParameters={"depth": "3"}, Environment={"KEY": "VALUE"}))
    variables = json.loads(sandbox.lines[0])
    expected = {
        "TRAINING_JOB_NAME": "mlops-demo-1",
        "TRAINING_JOB_ARN": "arn:aws:sagemaker:eu-west-1:123456789012:training-job/mlops-demo-1",
        "AWS_REGION": "eu-west-1",
        "KEY": "VALUE",
    }
    assert {name: variables.get(name) for name in expected} == expected
    assert [name for name in variables if name.startswith(("SM_", "SAGEMAKER_", "CURRENT_HOST", "PYTHONPATH"))] == []


def test_no_algorithm(sandbox: Sandbox, training_request: Make) -> None:
    """A request with neither an algorithm nor a serverless job is rejected, naming both."""
    request = training_request()
    del request["AlgorithmSpecification"]
    assert "AlgorithmSpecification and ServerlessJobConfig" in sandbox.fail(CREATE, request).cause


def test_a_handled_exception_is_no_reason(sandbox: Sandbox, training_request: Make) -> None:
    """A traceback that the script has only logged is not why it exited with another code."""
    sandbox.put(
        "scripts/train.py",
        """
        import sys, traceback
        try:
            int("x")
        except ValueError:
            traceback.print_exc()
        sys.exit(3)
        """,
    )
    assert sandbox.reason(CREATE, training_request()).startswith("AlgorithmError: , exit code: 3\n")


def test_read_only_channel(sandbox: Sandbox, training_request: Make) -> None:
    """A channel in the mode FastFile is read-only, as on SageMaker; a channel in the mode File is not."""
    sandbox.put(
        "scripts/train.py",
        """
        import os
        for channel in ("training", "code"):
            try:
                open(f"/opt/ml/input/data/{channel}/new", "w").close()
                os.remove(f"/opt/ml/input/data/{channel}/new")
                print(channel, "is writable")
            except OSError as error:
                print(channel, error.strerror)
        """,
    )
    request = training_request()
    request["InputDataConfig"][1]["InputMode"] = "File"
    sandbox.run(CREATE, request)
    assert sandbox.lines == ["training Read-only file system", "code is writable"]


def test_channel_twice(sandbox: Sandbox, training_request: Make) -> None:
    """Two channels with the same name are rejected."""
    request = training_request()
    request["InputDataConfig"][1]["ChannelName"] = "training"
    failure = sandbox.fail(CREATE, request)
    assert failure.error == "SageMaker.AmazonSageMakerException"
    assert "more than one channel with the name training" in failure.cause


def test_instance_groups(sandbox: Sandbox, training_request: Make) -> None:
    """The names of InstanceGroups are in resourceconfig.json."""
    sandbox.put("scripts/train.py", "print(open('/opt/ml/input/config/resourceconfig.json').read())")
    group = {"InstanceGroupName": "workers", "InstanceType": "ml.c5.xlarge", "InstanceCount": 1}
    sandbox.run(CREATE, training_request(ResourceConfig={"InstanceGroups": [group], "VolumeSizeInGB": 50}))
    resources = json.loads(sandbox.lines[0])
    assert (resources["current_group_name"], resources["current_instance_type"]) == ("workers", "ml.c5.xlarge")
    assert resources["instance_groups"] == [
        {"instance_group_name": "workers", "instance_type": "ml.c5.xlarge", "hosts": ["algo-1"]}
    ]


def test_checkpoints(sandbox: Sandbox, training_request: Make) -> None:
    """Checkpoints of an earlier job are downloaded; new ones are uploaded, also if the job fails."""
    sandbox.put("checkpoints/epoch-1", "1")
    sandbox.put("checkpoints-of-others/epoch-9", "9")
    sandbox.put(
        "scripts/train.py",
        """
        import os
        print(sorted(os.listdir("/opt/ml/checkpoints")))
        os.makedirs("/opt/ml/checkpoints/deep")
        open("/opt/ml/checkpoints/deep/epoch-2", "w").write("2")
        raise ValueError("out of data")
        """,
    )
    request = training_request(CheckpointConfig={"S3Uri": "s3://bucket/checkpoints"})
    assert sandbox.reason(CREATE, request).startswith("AlgorithmError: ValueError: out of data")
    assert sandbox.lines[0] == "['epoch-1']"
    assert sandbox.keys("checkpoints/") == ["checkpoints/deep/epoch-2", "checkpoints/epoch-1"]
    assert sandbox.get("checkpoints/deep/epoch-2") == b"2"


def test_checkpoints_of_a_stopped_job(sandbox: Sandbox, training_request: Make) -> None:
    """Checkpoints are uploaded while the job runs, and what it writes when it is stopped."""
    sandbox.put(
        "scripts/train.py",
        """
        import signal, sys, time
        def stop(*_):
            open("/opt/ml/my/last", "w").close()
            sys.exit(1)
        signal.signal(signal.SIGTERM, stop)
        open("/opt/ml/my/first", "w").close()
        time.sleep(60)
        """,
    )
    config = {"S3Uri": "s3://bucket/checkpoints/", "LocalPath": "/opt/ml/my"}
    sandbox.sagemaker.answer("createTrainingJob", training_request(CheckpointConfig=config))
    while not sandbox.keys("checkpoints/"):
        time.sleep(0.05)
    sandbox.sagemaker.stop()
    assert sandbox.keys("checkpoints/") == ["checkpoints/first", "checkpoints/last"]


def test_tensorboard(sandbox: Sandbox, training_request: Make) -> None:
    """TensorBoard's output is uploaded to the job's own folder."""
    sandbox.put("scripts/train.py", "open('/opt/ml/output/tensorboard/events', 'w').write('x')")
    sandbox.run(CREATE, training_request(TensorBoardOutputConfig={"S3OutputPath": "s3://bucket/board"}))
    assert sandbox.get("board/mlops-demo-1/tensorboard-output/events") == b"x"


@pytest.mark.parametrize("path", ["/var/checkpoints", "/opt/ml/../x", "/opt/mlx"])
def test_checkpoints_elsewhere(sandbox: Sandbox, training_request: Make, path: str) -> None:
    """A folder outside /opt/ml cannot be uploaded from and is rejected."""
    request = training_request(CheckpointConfig={"S3Uri": "s3://bucket/checkpoints", "LocalPath": path})
    assert f"LocalPath is '{path}'" in sandbox.fail(CREATE, request).cause


def test_metrics(sandbox: Sandbox, training_request: Make) -> None:
    """FinalMetricDataList has the last value of each metric that the log has."""
    sandbox.put("scripts/train.py", "print('auc=0.5 loss=x auc=0.7'); print('auc=1e-1; loss=nan')")
    request = training_request()
    request["AlgorithmSpecification"]["MetricDefinitions"] = [
        {"Name": "auc", "Regex": "auc=([0-9e.-]+)"},
        {"Name": "loss", "Regex": "loss=(.*)"},
        {"Name": "other", "Regex": "other=(.*)"},
    ]
    (metric,) = sandbox.run(CREATE, request)["FinalMetricDataList"]
    assert (metric["MetricName"], metric["Value"]) == ("auc", 0.1)
    assert metric["Timestamp"] > 0


def test_invalid_metric(sandbox: Sandbox, training_request: Make) -> None:
    """A metric whose regular expression is invalid is rejected by name."""
    request = training_request()
    request["AlgorithmSpecification"]["MetricDefinitions"] = [{"Name": "auc", "Regex": "auc=("}]
    assert "'auc=(' of auc" in sandbox.fail(CREATE, request).cause


def test_output(sandbox: Sandbox, training_request: Make) -> None:
    """/opt/ml/output/data is uploaded as output.tar.gz, next to the model."""
    sandbox.put("scripts/train.py", "open('/opt/ml/output/data/plot.svg', 'w').write('plot')")
    sandbox.run(CREATE, training_request())
    assert sandbox.unpacked("model/mlops-demo-1/output/output.tar.gz") == {"plot.svg": b"plot"}
    assert sandbox.keys("model/") == ["model/mlops-demo-1/output/output.tar.gz"]


def test_uncompressed(sandbox: Sandbox, training_request: Make) -> None:
    """With the compression type NONE, the model's files are uploaded individually."""
    sandbox.put("scripts/train.py", "open('/opt/ml/model/model.txt', 'w').write('model')")
    output = {"S3OutputPath": "s3://bucket/model", "CompressionType": "NONE"}
    result = sandbox.run(CREATE, training_request(OutputDataConfig=output))
    assert sandbox.get("model/mlops-demo-1/output/model/model.txt") == b"model"
    assert result["ModelArtifacts"]["S3ModelArtifacts"] == "s3://bucket/model/mlops-demo-1/output/model/"


def test_failing_script(sandbox: Sandbox, training_request: Make) -> None:
    """A failing script causes SageMaker's FailureReason, with the end of its log, and no model."""
    sandbox.put("scripts/train.py", "open('/opt/ml/model/half', 'w'); raise ValueError('no column named age')")
    failure = sandbox.fail(CREATE, training_request())
    described = json.loads(failure.cause)
    assert (failure.error, described["TrainingJobStatus"]) == ("States.TaskFailed", "Failed")
    assert described["SecondaryStatus"] == "Failed"
    assert described["FailureReason"].startswith("AlgorithmError: ValueError: no column named age, exit code: 1\n")
    assert described["FailureReason"].endswith("ValueError: no column named age")
    assert "ModelArtifacts" not in described
    assert sandbox.keys("model/") == []


def test_failure_file(sandbox: Sandbox, training_request: Make) -> None:
    """The content of /opt/ml/output/failure is in the reason."""
    sandbox.put("scripts/train.py", "open('/opt/ml/output/failure', 'w').write('too few rows'); raise SystemExit(7)")
    assert sandbox.reason(CREATE, training_request()).startswith("AlgorithmError: too few rows, exit code: 7\n")


def test_long_failure_file(sandbox: Sandbox, training_request: Make) -> None:
    """The reason has the start of a long failure file, within SageMaker's 1,024 characters."""
    sandbox.put("scripts/train.py", "open('/opt/ml/output/failure', 'w').write('x' * 5000); raise SystemExit(7)")
    assert sandbox.reason(CREATE, training_request()).startswith("AlgorithmError: " + "x" * 1000)


def test_killed_by_signal(sandbox: Sandbox, training_request: Make) -> None:
    """A script that a signal killed has the same exit code as in Docker."""
    sandbox.put("scripts/train.py", "import os; print('so far'); os.kill(os.getpid(), 9)")
    reason = sandbox.reason(CREATE, training_request())
    assert reason.startswith("AlgorithmError: , exit code: 137\n")
    assert reason.endswith("so far")


def test_timeout(sandbox: Sandbox, training_request: Make) -> None:
    """A job that times out fails its task; the model it has saved is uploaded, as on SageMaker."""
    sandbox.put(
        "scripts/train.py",
        "import time; open('/opt/ml/model/epoch-1', 'w').write('1'); print('saved'); time.sleep(60)",
    )
    failure = sandbox.fail(CREATE, training_request(StoppingCondition={"MaxRuntimeInSeconds": 1}))
    described = json.loads(failure.cause)
    assert (failure.error, described["TrainingJobStatus"]) == ("States.TaskFailed", "Stopped")
    assert described["SecondaryStatus"] == "MaxRuntimeExceeded"
    assert described["ModelArtifacts"]["S3ModelArtifacts"].endswith("/mlops-demo-1/output/model.tar.gz")
    assert sandbox.unpacked("model/mlops-demo-1/output/model.tar.gz") == {"epoch-1": b"1"}


def test_no_entry_point(sandbox: Sandbox, training_request: Make) -> None:
    """A request with neither an entry point nor a program is rejected, because the image does not run here."""
    request = training_request()
    request["AlgorithmSpecification"].pop("ContainerEntrypoint")
    failure = sandbox.fail(CREATE, request)
    assert failure.error == "Local.NotSupported"
    assert "HyperParameters.sagemaker_program" in failure.cause


def test_missing_channel_data(sandbox: Sandbox, training_request: Make) -> None:
    """A channel without data is rejected with SageMaker's message, and the name stays free."""
    sandbox.s3.delete_object(Bucket="bucket", Key="data/train.csv")
    failure = sandbox.fail(CREATE, training_request())
    assert failure.error == "SageMaker.AmazonSageMakerException"
    assert failure.cause.startswith('No S3 objects found under S3 URL "s3://bucket/data" given in input data source.')
    sandbox.put("data/train.csv", "1")
    sandbox.run(CREATE, training_request())


@pytest.mark.parametrize(
    ("mode", "data_type", "key"),
    [
        ("Pipe", "S3Prefix", "InputDataConfig[0].InputMode"),
        ("File", "AugmentedManifestFile", "InputDataConfig[0].DataSource.S3DataSource.S3DataType"),
    ],
)
def test_not_supported(sandbox: Sandbox, training_request: Make, mode: str, data_type: str, key: str) -> None:
    """Pipe mode and augmented manifests are rejected by name."""
    request = training_request()
    request["InputDataConfig"][0]["InputMode"] = mode
    request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3DataType"] = data_type
    failure = sandbox.fail(CREATE, request)
    assert failure.error == "Local.NotSupported"
    assert failure.cause.startswith(f"{key} is ")


def test_name_is_taken(sandbox: Sandbox, training_request: Make, processing_request: Make) -> None:
    """A training job may have the name of a processing job, but not of another training job."""
    sandbox.put("scripts/job.py", "")
    sandbox.run("createProcessingJob", processing_request())
    sandbox.run(CREATE, training_request())
    failure = sandbox.fail(CREATE, training_request())
    assert failure.error == "SageMaker.ResourceInUseException"
    assert failure.cause.startswith("Training job names must be unique within an AWS account and region")
