"""Registration, approval and deployment in a running environment, with real models behind a real endpoint."""

import json
import shlex
import shutil
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.connection import DIRECT, Connection
from tests.e2e.checkout import PROJECT, SAMPLE, SMALL_MODEL, Checkout
from tests.e2e.conftest import FirstRun

pytestmark = pytest.mark.emulator

RECORDS = 3


@pytest.fixture(scope="module")
def serving(checkout: Checkout, first_run: FirstRun, tmp_path_factory: pytest.TempPathFactory) -> "Serving":
    """The environment after a first successful run, whose model is approved and deployed."""
    assert first_run.summary["status"] == "SUCCEEDED"
    return Serving(checkout, first_run.summary, tmp_path_factory.mktemp("scripts"))


class Serving:
    """A checkout whose endpoint serves the model of its first run."""

    def __init__(self, checkout: Checkout, first: dict[str, Any], folder: Path) -> None:
        self.checkout = checkout
        self.first = first
        state = json.loads((checkout.folder / "out" / "local" / "state.json").read_text())
        self.aws = Connection(endpoint=state["endpoint"], key=state["key"])
        self.records = folder / "records.csv"
        self.records.write_text(f"{self._smoke_test_record()}\n" * RECORDS)
        self._folder = folder

    def scripts(self, name: str, **changed: str) -> Path:
        """A folder of the module's scripts with some of them changed."""
        folder = self._folder / name
        shutil.copytree(PROJECT / "scripts", folder)
        for file, content in changed.items():
            (folder / f"{file}.py").write_text(content)
        return folder

    def predictions(self) -> str:
        """The endpoint's response to ``mlops invoke``."""
        return self.checkout.mlops("invoke", "demo", str(self.records), "--local")

    def packages(self) -> list[str]:
        """The approval status of each version in the registry, newest first."""
        found = self.aws.client("sagemaker").list_model_packages(ModelPackageGroupName="demo")
        return [package["ModelApprovalStatus"] for package in found["ModelPackageSummaryList"]]

    def endpoint(self) -> dict[str, Any]:
        """The endpoint's description."""
        described: dict[str, Any] = self.aws.client("sagemaker").describe_endpoint(EndpointName="demo")
        return described

    def has_config(self, name: str) -> bool:
        """Whether there is an endpoint config of this name."""
        try:
            self.aws.client("sagemaker").describe_endpoint_config(EndpointConfigName=name)
        except ClientError:
            return False
        return True

    def printed_for_curl(self) -> tuple[str, dict[str, str]]:
        """URL and headers of the command that ``mlops local status`` prints for the endpoint."""
        (line,) = [line for line in self.checkout.mlops("local", "status").splitlines() if "curl" in line]
        curl, *words, url = shlex.split(line)
        assert (curl, words[-2:]) == ("curl", ["--data-binary", "@FILE"])
        headers = [words[at + 1] for at, word in enumerate(words) if word == "-H"]
        return url, dict(header.split(": ") for header in headers) | {"Accept": "text/csv"}

    def _smoke_test_record(self) -> str:
        name, arn = self.first["execution"], self.checkout.status["state"]["metadata"]["state_machine"]
        executions = arn.replace(":stateMachine:", ":execution:")
        described = self.aws.client("stepfunctions").describe_execution(executionArn=f"{executions}:{name}")
        bucket, _, key = json.loads(described["input"])["deployment"]["smoke_test"]["S3Uri"][len("s3://") :].partition(
            "/"
        )
        record: bytes = self.aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        return record.decode().strip()


def test_the_model_is_registered_approved_and_serves(serving: Serving) -> None:
    """The registry has the version, and the endpoint answers invoke and plain HTTP as SageMaker's containers do."""
    assert serving.packages()[-1] == "Approved"
    assert serving.endpoint()["EndpointConfigName"] == serving.first["execution"]
    assert serving.predictions() == serving.first["deployment"]["answer"] * RECORDS
    url, headers = serving.printed_for_curl()
    request = urllib.request.Request(url, data=serving.records.read_bytes(), headers=headers)  # noqa: S310 - loopback
    with DIRECT.open(request, timeout=5) as answer:
        assert answer.read().decode() == serving.predictions()
    request = urllib.request.Request(url.replace("/invocations", "/ping"), headers=headers)  # noqa: S310 - loopback
    with DIRECT.open(request, timeout=5) as ping:
        assert ping.status == 200


