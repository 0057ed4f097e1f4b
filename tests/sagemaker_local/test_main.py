"""``python -m sagemaker_local``, used through boto3."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, WaiterError

from sagemaker_local import service
from tests.sagemaker_local.s3_server import s3_server
from tests.sagemaker_local.sandbox import SHOUT, Sandbox, needs_namespaces

PROJECT = Path(service.__file__).parents[1]
Make = Callable[..., dict[str, Any]]
FAST = {"Delay": 1, "MaxAttempts": 60}


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    """The URL of an S3 server."""
    with s3_server() as url:
        yield url


@dataclass
class Running:
    """A running server and the variables that it printed."""

    process: subprocess.Popen[str]
    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    def client(self, name: str) -> Any:
        """Creates a client from the printed variables."""
        session = boto3.Session(
            self.variables["AWS_ACCESS_KEY_ID"],
            self.variables["AWS_SECRET_ACCESS_KEY"],
            region_name=self.variables["AWS_DEFAULT_REGION"],
        )
        url = self.variables[f"AWS_ENDPOINT_URL_{name.upper().replace('-', '_')}"]
        config = Config(retries={"total_max_attempts": 1})
        return session.client(name, endpoint_url=url, config=config)  # type: ignore[call-overload] # any service


@contextmanager
def started(s3_url: str, folder: Path, *options: str, **given: str) -> Iterator[Running]:
    """Runs the server as a process, on any free port, with these options and variables."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | given
    command = [
        sys.executable,
        "-m",
        "sagemaker_local",
        "--port",
        "0",
        "--s3",
        s3_url,
        "--folder",
        str(folder),
        *options,
    ]
    with subprocess.Popen(
        command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            running = Running(process, folder, dict(given))
            while "AWS_DEFAULT_REGION" not in running.variables:
                line = process.stdout.readline()
                printed = re.fullmatch(r"export (\w+)=(.*)\n", line)
                assert printed, line
                running.variables[printed[1]] = printed[2]
            yield running
        finally:
            process.kill()


@pytest.fixture(scope="module")
def running(s3_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A running server."""
    with started(s3_url, tmp_path_factory.mktemp("alone")) as process:
        yield process


@pytest.fixture
def s3(running: Running) -> Iterator[Any]:
    """A client of its S3, with an empty bucket called ``bucket``."""
    client = running.client("s3")
    client.create_bucket(Bucket="bucket")
    yield client
    for item in client.list_objects_v2(Bucket="bucket").get("Contents", []):
        client.delete_object(Bucket="bucket", Key=item["Key"])
    client.delete_bucket(Bucket="bucket")


@pytest.fixture
def files(s3: Any, tmp_path: Path) -> Sandbox:
    """Puts and gets the bucket's objects; its own SageMaker is not used."""
    return Sandbox(s3, tmp_path)


@pytest.fixture
def sagemaker(running: Running) -> Any:
    """A SageMaker client of the server."""
    return running.client("sagemaker")


def until(condition: Callable[[], Any]) -> None:
    """Waits until a condition is true."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@needs_namespaces
@pytest.mark.parametrize("options", [(), ("--credentials-for-jobs",)])
def test_credentials(
    files: Sandbox, s3_url: str, tmp_path: Path, processing_request: Make, options: tuple[str]
) -> None:
    """A job gets the credentials of the user only if the user allows it."""
    files.put("scripts/job.py", "import os; open('/opt/ml/processing/train/x', 'w').write(str(dict(os.environ)))")
    files.put("data/raw.csv", "x")
    given = {"AWS_ACCESS_KEY_ID": "USERSKEY", "AWS_SECRET_ACCESS_KEY": "users-secret"}
    with started(s3_url, tmp_path / "server", *options, **given) as running:
        client = running.client("sagemaker")
        client.create_processing_job(**processing_request())
        waiter = client.get_waiter("processing_job_completed_or_stopped")
        waiter.wait(ProcessingJobName="mlops-demo-1", WaiterConfig=FAST)
    seen = files.get("out/train/x").decode()
    assert ("USERSKEY" in seen, "users-secret" in seen) == (bool(options), bool(options))


@needs_namespaces
def test_training(files: Sandbox, sagemaker: Any, training_request: Make) -> None:
    """A training job completes, is described, and uploads its model; its name is then taken."""
    files.put("scripts/train.py", "open('/opt/ml/model/weights', 'w').write('42')")
    files.put("data/train.csv", "1,2")
    request = training_request()
    arn = sagemaker.create_training_job(**request)["TrainingJobArn"]
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName="mlops-demo-1", WaiterConfig=FAST)
    described = sagemaker.describe_training_job(TrainingJobName="mlops-demo-1")
    assert described["TrainingJobArn"] == arn
    assert (described["TrainingJobStatus"], described["SecondaryStatus"]) == ("Completed", "Completed")
    assert described["CreationTime"] <= described["TrainingStartTime"] <= described["TrainingEndTime"]
    assert described["SecondaryStatusTransitions"][0]["StartTime"] == described["CreationTime"]
    key = described["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://bucket/")
    assert files.unpacked(key) == {"weights": b"42"}
    with pytest.raises(ClientError, match="already exists") as error:
        sagemaker.create_training_job(**request)
    assert error.value.response["Error"]["Code"] == "ResourceInUse"


@needs_namespaces
def test_processing(files: Sandbox, sagemaker: Any, processing_request: Make) -> None:
    """A processing job completes and uploads its output."""
    files.put(
        "scripts/job.py",
        """
        text = open("/opt/ml/processing/input/raw.csv").read()
        open("/opt/ml/processing/train/train.csv", "w").write(text.upper())
        """,
    )
    files.put("data/raw.csv", "a,b")
    sagemaker.create_processing_job(**processing_request(ProcessingJobName="processed"))
    waiter = sagemaker.get_waiter("processing_job_completed_or_stopped")
    waiter.wait(ProcessingJobName="processed", WaiterConfig=FAST)
    assert files.get("out/train/train.csv") == b"A,B"


@needs_namespaces
def test_transform(files: Sandbox, sagemaker: Any, transform_request: Make, model_request: Make) -> None:
    """A transform job of a model created through the same API completes and is listed."""
    files.archive("model.tar.gz", mark_txt="!")
    files.archive("source.tar.gz", inference_py=SHOUT)
    files.put("in/rows.csv", "a\nb\n")
    sagemaker.create_model(**model_request())
    sagemaker.create_transform_job(**transform_request())
    waiter = sagemaker.get_waiter("transform_job_completed_or_stopped")
    waiter.wait(TransformJobName="batch-1", WaiterConfig=FAST)
    assert files.get("predictions/rows.csv.out") == b"A!\nB!\n"
    (listed,) = sagemaker.list_transform_jobs()["TransformJobSummaries"]
    assert (listed["TransformJobName"], listed["TransformJobStatus"]) == ("batch-1", "Completed")


def test_failure(files: Sandbox, sagemaker: Any, processing_request: Make) -> None:
    """A job whose command fails is described as Failed, with the reason and the end of its log; the waiter raises."""
    files.put("scripts/job.py", "")
    files.put("data/raw.csv", "")
    request = processing_request(ProcessingJobName="broken")
    request["AppSpecification"]["ContainerEntrypoint"] = ["sh", "-c", "echo no such column; exit 3"]
    sagemaker.create_processing_job(**request)
    waiter = sagemaker.get_waiter("processing_job_completed_or_stopped")
    with pytest.raises(WaiterError):
        waiter.wait(ProcessingJobName="broken", WaiterConfig=FAST)
    described = sagemaker.describe_processing_job(ProcessingJobName="broken")
    assert described["ProcessingJobStatus"] == "Failed"
    assert described["FailureReason"].startswith("AlgorithmError: , exit code: 3")
    assert "no such column" in described["FailureReason"]
    listed = sagemaker.list_processing_jobs(StatusEquals="Failed")["ProcessingJobSummaries"]
    assert [summary["FailureReason"] for summary in listed] == [described["FailureReason"]]


def sleeper(training_request: Make, name: str) -> dict[str, Any]:
    """Returns a request for a training job that runs until it is stopped."""
    request = training_request(TrainingJobName=name)
    request["AlgorithmSpecification"]["ContainerEntrypoint"] = ["sleep", "600"]
    return request


def test_stop_and_list(files: Sandbox, sagemaker: Any, training_request: Make) -> None:
    """Running jobs are listed by name and status, in pages, and can be stopped once."""
    files.put("scripts/train.py", "")
    files.put("data/train.csv", "")
    for number in range(3):
        sagemaker.create_training_job(**sleeper(training_request, f"sleeper-{number}"))

    def names(**request: Any) -> list[str]:
        pages = sagemaker.get_paginator("list_training_jobs").paginate(
            SortBy="CreationTime", SortOrder="Ascending", PaginationConfig={"PageSize": 2}, **request
        )
        return [summary["TrainingJobName"] for page in pages for summary in page["TrainingJobSummaries"]]

    assert names(StatusEquals="InProgress") == ["sleeper-0", "sleeper-1", "sleeper-2"]
    assert names(NameContains="EEPER-1") == ["sleeper-1"]
    name = {"TrainingJobName": "sleeper-1"}
    until(lambda: sagemaker.describe_training_job(**name)["SecondaryStatus"] == "Training")
    assert "TrainingEndTime" not in sagemaker.describe_training_job(**name)
    for number in range(3):
        sagemaker.stop_training_job(TrainingJobName=f"sleeper-{number}")
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(**name, WaiterConfig=FAST)
    assert sagemaker.describe_training_job(**name)["TrainingJobStatus"] == "Stopped"
    until(lambda: names(StatusEquals="Stopped") == ["sleeper-0", "sleeper-1", "sleeper-2"])
    with pytest.raises(ClientError, match="the training job is in status Stopped"):
        sagemaker.stop_training_job(**name)


@pytest.mark.parametrize("kind", ["training", "processing", "transform"])
def test_unknown_job(sagemaker: Any, kind: str) -> None:
    """A job that does not exist cannot be described or stopped."""
    name = {f"{kind.capitalize()}JobName": "nobody"}
    for action in ("describe", "stop"):
        with pytest.raises(ClientError, match="Requested resource not found") as error:
            getattr(sagemaker, f"{action}_{kind}_job")(**name)
        assert error.value.response["Error"]["Code"] == "ValidationException"


def test_rejected_request(files: Sandbox, sagemaker: Any, training_request: Make) -> None:
    """A request whose data does not exist is rejected and creates no job."""
    files.put("scripts/train.py", "")
    with pytest.raises(ClientError, match="No S3 objects found"):
        sagemaker.create_training_job(**training_request(TrainingJobName="no-data"))
    assert sagemaker.list_training_jobs(NameContains="no-data")["TrainingJobSummaries"] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_shutdown(s3_url: str, tmp_path: Path, training_request: Make, number: signal.Signals) -> None:
    """Ctrl-C or SIGTERM stops the server and its running jobs."""
    with started(s3_url, tmp_path / "alone") as running:
        s3 = running.client("s3")
        s3.create_bucket(Bucket="bucket")
        for key in ("scripts/train.py", "data/train.csv"):
            s3.put_object(Bucket="bucket", Key=key, Body=b"")
        request = sleeper(training_request, "sleeper")
        seconds = f"60{os.getpid()}"
        request["AlgorithmSpecification"]["ContainerEntrypoint"] = ["sleep", seconds]
        running.client("sagemaker").create_training_job(**request)
        until(lambda: sleeping(seconds))
        running.process.send_signal(number)
        assert running.process.wait(30) == 0
        assert not sleeping(seconds)


def sleeping(seconds: str) -> bool:
    """Whether a process with this number of seconds to sleep is running."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            found.append((process / "cmdline").read_bytes())
    return f"sleep\0{seconds}\0".encode() in found


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the package until it exits."""
    command = [sys.executable, "-m", "sagemaker_local", *arguments]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False)


def test_help() -> None:
    """The help names the options."""
    done = run("--help")
    assert done.returncode == 0
    assert all(option in done.stdout for option in ("--port", "--s3", "--folder"))


def test_port_in_use(s3_url: str) -> None:
    """A port that is in use is reported in one line."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run("--s3", s3_url, "--port", port)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert f"--port {port}: " in done.stderr
    assert "in use" in done.stderr


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "minio"])
def test_s3_does_not_respond(url: str) -> None:
    """An S3 that does not respond is reported in one line."""
    done = run("--s3", url, "--port", "0")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert f"--s3 {url} does not respond as S3: " in done.stderr


def test_folder_is_a_file(s3_url: str, tmp_path: Path) -> None:
    """A folder that cannot be created is reported in one line."""
    (tmp_path / "file").touch()
    done = run("--s3", s3_url, "--port", "0", "--folder", str(tmp_path / "file"))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert f"--folder {tmp_path / 'file'}: " in done.stderr
