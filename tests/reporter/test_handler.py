"""The function that publishes reports, on moto's S3 and Step Functions, which really runs a small state machine."""

import dataclasses
import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import moto
import pytest

from benchmarks.archives import archives

BUCKET = "mlops-bucket"
PREFIX = "demo/reports/"
INDEX = f"{PREFIX}index.html"
AUC = 0.875
RUNTIME = {"boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3"}
"""What Lambda's Python runtime has: boto3 (https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html) with its
dependencies."""
OPTIONAL = {"certifi"}
"""What botocore uses if it is there."""


def _state_machine() -> dict[str, Any]:
    fails = {"Variable": "$.fails", "BooleanEquals": True, "Next": "training"}
    return {
        "StartAt": "Begin",
        "States": {
            "Begin": {"Type": "Choice", "Choices": [fails], "Default": "evaluation"},
            "training": {"Type": "Fail", "Error": "SageMaker.AmazonSageMakerException", "Cause": "no <coffee>"},
            "evaluation": {"Type": "Pass", "End": True},
        },
    }


class Pipeline:
    """Runs executions, and has the function handle their ends."""

    def __init__(self, machine: str, module: ModuleType) -> None:
        self.s3: Any = boto3.client("s3")
        self.module = module
        self.padding = ""
        """What makes the evaluation reports larger."""
        self._machine = machine
        self._step_functions: Any = boto3.client("stepfunctions")

    def run(self, name: str, *, fails: bool = False, **top: Any) -> dict[str, Any]:
        """Runs an execution to its end; returns its final event."""
        outputs = [{"S3Output": {"S3Uri": f"s3://{BUCKET}/demo/executions/{name}/evaluation"}}]
        evaluation = {"run": True, "result": {"ProcessingOutputConfig": {"Outputs": outputs}}}
        metrics = {"auc": {"value": AUC, "standard_deviation": 0.01}}
        report = {"binary_classification_metrics": metrics, "padding": self.padding}
        key = f"demo/executions/{name}/evaluation/evaluation.json"
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(report))
        content = {"model_id": "demo", "fails": fails, "evaluation": evaluation, **top}
        arn = self._step_functions.start_execution(stateMachineArn=self._machine, name=name, input=json.dumps(content))[
            "executionArn"
        ]
        while (found := self._step_functions.describe_execution(executionArn=arn))["status"] == "RUNNING":
            time.sleep(0.01)
        return {"detail": {"executionArn": arn, "status": found["status"]}}

    def publish(self, name: str, **more: Any) -> list[str]:
        """Runs an execution that is to be published; returns the URIs of the pages."""
        found: list[str] = self.module.handler(self.run(name, publish_report=True, **more), None)["published"]
        return found

    def page(self, key: str) -> str:
        """A page as it is in the bucket."""
        text: str = self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode()
        return text

    def before_each_index(self, act: Callable[[], object]) -> None:
        """Has something happen each time that the function has made the index and is about to write it."""

        def hook(params: dict[str, Any], **_: Any) -> None:
            if params["Key"] == INDEX:
                act()

        self.module.publication.s3.meta.events.register("provide-client-params.s3.PutObject", hook)


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    """A deployment with its bucket and its state machine."""
    variables = {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "BUCKET": BUCKET,
        "PREFIX": PREFIX,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with moto.mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        machine = boto3.client("stepfunctions").create_state_machine(
            name="machine", definition=json.dumps(_state_machine()), roleArn="arn:aws:iam::123456789012:role/x"
        )["stateMachineArn"]
        monkeypatch.setenv("STATE_MACHINE_ARN", machine)
        module = importlib.reload(importlib.import_module("reporter.handler"))
        yield Pipeline(machine, module)


def test_pages_link_to_each_other(pipeline: Pipeline) -> None:
    """The report and the index are HTML next to each other, and link to each other relatively."""
    own = f"{PREFIX}report-one.html"
    assert pipeline.publish("one") == [f"s3://{BUCKET}/{own}", f"s3://{BUCKET}/{INDEX}"]
    report, index = pipeline.page(own), pipeline.page(INDEX)
    assert '<a href="index.html">' in report
    assert '<a href="report-one.html">' in index
    assert "0.8750" in report
    assert "0.8750" in index
    for key in (own, INDEX):
        assert pipeline.s3.head_object(Bucket=BUCKET, Key=key)["ContentType"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("top", [{}, {"publish_report": False}, {"publish_report": None}])
def test_only_executions_that_ask_for_it_are_published(pipeline: Pipeline, top: dict[str, Any]) -> None:
    """Without ``publish_report: true`` nothing is written."""
    assert pipeline.module.handler(pipeline.run("one", **top), None) == {"published": []}
    assert "Contents" not in pipeline.s3.list_objects_v2(Bucket=BUCKET, Prefix=PREFIX)


def test_failed_executions_are_published(pipeline: Pipeline) -> None:
    """The report of a failed execution says where and why it failed."""
    pipeline.publish("one", fails=True)
    report = pipeline.page(f"{PREFIX}report-one.html")
    assert "Training failed" in report
    assert "no &lt;coffee&gt;" in report
    assert "failed" in pipeline.page(INDEX)


def test_the_index_has_all_runs(pipeline: Pipeline) -> None:
    """Runs without a report are in the index, without a link; older runs keep theirs."""
    pipeline.publish("one")
    pipeline.run("two")
    pipeline.publish("three")
    index = pipeline.page(INDEX)
    assert "3 runs compared" in index
    assert '<a href="report-one.html">' in index
    assert "<code>two</code>" in index
    assert "report-two.html" not in index


def test_executions_that_end_together_are_all_in_the_index(pipeline: Pipeline) -> None:
    """If another execution ends and is published after this one has read the executions, neither is lost."""
    others = iter(["two"])

    def another() -> None:
        for name in others:
            pipeline.publish(name)

    pipeline.before_each_index(another)
    pipeline.publish("one")
    index = pipeline.page(INDEX)
    assert '<a href="report-one.html">' in index
    assert '<a href="report-two.html">' in index


def test_an_index_that_is_always_written_by_others_fails(pipeline: Pipeline) -> None:
    """The function gives up after ten attempts, so that Lambda retries and the alarm fires; the report is there."""
    written: list[int] = []

    def another() -> None:
        written.append(len(written))
        pipeline.s3.put_object(Bucket=BUCKET, Key=INDEX, Body=str(written).encode())

    pipeline.before_each_index(another)
    with pytest.raises(Exception, match="was written by others 10 times while one was added to it"):
        pipeline.publish("one")
    assert len(written) == 10
    assert '<a href="index.html">' in pipeline.page(f"{PREFIX}report-one.html")


def test_a_large_report_does_not_fill_the_memory(pipeline: Pipeline) -> None:
    """The run's own page has its metrics; the index, which reads a hundred reports, leaves them out."""
    pipeline.padding = "x" * (4 * 1024 * 1024)
    pipeline.publish("one")
    assert "0.8750" in pipeline.page(f"{PREFIX}report-one.html")
    assert "0.8750" not in pipeline.page(INDEX)
    assert '<a href="report-one.html">' in pipeline.page(INDEX)


@pytest.mark.parametrize(("stale", "waited", "status"), [(2, 2, "SUCCEEDED"), (99, 20, "RUNNING")])
def test_an_end_that_step_functions_does_not_know_yet_is_waited_for(
    pipeline: Pipeline, stale: int, waited: int, status: str
) -> None:
    """Its description may still be that of a running execution; one that was redriven is described as it is."""
    arn = pipeline.run("one")["detail"]["executionArn"]
    slept: list[float] = []
    publication = dataclasses.replace(pipeline.module.publication, sleep=slept.append)
    old = iter(range(stale))
    publication.executions.step_functions.meta.events.register(
        "after-call.stepfunctions.DescribeExecution",
        lambda parsed, **_: parsed.update(status="RUNNING") if next(old, None) is not None else None,
    )
    assert publication.ended(arn)["status"] == status
    assert slept == [1.0] * waited


def test_the_archive_has_everything_that_lambda_lacks(assembly: Path, tmp_path: Path) -> None:
    """The handler's imports come from its archive or from what Lambda's runtime has, and the pages can be rendered."""
    folder = archives(assembly)["reporter"].unpack(tmp_path)
    program = (
        "import json, sys\n"
        "import reporter.handler\n"
        "from pipeline.version import version\n"
        "from report.page import templates\n"
        "[templates().get_template(f'{name}.html.j2') for name in ('page', 'comparison')]\n"
        "assert version()\n"
        "files = {name: getattr(module, '__file__', None) for name, module in sys.modules.items()}\n"
        "print(json.dumps({name: file for name, file in files.items() if file}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        | {"BUCKET": BUCKET, "PREFIX": PREFIX, "STATE_MACHINE_ARN": "arn", "AWS_DEFAULT_REGION": "us-east-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    files: dict[str, str] = json.loads(done.stdout)
    assert files["jinja2"].startswith(str(folder))
    assert files["report.page"].startswith(str(folder))
    installed = {name.partition(".")[0] for name, file in files.items() if "site-packages" in file}
    assert {name for name in installed if not name.startswith("_")} <= RUNTIME | OPTIONAL