def test_a_worse_model_is_rejected_and_the_first_still_serves(serving: Serving) -> None:
    """The gate names metric, value and threshold; the version is rejected, and the endpoint is unchanged."""
    before = serving.predictions()
    worse = serving.scripts("worse", evaluation=upside_down())
    printed = serving.checkout.run("--scripts", str(worse), code=1)
    assert "approval: ModelRejected" in printed
    assert "better_than_constant.skill.value" in printed
    assert "< 0.1" in printed
    assert serving.packages()[0] == "Rejected"
    assert serving.predictions() == before
    assert serving.endpoint()["EndpointConfigName"] == serving.first["execution"]
    summary = serving.checkout.summary
    assert summary["approval"]["decision"] == "Rejected"
    assert summary["approval"]["metrics"][0]["passed"] is False
    assert summary["deployment"] is None


def upside_down() -> str:
    """An evaluation script that inverts each prediction, as if the model had learnt the opposite."""
    script = (PROJECT / "scripts" / "evaluation.py").read_text()
    changed = script.replace("predictions = predict(model, rows)", "predictions = 1 - predict(model, rows)")
    assert changed != script
    return changed


BROKEN_MODEL = """
import pathlib

def model_fn(model_dir):
    return pathlib.Path(model_dir)

def input_fn(body, content_type):
    raise ValueError("no more coffee")
"""


def test_a_model_that_fails_its_smoke_test_is_rolled_back(serving: Serving) -> None:
    """The endpoint serves the first model again, the new endpoint config is deleted, and the reason is printed."""
    before = serving.predictions()
    scripts = serving.scripts("coffee", inference=BROKEN_MODEL)
    file = serving.records.with_name("deploy-only.yaml")
    text = (PROJECT / "scripts" / "input.yaml").read_text()
    head, _, rest = text.partition("\nbatchTransform:\n  run: true")
    file.write_text(f"{head}\nbatchTransform:\n  run: false{rest}")
    printed = serving.checkout.run("--scripts", str(scripts), "--input", str(file), code=1)
    assert "deployment: DeploymentFailed: the smoke test failed" in printed
    assert "no more coffee" in printed
    assert serving.predictions() == before
    assert serving.endpoint()["EndpointStatus"] == "InService"
    assert serving.endpoint()["EndpointConfigName"] == serving.first["execution"]
    assert not serving.has_config(serving.checkout.summary["execution"])
    assert serving.has_config(serving.first["execution"])


def test_a_person_approves(serving: Serving) -> None:
    """The run waits, shows the command, resumes with the answer, and records the caller; a second answer fails."""
    running = serving.checkout.start_command("local", "run", "--data", str(SAMPLE), *SMALL_MODEL, "--manual")
    name = waiting_execution(running)
    printed = serving.checkout.mlops("approve", name, "--local", "--reason", "seen and liked")
    assert "better_than_constant.skill.value" in printed
    rest, _ = running.communicate(timeout=60)
    assert running.returncode == 0, rest
    approval = serving.checkout.summary["approval"]
    assert approval["decision"] == "Approved"
    assert approval["by"].startswith("arn:aws:iam::")
    assert approval["reason"].endswith("seen and liked")
    assert serving.packages()[0] == "Approved"
    again = serving.checkout.mlops("reject", name, "--local", "--reason", "too late", code=1)
    assert f"execution {name} was already Approved by" in again


def waiting_execution(running: Any) -> str:
    """The name of the execution that a run shows as waiting."""
    printed = ""
    for line in running.stdout:
        printed += line
        if "mlops approve " in line:
            return str(line.partition("mlops approve ")[2].split()[0])
    running.wait()
    raise AssertionError(printed)
