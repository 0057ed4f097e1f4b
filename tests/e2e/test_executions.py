"""``mlops start``, ``watch``, ``runs``, ``logs``, ``report`` on the emulator, as a user types them."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.drift_demo import CAPTURING
from local.state import EnvironmentDir
from pipeline.stages import BATCH_TRANSFORM, CREATE_MODEL, DEPLOYMENT, STAGES
from pipeline.stages.stage import Stage
from tests.e2e.checkout import PROJECT, SAMPLE, Checkout
from tests.e2e.conftest import FirstRun
from tests.image_lock import locked_version
from tests.waiting import wait_until

pytestmark = pytest.mark.emulator

_SETTLED = 3.0
"""Seconds until a window includes what has just been written; see ``monitor.handler``."""


@dataclass(frozen=True)
class Environment:
    """A running environment with one finished run."""

    local: Path
    """The environment's folder."""
    folder: Path
    """The working directory of commands."""
    run: dict[str, Any]
    """The run's summary."""

    def mlops(self, *arguments: str, code: int = 0, variables: dict[str, str] | None = None) -> str:
        """Runs a command, with these variables, which must end with this exit code; returns its output."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MLOPS_"))}
        run = subprocess.run(
            [str(Path(sys.executable).with_name("mlops")), *arguments],
            env=clean | {"MLOPS_LOCAL_FOLDER": str(self.local)} | (variables or {}),
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=180,
            check=False,
        )
        assert run.returncode == code, run.stdout
        assert "Traceback" not in run.stdout, run.stdout
        return run.stdout

    def runs(self) -> dict[str, dict[str, Any]]:
        """The output of ``mlops runs --json``, newest first, by name."""
        found: list[dict[str, Any]] = json.loads(self.mlops("runs", "--local", "--json"))
        return {run["name"]: run for run in found}


@pytest.fixture(scope="module")
def environment(checkout: Checkout, first_run: FirstRun, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The running environment after its first run."""
    local = checkout.folder / "out" / "local"
    return Environment(local, tmp_path_factory.mktemp("executions"), first_run.summary)


def test_report_of_a_run(environment: Environment) -> None:
    """The page has the numbers of the run's evaluation report, and the hashes of its scripts."""
    name = environment.run["execution"]
    assert environment.mlops("report", name, "--local", "--out", "report.html") == "written: report.html\n"
    page = (environment.folder / "report.html").read_text()
    report = json.loads(Path(environment.run["evaluation"]).read_text())
    found = dict(re.findall(r'<data value="([^"]+)" data-path="([^"]+)"', page))
    shown = {path: float(value) for value, path in found.items()}
    metrics = report["binary_classification_metrics"]
    assert shown["binary_classification_metrics.auc.value"] == metrics["auc"]["value"]
    assert shown["calibration.brier_score.value"] == report["calibration"]["brier_score"]["value"]
    assert "train.py" in page
    assert "Approved and deployed" in page
    assert '<section id="differences"' in page
    assert all(f"<td>{one['on_aws']}</td>" in page for one in environment.run["differences"])
    python = environment.run["jobs"]["training"]["runtime"]["python"]
    assert f"Python {python}, scikit-learn {locked_version('scikit-learn', python)}, numpy" in page


def test_failing_execution(environment: Environment, tmp_path: Path) -> None:
    """A failed execution is watched to its end and listed, with its reason and log. It runs what lies in the folder."""
    bad = 'training.input.HyperParameters.max_iter="0"'
    script = (PROJECT / "scripts" / "preprocessing.py").read_text()
    first = "from __future__ import annotations\n"
    (tmp_path / "preprocessing.py").write_text(script.replace(first, f"{first}print('edited')\n"))
    options = ("--watch", "--override", bad, "--scripts", str(tmp_path))
    printed = environment.mlops("start", "--local", *options, code=1)
    assert "published first, since the folder had changed: " in printed
    assert "preprocessing: SUCCEEDED" in printed
    assert "training: FAILED" in printed
    assert "max_iter is '0'" in printed
    runs = environment.runs()
    newest, before = next(iter(runs.values())), runs[environment.run["execution"]]
    assert (newest["status"], newest["stages"]["training"]) == ("FAILED", "FAILED")
    assert (before["status"], before["stages"]["deployment"]) == ("SUCCEEDED", "SUCCEEDED")
    assert before["metric"]["name"] == "better_than_constant.skill.value"
    assert environment.mlops("logs", newest["name"], "training", "--local").startswith("error: hyperparameter max_iter")
    lines = environment.mlops("logs", newest["name"], "--local")
    assert "preprocessing | edited" in lines
    assert "preprocessing | train:" in lines
    page = environment.mlops("report", newest["name"], "--local", "--out", "-")
    assert "<h1>Training failed</h1>" in page
    assert "hyperparameter max_iter is &#39;0&#39;" in page
    assert environment.mlops("watch", "--local", code=1).endswith(f"mlops report {newest['name']} --local\n")


