"""SageMaker's stand-in as a whole, seen with processing jobs."""

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
from tests.sagemaker_local.place import IMAGE, Place, needs_namespaces

PROJECT = Path(service.__file__).parents[1]
Make = Callable[..., dict[str, Any]]
CREATE = "createProcessingJob"

# Audit hooks stay for the life of a process, so this has one of its own.
_HELD_BACK = """
import sys, threading
from pathlib import Path
import boto3
from sagemaker_local.service import SageMaker

made = threading.Event()
begun = {"the model of SageMaker's API": threading.Event(), "the view of this machine": threading.Event()}

def hold_back(event, arguments):
    if event == "subprocess.Popen":
        begun["the view of this machine"].set()
    elif event == "open" and "/sagemaker/" in str(arguments[0]) and "service-2" in str(arguments[0]):
        begun["the model of SageMaker's API"].set()
    else:
        return
    assert made.wait(30), "whoever makes the stand-in waits for it"

s3 = boto3.client("s3", endpoint_url="http://127.0.0.1:1", region_name="eu-west-1")
sys.addaudithook(hold_back)
SageMaker(s3=s3, folder=Path(sys.argv[1]), key="key", job_key="job", region="r", account="1", log=print)
made.set()
for name, event in begun.items():
    assert event.wait(30), name
"""

pytestmark = needs_namespaces


def test_finished_job(place: Place, processing_request: Make) -> None:
    """What a job has taken can be read, and its log; its files are gone."""
    place.put("scripts/job.py", "import time; print('hello'); time.sleep(0.2)")
    place.put("data/raw.csv", "x")
    began = time.monotonic()
    place.run(CREATE, processing_request())
    elapsed = time.monotonic() - began
    job = place.last_job
    assert (job.name, job.action, job.status) == ("mlops-demo-1", CREATE, "Completed")
    assert 0.2 < job.seconds < elapsed
    assert 1 << 20 < job.memory_bytes < 100 << 20
    assert job.log_file.read_text() == "hello\n"
    assert not [path for path in (place.folder / "jobs").rglob("*") if path.is_file()]


def test_stop(place: Place, processing_request: Make) -> None:
    """Stopping ends what runs before its own end, as stopped; the next job runs."""
    place.put("scripts/job.py", "import time; print('running'); time.sleep(60); print('at the end')")
    place.put("data/raw.csv", "x")
    raised: list[BaseException] = []

    def run() -> None:
        try:
            place.run(CREATE, processing_request())
        except JobStopped as stopped:
            raised.append(stopped)

    thread = threading.Thread(target=run)
    thread.start()
    while "running" not in place.lines:
        time.sleep(0.01)
    place.sagemaker.stop()
    thread.join()
    assert place.lines == ["running"]
    assert json.loads(raised[0].cause)["ProcessingJobStatus"] == "Stopped"  # type: ignore[attr-defined] # a JobStopped
    place.put("scripts/job.py", "print('next')")
    assert place.run(CREATE, processing_request(ProcessingJobName="next"))["ProcessingJobStatus"] == "Completed"


def test_without_namespaces(prefix_place: Place, processing_request: Make) -> None:
    """Without namespaces a script that honours SAGEMAKER_BASE_DIR runs, and the log says where /opt/ml is."""
    prefix_place.put(
        "scripts/job.py",
        """
        import os, pathlib
        base = pathlib.Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
        text = (base / "processing/input/raw.csv").read_text()
        (base / "processing/train/train.csv").write_text(text)
        """,
    )
    prefix_place.put("data/raw.csv", "1,2")
    prefix_place.run(CREATE, processing_request())
    assert prefix_place.get("out/train/train.csv") == b"1,2"
    assert "stands for /opt/ml" in prefix_place.lines[0]


def test_uploaded_data(place: Place, processing_request: Make, tmp_path: Path) -> None:
    """The caller's own data set, uploaded beforehand, is an input like any other."""
    (tmp_path / "raw.csv").write_text("1,2")
    place.sagemaker.upload(tmp_path / "raw.csv", bucket="bucket", key="data/raw.csv")
    place.put("scripts/job.py", "print(open('/opt/ml/processing/input/raw.csv').read())")
    place.run(CREATE, processing_request())
    assert place.lines == ["1,2"]


def test_in_parallel(place: Place, processing_request: Make) -> None:
    """Two jobs run at the same time: each ends when the other has begun."""
    place.put(
        "scripts/job.py",
        """
        import os, time
        print("begun")
        while not os.path.exists("/opt/ml/go"):
            time.sleep(0.01)
        """,
    )
    place.put("data/raw.csv", "x")
    threads = [
        threading.Thread(target=place.run, args=(CREATE, processing_request(ProcessingJobName=name))) for name in "ab"
    ]
    for thread in threads:
        thread.start()
    while place.lines.count("begun") < 2:
        time.sleep(0.01)
    for name in "ab":
        (place.folder / "jobs" / "ProcessingJobs" / name / "ml" / "go").touch()
    for thread in threads:
        thread.join()
    assert sorted((job.name, job.status) for job in place.sagemaker.finished_jobs) == [
        ("a", "Completed"),
        ("b", "Completed"),
    ]


def test_ready_at_once(tmp_path: Path) -> None:
    """The stand-in is made before what the first job needs has been loaded, which then happens without a job."""
    completed = subprocess.run(
        [sys.executable, "-c", _HELD_BACK, str(tmp_path)], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert completed.returncode == 0, completed.stderr


def test_emulator(tmp_path: Path, processing_request: Make) -> None:
    """Where S3 is an emulator on this machine, a script's AWS clients talk to it, with the key that jobs get."""
    client = boto3.Session("x", "x", region_name="eu-west-1").client("s3", endpoint_url="http://127.0.0.1:4566")
    place = Place(client, tmp_path)
    entry_point = ["/bin/sh", "-c", "echo $AWS_ENDPOINT_URL $AWS_ACCESS_KEY_ID $AWS_REGION"]
    request = processing_request(AppSpecification={"ImageUri": IMAGE, "ContainerEntrypoint": entry_point})
    place.run(CREATE, {key: value for key, value in request.items() if "put" not in key})
    assert place.lines == ["http://127.0.0.1:4566 LOCALJOBKEY eu-west-1"]
