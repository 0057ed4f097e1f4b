"""``mlops try``: one stage's script on the inputs of an execution, without changing S3."""

import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from local.errors import LocalError
from local.trial.job import STAGES, Trial, Tried, run
from local.trial.s3_overlay import S3Overlay
from local.trial.terminal import terminal
from pipeline.stages import MONITORING
from sagemaker_local.mounts import best_view

EXECUTION = "mlops-demo-0123456789abcdef"
IMAGE = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
UPPER = """
import os
text = open("/opt/ml/processing/input/data.csv").read()
open("/opt/ml/processing/train/upper.csv", "w").write(text.upper() + os.environ.get("MORE", ""))
print("read", len(text))
"""
Attempt = Callable[..., Tried]

pytestmark = pytest.mark.skipif(best_view() == "prefix", reason="no mount namespace: the script has /opt/ml in it")


def content() -> dict[str, Any]:
    """The input of an execution."""

    def given(name: str, uri: str) -> dict[str, Any]:
        source = {"S3Uri": uri, "LocalPath": f"/opt/ml/processing/{name}", "S3DataType": "S3Prefix"}
        return {"InputName": name, "S3Input": source | {"S3InputMode": "File"}}

    place = {"S3Uri": f"s3://bucket/demo/executions/{EXECUTION}/train", "LocalPath": "/opt/ml/processing/train"}
    request = {
        "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["python3", "/opt/ml/processing/code/job.py"]},
        "ProcessingResources": {
            "ClusterConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 50}
        },
        "ProcessingInputs": [given("code", "s3://bucket/demo/scripts"), given("input", "s3://bucket/data")],
        "ProcessingOutputConfig": {
            "Outputs": [{"OutputName": "train", "S3Output": place | {"S3UploadMode": "EndOfJob"}}]
        },
        "Environment": None,
        "RoleArn": "arn:aws:iam::123456789012:role/jobs",
    }
    return {"preprocessing": {"run": True, "input": request}}


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """S3 with the data, and with the scripts of the execution, which a trial must not use."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="bucket")
        client.put_object(Bucket="bucket", Key="data/data.csv", Body=b"a,b")
        client.put_object(Bucket="bucket", Key="demo/scripts/job.py", Body=b"raise SystemExit('the old script')")
        yield client


@pytest.fixture
def attempt(s3: Any, tmp_path: Path) -> Attempt:
    """Tries a script; the log's lines go to the list."""

    def make(
        script: str,
        log: list[str] | None = None,
        overrides: Mapping[str, Any] | None = None,
        debugger: Mapping[str, str] | None = None,
        given: dict[str, Any] | None = None,
        *,
        stage: Any = STAGES[0],
    ) -> Tried:
        trial = Trial(
            stage=stage,
            execution=EXECUTION,
            content=given or content(),
            scripts={"job.py": script.encode()},
            overrides=overrides or {},
            debugger=debugger,
        )
        lines = log if log is not None else []
        return run(trial, s3=s3, region="us-east-1", folder=tmp_path, log=lines.append)

    return make


def keys(s3: Any) -> list[str]:
    """All keys in the bucket."""
    return [found["Key"] for found in s3.list_objects_v2(Bucket="bucket")["Contents"]]


def test_outputs_are_in_the_folder(attempt: Attempt, s3: Any, tmp_path: Path) -> None:
    """The script of the folder runs on the execution's input; its output is a file, and S3 is as it was."""
    before = keys(s3)
    lines: list[str] = []
    tried = attempt(UPPER, lines)
    assert (tried.error, lines) == (None, ["read 3"])
    assert tried.written == (tmp_path / "outputs" / "train" / "upper.csv",)
    assert tried.written[0].read_text() == "A,B"
    assert keys(s3) == before


def test_scripts_that_the_folder_lacks_do_not_exist(s3: Any, tmp_path: Path) -> None:
    """Below the scripts' prefix, only those of the folder exist; elsewhere, everything does."""
    overlay = S3Overlay(
        s3,
        bucket="bucket",
        prefix="demo/scripts/",
        files={"new.py": b"new"},
        written=lambda _bucket, key: tmp_path / key,
    )
    listed = [found["Key"] for page in overlay.paginate(Bucket="bucket", Prefix="demo/") for found in page["Contents"]]
    assert listed == ["demo/scripts/new.py"]
    assert overlay.get_object(Bucket="bucket", Key="demo/scripts/new.py")["Body"].read() == b"new"
    assert overlay.get_object(Bucket="bucket", Key="data/data.csv")["Body"].read() == b"a,b"
    with pytest.raises(ClientError, match="NoSuchKey"):
        overlay.get_object(Bucket="bucket", Key="demo/scripts/job.py")


