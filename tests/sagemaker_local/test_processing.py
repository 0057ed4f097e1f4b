"""Processing jobs, from SageMaker's request to Step Functions' result."""

import json
import threading
import time
from collections.abc import Callable
from typing import Any

from tests.sagemaker_local.conftest import s3_input
from tests.sagemaker_local.sandbox import Sandbox, needs_namespaces

Make = Callable[..., dict[str, Any]]
CREATE = "createProcessingJob"
SCRIPT = """
    import csv
    rows = list(csv.reader(open("/opt/ml/processing/input/raw.csv")))
    with open("/opt/ml/processing/train/train.csv", "w") as out:
        csv.writer(out).writerows(rows[1:])
    print("rows:", len(rows))
"""

pytestmark = needs_namespaces


def test_job(sandbox: Sandbox, processing_request: Make) -> None:
    """A script finds its inputs, its outputs are uploaded, and Describe's output is returned."""
    sandbox.put("scripts/job.py", SCRIPT)
    sandbox.put("data/raw.csv", "a,b\n1,2\n3,4\n")
    before = time.time() * 1000
    request = processing_request(Tags=[{"Key": "APP_ID", "Value": "aiops"}])
    result = sandbox.run(CREATE, request)
    assert sandbox.get("out/train/train.csv").split() == [b"1,2", b"3,4"]
    assert sandbox.lines == ["rows: 3"]
    assert result["ProcessingJobStatus"] == "Completed"
    assert result["ProcessingJobArn"] == "arn:aws:sagemaker:eu-west-1:123456789012:processing-job/mlops-demo-1"
    assert before - 1 <= result["CreationTime"] <= result["ProcessingStartTime"] <= result["ProcessingEndTime"]
    assert {key: result[key] for key in request if key != "Tags"} == {k: v for k, v in request.items() if k != "Tags"}
    assert "Tags" not in result
    json.dumps(result)


def test_configuration(sandbox: Sandbox, processing_request: Make) -> None:
    """The container has SageMaker's two configuration files and its outputs' folders."""
    sandbox.put(
        "scripts/job.py",
        """
        import json, os
        read = lambda name: json.load(open(f"/opt/ml/config/{name}.json"))
        print(json.dumps([read("processingjobconfig"), read("resourceconfig"), os.listdir("/opt/ml/processing/train")]))
        """,
    )
    sandbox.put("data/raw.csv", "x")
    request = processing_request(Environment={"KEY": "VALUE"})
    result = sandbox.run(CREATE, request)
    configuration, resources, train = json.loads(sandbox.lines[0])
    assert configuration == request | {"ProcessingJobArn": result["ProcessingJobArn"]}
    assert (resources["current_host"], resources["hosts"]) == ("algo-1", ["algo-1"])
    assert resources["current_instance_type"] == "ml.m5.xlarge"
    assert train == []


def test_arguments_and_environment(sandbox: Sandbox, processing_request: Make) -> None:
    """ContainerArguments follow the entry point; the request's Environment and the region are set."""
    sandbox.put("scripts/job.py", "import os, sys; print(sys.argv[1:], os.environ['KEY'], os.environ['AWS_REGION'])")
    sandbox.put("data/raw.csv", "x")
    specification = processing_request()["AppSpecification"] | {"ContainerArguments": ["--ratio", "0.2"]}
    sandbox.run(CREATE, processing_request(AppSpecification=specification, Environment={"KEY": "VALUE"}))
    assert sandbox.lines == ["['--ratio', '0.2'] VALUE eu-west-1"]


def test_failing_script(sandbox: Sandbox, processing_request: Make) -> None:
    """A failing script causes SageMaker's FailureReason, with the paths of its log and files and its last lines."""
    sandbox.put(
        "scripts/job.py", "open('/opt/ml/processing/train/half.csv', 'w'); raise ValueError('no column named age')"
    )
    sandbox.put("data/raw.csv", "x")
    reason = sandbox.reason(CREATE, processing_request())
    assert reason.startswith("AlgorithmError: ValueError: no column named age, exit code: 1\n")
    assert reason.endswith("ValueError: no column named age")
    assert (sandbox.folder / "jobs/ProcessingJobs/mlops-demo-1/ml/processing/train/half.csv").exists()
    assert f"Files: {sandbox.folder}/jobs/ProcessingJobs/mlops-demo-1\n" in reason
    assert f"Log: {sandbox.folder}/logs/ProcessingJobs/mlops-demo-1.log\n" in reason
    assert sandbox.keys("out") == []
    assert sandbox.last_job.status == "Failed"


def test_long_log(sandbox: Sandbox, processing_request: Make) -> None:
    """The reason has the end of a long log, within SageMaker's 1,024 characters."""
    sandbox.put("scripts/job.py", "for n in range(1000): print('line', n)\nraise SystemExit(2)")
    sandbox.put("data/raw.csv", "x")
    reason = sandbox.reason(CREATE, processing_request())
    assert reason.startswith("AlgorithmError: , exit code: 2\n")
    assert reason.endswith("line 998\nline 999")


def test_exit_message(sandbox: Sandbox, processing_request: Make) -> None:
    """The content of /opt/ml/output/message is the ExitMessage, whether the script completes or fails."""
    sandbox.put("data/raw.csv", "x")
    for name, code in (("good", 0), ("bad", 4)):
        sandbox.put(
            "scripts/job.py", f"open('/opt/ml/output/message', 'w').write('{name} day'); raise SystemExit({code})"
        )
        if code:
            described = json.loads(sandbox.fail(CREATE, processing_request(ProcessingJobName=name)).cause)
            assert described["FailureReason"].startswith("AlgorithmError: bad day, exit code: 4")
            assert described["ProcessingJobStatus"] == "Failed"
        else:
            described = sandbox.run(CREATE, processing_request(ProcessingJobName=name))
        assert described["ExitMessage"] == f"{name} day"