def test_comparison(environment: Environment) -> None:
    """Executions are compared by what their events changed; each report is linked from an index of all."""
    compared = json.loads(environment.mlops("compare", "--local", "--json"))
    newest, first = (compared["executions"][position] for position in (0, -1))
    path = "training.input.HyperParameters.max_iter"
    assert (first["name"], newest["values"][path]) == (environment.run["execution"], "0")
    auc = "binary_classification_metrics.auc.value"
    assert (newest["metrics"][auc], first["metrics"][auc]) == (None, environment.run["metrics"]["roc_auc"])
    assert environment.runs()[newest["name"]]["overrides"] == {path: "0"}
    table = environment.mlops(
        "compare", newest["name"], first["name"], "--local", "--sort", "auc", "--html", "page.html"
    )
    assert table.index(first["name"]) < table.index(newest["name"])
    assert "max_iter" in table
    assert "2 runs compared" in (environment.folder / "page.html").read_text()
    environment.mlops("report", "--all", "reports", "--local")
    index = (environment.folder / "reports" / "index.html").read_text()
    links = re.findall(r'<a href="(report-[^"]+)">', index)
    assert len(links) == len(environment.runs())
    assert all("compared with all runs" in (environment.folder / "reports" / link).read_text() for link in links)


def test_plan_here_and_on_aws(environment: Environment) -> None:
    """Each stage has its last seconds; on AWS, for which the emulator stands in here, also its price or its type."""
    here = environment.mlops("plan", "--local")
    assert re.search(r"^training +run +\d+\.\d +reuse is not true$", here, re.MULTILINE), here
    assert "$" not in here
    variables = dict(re.findall(r"^export (\w+)=(.*)$", environment.mlops("local", "env"), re.MULTILINE))
    unknown = "evaluation.input.ProcessingResources.ClusterConfig.InstanceType=ml.p9.large"
    plan = environment.mlops("plan", "--override", unknown, variables=variables)
    assert re.search(r"^training +run +\d+\.\d +<?\$0\.\d+ +reuse is not true$", plan, re.MULTILINE), plan
    assert re.search(r"^evaluation +run +\d+\.\d +no price for ml\.p9\.large ", plan, re.MULTILINE), plan
    assert ", without ml.p9.large (prices of December 2023 in EU (Ireland), since AWS's price list" in plan


def test_stopped_execution(environment: Environment) -> None:
    """A running execution is stopped once; the emulator cannot redrive it, which the error says."""
    started = json.loads(environment.mlops("start", "--local", "--json"))
    assert started["started"] is True
    name = started["name"]
    assert environment.mlops("stop", name, "--local", "--reason", "a test") == f"stopped: execution {name}\n"
    assert environment.mlops("stop", name, "--local", code=1).startswith(
        f"error: the execution {name} is no longer running: it is "
    )
    outcome = json.loads(environment.mlops("watch", name, "--local", "--json", code=1))
    assert outcome["status"] != "RUNNING"
    assert environment.mlops("redrive", name, "--local", code=1).startswith("error: the emulator on this machine")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("report", "nobody"), "error: there is no execution nobody of the state machine "),
        (("logs", "nobody"), "error: there is no execution nobody of the state machine "),
        (("logs", "latest", "approval"), "error: the stage 'approval' has no job; stages with one: "),
        (("stop", "nobody"), "error: there is no execution nobody of the state machine "),
        (("runs", "--stack", "nothing"), "error: there is no stack nothing on this machine; "),
        (("compare", "nobody"), "error: there is no execution nobody of the state machine "),
        (("compare", "--sort", "nothing"), "error: --sort is 'nothing'; expected one of: started, "),
        (("compare", "--html", "no/such/folder"), "error: no/such/folder cannot be written: "),
        (("report", "--all", "/dev/null/reports"), "error: /dev/null/reports cannot be made: "),
        (("start", "--override", "training.run=maybe"), "error: nothing was started: "),
        (("report", "latest", "--out", "no/such/folder"), "error: no/such/folder cannot be written: "),
        (("report", "latest", "--out", "/proc/no-such-folder/x"), "error: /proc/no-such-folder/x cannot be written: "),
        (("report", "latest", "--out", "/dev/full"), "error: /dev/full cannot be written: "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_failing_command(command: tuple[str, ...], message: str, environment: Environment) -> None:
    """A command that fails prints a message without a traceback; its exit code is 1."""
    assert environment.mlops(*command, "--local", code=1).startswith(message)


def test_monitoring_of_a_file(environment: Environment) -> None:
    """The data that the model has learned from is healthy; the list of executions says that one only monitored."""
    name = environment.run["execution"]
    found = json.loads(environment.mlops("monitor", "--data", str(SAMPLE), "--local", "--json"))
    records = len(SAMPLE.read_text().splitlines()) - 1
    assert found == {"outcome": "healthy", "records": records, "violations": []}
    runs = environment.runs()
    assert (next(iter(runs.values()))["kind"], runs[name]["kind"]) == ("monitoring", "pipeline")


def start_without_training(environment: Environment, artefact: str, stage: Stage, overrides: dict[str, Any]) -> None:
    """Runs one stage with a model of the registered artefact."""
    overrides = {
        **{f"{other.key}.run": False for other in STAGES if other not in {CREATE_MODEL, stage}},
        "CreateModel.input.PrimaryContainer.ModelDataUrl": artefact,
    } | overrides
    given = [option for name, value in overrides.items() for option in ("--override", f"{name}={json.dumps(value)}")]
    environment.mlops("start", "--local", "--watch", *given)


@pytest.fixture
def endpoint_is_restored(environment: Environment) -> Iterator[None]:
    """Afterwards the endpoint serves the first run's model again, as the other tests that share it expect."""
    yield
    sagemaker = EnvironmentDir(environment.local).require_live().connection.client("sagemaker")
    sagemaker.update_endpoint(EndpointName="demo", EndpointConfigName=environment.run["execution"])
    every_half_second = {"Delay": 0.5, "MaxAttempts": 60}
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="demo", WaiterConfig=every_half_second)