def test_overrides(attempt: Attempt) -> None:
    """Overrides change the request, as in an event."""
    tried = attempt(UPPER, overrides={"preprocessing": {"input": {"Environment": {"MORE": "!"}}}})
    assert tried.written[0].read_text() == "A,B!"


def test_a_setting_of_the_section_is_a_variable(attempt: Attempt) -> None:
    """As the state machine sets it."""
    section = content()["preprocessing"] | {"minimum_records": 70}
    lines: list[str] = []
    script = "import os; print(os.environ['MINIMUM_RECORDS'])"
    attempt(script, lines, given={"monitoring": section}, stage=MONITORING)
    assert lines == ["70"]


def test_a_trial_publishes_no_metrics(attempt: Attempt) -> None:
    """They would count as those of what is in service, and raise its alarm."""
    given = content()["preprocessing"]
    given["input"]["Environment"] = {"MODEL": "demo", "OTHER": "1"}
    lines: list[str] = []
    attempt(
        "import os; print(os.environ.get('MODEL'), os.environ['OTHER'])",
        lines,
        given={"monitoring": given},
        stage=MONITORING,
    )
    assert lines == ["None 1"]


def test_failing_script(attempt: Attempt) -> None:
    """A script that fails is a result with the reason and the log's last lines."""
    tried = attempt("raise KeyError('age')")
    assert tried.error is not None
    assert tried.error.startswith("AlgorithmError: KeyError: 'age', exit code: 1")
    assert tried.written == ()


def test_debugger(attempt: Attempt) -> None:
    """With a debugger, the person looks at variables and continues at a breakpoint, and looks where a script raises."""
    shown = io.StringIO()
    with terminal(io.StringIO("p 'text is', text\np x\nx = 8\nc\np x\nq\n"), shown) as variables:
        tried = attempt(
            'text = "here"\nx = 7\nbreakpoint()\nassert x == 8\nraise ValueError(f"{x} it is")', debugger=variables
        )
    assert "('text is', 'here')" in shown.getvalue()
    assert "ValueError: 8 it is" in shown.getvalue()
    assert shown.getvalue().rstrip().endswith("(Pdb) 8\n(Pdb)")
    assert tried.error is not None
    assert "ValueError: 8 it is" in tried.error


def test_debugger_at_a_reported_error(attempt: Attempt) -> None:
    """A script that catches its error, prints it and exits is debugged where the error was raised."""
    shown = io.StringIO()
    script = "import sys\ntry:\n    age = -1\n    raise ValueError(age)\nexcept ValueError:\n    sys.exit('no')"
    with terminal(io.StringIO("p age\nq\n"), shown) as variables:
        tried = attempt(script, debugger=variables)
    assert "-> raise ValueError(age)\n(Pdb) -1" in shown.getvalue()
    assert tried.error is not None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input": None}, f"the execution {EXECUTION} has no preprocessing.input to try"),
        ({"input": {"ProcessingInputs": []}}, "has no input named code, so its scripts cannot be replaced"),
        ({"input": {"RoleArn": "x"}}, "SageMaker would refuse the job: "),
    ],
)
def test_refused(attempt: Attempt, change: dict[str, Any], message: str) -> None:
    """What cannot be tried is refused before anything runs."""
    with pytest.raises(LocalError, match=message):
        attempt(UPPER, overrides={"preprocessing": change})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"AppSpecification": {"ContainerEntrypoint": ["/bin/run.sh"]}}, "--pdb needs a Python script"),
        ({"NetworkConfig": {"EnableNetworkIsolation": True}}, "--pdb cannot reach a job without a network"),
    ],
)
def test_refused_debugger(attempt: Attempt, change: dict[str, Any], message: str) -> None:
    """A debugger that could not work is refused."""
    with pytest.raises(LocalError, match=message):
        attempt(UPPER, overrides={"preprocessing": {"input": change}}, debugger={"MLOPS_DEBUG_PORT": "1"})