def test_missing_input(sandbox: Sandbox, processing_request: Make) -> None:
    """A missing input fails the job before its process starts, and is named."""
    sandbox.put("scripts/job.py", SCRIPT)
    reason = sandbox.reason(CREATE, processing_request())
    assert reason.startswith(
        'ClientError: No S3 objects found under S3 URL "s3://bucket/data" given in input data source.'
    )
    assert sandbox.sagemaker.finished_jobs == []


def test_app_managed(sandbox: Sandbox, processing_request: Make) -> None:
    """Inputs and outputs that the application manages itself are not transferred."""
    sandbox.put("scripts/job.py", "import os; print(os.listdir('/opt/ml/processing'))")
    request = processing_request()
    request["ProcessingInputs"][1] |= {"AppManaged": True}
    request["ProcessingOutputConfig"]["Outputs"][0] |= {"AppManaged": True}
    sandbox.run(CREATE, request)
    assert sandbox.lines == ["['code']"]


def test_timeout(sandbox: Sandbox, processing_request: Make) -> None:
    """A job that exceeds MaxRuntimeInSeconds is stopped, and its task fails with the reason."""
    sandbox.put("scripts/job.py", "import time; time.sleep(60)")
    sandbox.put("data/raw.csv", "x")
    failure = sandbox.fail(CREATE, processing_request(StoppingCondition={"MaxRuntimeInSeconds": 1}))
    described = json.loads(failure.cause)
    assert (failure.error, described["ProcessingJobStatus"]) == ("States.TaskFailed", "Stopped")
    assert described["FailureReason"].startswith("MaxRuntimeExceeded")
    assert 0.5 < sandbox.last_job.seconds < 5  # on a busy machine, part of the limit passes before it starts


def test_continuous_output(sandbox: Sandbox, processing_request: Make) -> None:
    """An output in the mode Continuous is uploaded while the job runs, and also if it fails; others are not."""
    sandbox.put(
        "scripts/job.py",
        """
        import sys, time
        open("/opt/ml/processing/log/first", "w").write("first")
        time.sleep(2.5)
        open("/opt/ml/processing/log/first", "w").write("more of the first")
        open("/opt/ml/processing/train/half", "w").close()
        sys.exit(1)
        """,
    )
    sandbox.put("data/raw.csv", "x")
    request = processing_request()
    output = {"S3Uri": "s3://bucket/log", "LocalPath": "/opt/ml/processing/log", "S3UploadMode": "Continuous"}
    request["ProcessingOutputConfig"]["Outputs"].append({"OutputName": "log", "S3Output": output})
    job = threading.Thread(target=sandbox.reason, args=[CREATE, request])
    job.start()
    while not sandbox.keys("log/"):
        assert job.is_alive()
        time.sleep(0.05)
    assert sandbox.get("log/first") == b"first"
    job.join()
    assert sandbox.get("log/first") == b"more of the first"
    assert sandbox.keys("out") == []


def test_output_where_an_input_has_a_file(sandbox: Sandbox, processing_request: Make) -> None:
    """An output's folder that an input has as a file fails the job with both named."""
    sandbox.put("scripts/job.py", "")
    sandbox.put("data/raw.csv", "x")
    request = processing_request()
    request["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["LocalPath"] = "/opt/ml/processing/input/raw.csv"
    reason = sandbox.reason(CREATE, request)
    assert reason.startswith("ClientError: /opt/ml/processing/input/raw.csv cannot be the folder of an output")


def test_inputs_in_one_another(sandbox: Sandbox, processing_request: Make) -> None:
    """An input's folder that another input has as a file fails the job with the object named."""
    sandbox.put("scripts/job.py", "")
    sandbox.put("data/raw.csv", "x")
    request = processing_request()
    request["ProcessingInputs"].append(
        s3_input("more", "s3://bucket/data", LocalPath="/opt/ml/processing/input/raw.csv")
    )
    reason = sandbox.reason(CREATE, request)
    assert reason.startswith("ClientError: s3://bucket/data/raw.csv: ")
    assert "needs a file where this one needs a folder" in reason


def test_pipe(sandbox: Sandbox, processing_request: Make) -> None:
    """An input in the mode Pipe is rejected; the message names the mode that a processing job has besides."""
    request = processing_request()
    request["ProcessingInputs"][1]["S3Input"]["S3InputMode"] = "Pipe"
    failure = sandbox.fail(CREATE, request)
    assert failure.cause.endswith("is 'Pipe', which is not supported on this machine: use File")


def test_several_instances(sandbox: Sandbox, processing_request: Make) -> None:
    """A request for several instances runs on this machine only, with a line in the log."""
    sandbox.put("scripts/job.py", "import json; print(json.load(open('/opt/ml/config/resourceconfig.json'))['hosts'])")
    sandbox.put("data/raw.csv", "x")
    cluster = {"InstanceType": "ml.m5.xlarge", "InstanceCount": 2, "VolumeSizeInGB": 1}
    sandbox.run(CREATE, processing_request(ProcessingResources={"ClusterConfig": cluster}))
    assert sandbox.lines == ["InstanceCount is 2; the job runs on this machine only", "['algo-1']"]