@pytest.mark.usefixtures("endpoint_is_restored")
def test_monitoring_of_what_the_version_in_service_has_scored(environment: Environment) -> None:
    """Each batch transform counts once; labels judge captured requests of earlier windows."""
    first = environment.run["execution"]
    state = EnvironmentDir(environment.local).require_live()
    s3, bucket = state.connection.client("s3"), state.metadata.bucket

    def lines(name: str) -> list[str]:
        key = f"demo/executions/{first}/test/{name}"
        return list(s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode().splitlines())

    records, labels = lines("test_features.csv"), lines("test_labels.csv")
    s3.put_object(Bucket=bucket, Key="demo/data/july/a.csv", Body="\n".join(records))
    registered = s3.list_objects_v2(Bucket=bucket, Prefix=f"demo/registered/{first}/")["Contents"]
    (artefact,) = (f"s3://{bucket}/{one['Key']}" for one in registered if one["Key"].endswith("/model.tar.gz"))
    july = {"batchTransform.input.TransformInput.DataSource.S3DataSource.S3Uri": f"s3://{bucket}/demo/data/july"}
    start_without_training(environment, artefact, BATCH_TRANSFORM, july)
    found = json.loads(environment.mlops("monitor", "--local", "--json"))
    assert (found["outcome"], found["records"]) == ("healthy", len(records))
    assert found["notes"][0].startswith("endpoint demo captures no requests")
    assert f"batch transform batch-{first} is not taken: its input is from the execution" in found["notes"][1]

    capturing = {"deployment.input.EndpointConfig": CAPTURING, "deployment.smoke_test": None}
    start_without_training(environment, artefact, DEPLOYMENT, capturing)
    runtime = state.connection.client("sagemaker-runtime")
    body = {"Body": "\n".join(records), "ContentType": "text/csv"}
    runtime.invoke_endpoint(EndpointName="demo", Accept="text/csv", InferenceId="july", **body)
    captures = {"Bucket": bucket, "Prefix": "demo/data-capture/"}
    wait_until(lambda: "Contents" in s3.list_objects_v2(**captures), timeout=30)
    time.sleep(_SETTLED)
    found = json.loads(environment.mlops("monitor", "--local", "--json"))
    assert (found["outcome"], found["records"], "notes" in found) == ("healthy", len(records), False)
    truth = {"groundTruthData": {"data": "\n".join(labels), "encoding": "CSV"}, "eventMetadata": {"eventId": "july"}}
    s3.put_object(Bucket=bucket, Key="demo/labels/2026/11/29/10/a.jsonl", Body=json.dumps(truth))
    time.sleep(_SETTLED)
    judged = json.loads(environment.mlops("monitor", "--local", "--json"))
    assert (judged["outcome"], judged["records"]) == ("healthy", 0)
    assert judged["labels"]["records"] == judged["labels"]["of"] == len(records)
