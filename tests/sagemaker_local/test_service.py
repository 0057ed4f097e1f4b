"""The local SageMaker as a whole, tested with processing jobs."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3

from sagemaker_local import service
from sagemaker_local.errors import JobStopped
from tests.sagemaker_local.sandbox import IMAGE, Sandbox, needs_namespaces

PROJECT = Path(service.__file__).parents[1]
Make = Callable[..., dict[str, Any]]
CREATE = "createProcessingJob"

# Runs in a separate process, because audit hooks cannot be removed.
_BLOCKED = """
import sys, threading
from pathlib import Path
import boto3
from sagemaker_local.service import SageMaker

created = threading.Event()
started = {"loading SageMaker's service model": threading.Event(), "probing for namespaces": threading.Event()}

def block(event, arguments):
    if event == "subprocess.Popen":
        started["probing for namespaces"].set()
    elif event == "open" and "/sagemaker/" in str(arguments[0]) and "service-2" in str(arguments[0]):
        started["loading SageMaker's service model"].set()
    else:
        return
    assert created.wait(30), "the constructor waits for it"

s3 = boto3.client("s3", endpoint_url="http://127.0.0.1:1", region_name="eu-west-1")
sys.addaudithook(block)
SageMaker(s3=s3, folder=Path(sys.argv[1]), key="key", job_key="job", region="r", account="1", log=print)
created.set()
for name, event in started.items():
    assert event.wait(30), name
"""

pytestmark = needs_namespaces


def test_finished_job(sandbox: Sandbox, processing_request: Make) -> None:
    """A finished job has its resource usage and log; its files have been removed."""
    sandbox.put("scripts/job.py", "import time; print('hello'); time.sleep(0.2)")
    sandbox.put("data/raw.csv", "x")
    began = time.monotonic()
    sandbox.run(CREATE, processing_request())
    elapsed = time.monotonic() - began
    job = sandbox.last_job
    assert (job.name, job.action, job.status) == ("mlops-demo-1", CREATE, "Completed")
    assert 0.2 < job.seconds < elapsed
    assert 1 << 20 < job.memory_bytes < 100 << 20
    assert job.log_file.read_text() == "hello\n"
    sandbox.assert_removed("ProcessingJobs/mlops-demo-1")
    assert not [path for path in (sandbox.folder / "jobs").rglob("*") if path.is_file()]


def test_stop(sandbox: Sandbox, processing_request: Make) -> None:
    """Stopping ends running jobs as Stopped; a new job can run afterwards."""
    sandbox.put("scripts/job.py", "import time; print('running'); time.sleep(60); print('at the end')")
    sandbox.put("data/raw.csv", "x")
    raised: list[BaseException] = []

    def run() -> None:
        try:
            sandbox.run(CREATE, processing_request())
        except JobStopped as stopped:
            raised.append(stopped)

    thread = threading.Thread(target=run)
    thread.start()
    while "running" not in sandbox.lines:
        time.sleep(0.01)
    sandbox.sagemaker.stop()
    thread.join()
    assert sandbox.lines == ["running"]
    assert json.loads(raised[0].cause)["ProcessingJobStatus"] == "Stopped"  # type: ignore[attr-defined] # a JobStopped
    sandbox.put("scripts/job.py", "print('next')")
    assert sandbox.run(CREATE, processing_request(ProcessingJobName="next"))["ProcessingJobStatus"] == "Completed"


def test_without_namespaces(prefix_sandbox: Sandbox, processing_request: Make) -> None:
    """Without namespaces, a script that uses SAGEMAKER_BASE_DIR runs, and the log has the path of /opt/ml."""
    prefix_sandbox.put(
        "scripts/job.py",
        """
        import os, pathlib
        base = pathlib.Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
        text = (base / "processing/input/raw.csv").read_text()
        (base / "processing/train/train.csv").write_text(text)
        """,
    )
    prefix_sandbox.put("data/raw.csv", "1,2")
    prefix_sandbox.run(CREATE, processing_request())
    assert prefix_sandbox.get("out/train/train.csv") == b"1,2"
    assert "replaces /opt/ml" in prefix_sandbox.lines[0]


def test_uploaded_data(sandbox: Sandbox, processing_request: Make, tmp_path: Path) -> None:
    """A file that the caller has uploaded can be an input."""
    (tmp_path / "raw.csv").write_text("1,2")
    sandbox.sagemaker.upload(tmp_path / "raw.csv", bucket="bucket", key="data/raw.csv")
    sandbox.put("scripts/job.py", "print(open('/opt/ml/processing/input/raw.csv').read())")
    sandbox.run(CREATE, processing_request())
    assert sandbox.lines == ["1,2"]


def test_in_parallel(sandbox: Sandbox, processing_request: Make) -> None:
    """Two jobs run concurrently."""
    sandbox.put(
        "scripts/job.py",
        """
        import os, time
        print("begun")
        while not os.path.exists("/opt/ml/go"):
            time.sleep(0.01)
        """,
    )
    sandbox.put("data/raw.csv", "x")
    threads = [
        threading.Thread(target=sandbox.run, args=(CREATE, processing_request(ProcessingJobName=name))) for name in "ab"
    ]
    for thread in threads:
        thread.start()
    while sandbox.lines.count("begun") < 2:
        time.sleep(0.01)
    for name in "ab":
        (sandbox.folder / "jobs" / "ProcessingJobs" / name / "ml" / "go").touch()
    for thread in threads:
        thread.join()
    assert sorted((job.name, job.status) for job in sandbox.sagemaker.finished_jobs) == [
        ("a", "Completed"),
        ("b", "Completed"),
    ]


def test_background_loading(tmp_path: Path) -> None:
    """The constructor loads what the first job needs in the background, without waiting for it."""
    completed = subprocess.run(
        [sys.executable, "-c", _BLOCKED, str(tmp_path)], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert completed.returncode == 0, completed.stderr


def test_emulator(tmp_path: Path, processing_request: Make) -> None:
    """If S3 is an emulator on this machine, a script's AWS clients use it with the jobs' key."""
    client = boto3.Session("x", "x", region_name="eu-west-1").client("s3", endpoint_url="http://127.0.0.1:4566")
    sandbox = Sandbox(client, tmp_path)
    entry_point = ["/bin/sh", "-c", "echo $AWS_ENDPOINT_URL $AWS_ACCESS_KEY_ID $AWS_REGION"]
    request = processing_request(AppSpecification={"ImageUri": IMAGE, "ContainerEntrypoint": entry_point})
    sandbox.run(CREATE, {key: value for key, value in request.items() if "put" not in key})
    assert sandbox.lines == ["http://127.0.0.1:4566 LOCALJOBKEY eu-west-1"]
