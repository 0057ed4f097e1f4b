"""The deployed stack on an emulator that enforces every policy and uses TLS only.

Functions act under their roles, and jobs get the SageMaker role's credentials. The emulator makes the state machine's
calls as root, so each call is first checked against the deployed policies of the state machine's role.
"""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.approvals import Approvals, Decision
from cli.overrides import parse
from local.emulator import ACCOUNT, REGION
from pipeline.stages import MONITORING, STAGES
from sagemaker_local.errors import TaskFailed
from sagemaker_local.guard import job_key
from sagemaker_local.service import SageMaker
from tests.e2e.checkout import SMALL_MODEL
from tests.e2e.conftest import DeployedStack
from tests.e2e.secure import ANNOUNCER, DATA, GATE, JOBS, MODELS, OTHERS, PUBLISHER, REPORTER, STARTER, WORKFLOW, denied
from tests.policies.calls import Place, needs
from tests.policies.evaluator import Need, Policies
from tests.waiting import wait_until

pytestmark = pytest.mark.emulator

SMALL = parse(SMALL_MODEL[1:])
"""The overrides of these options."""


class Authorised:
    """SageMaker behind the policies of the state machine's role, which AWS would evaluate before each call."""

    def __init__(self, sagemaker: SageMaker, policies: Policies) -> None:
        self._sagemaker = sagemaker
        self._policies = policies
        self.asked: set[str] = set()

    def run(self, action: str, request: dict[str, Any]) -> dict[str, Any]:
        """Executes a request if the role may."""
        waits = action in ("createProcessingJob", "createTrainingJob", "createTransformJob")
        for need in needs(f"{action}.sync" if waits else action, request, Place(REGION, ACCOUNT)):
            self.asked.add(need.action)
            if not self._policies.allow(need):
                raise TaskFailed("AccessDenied", f"{need}")
        return self._sagemaker.run(action, request)

    def stop_job(self, action: str, name: str) -> None:
        """Stops a job."""
        self._sagemaker.stop_job(action, name)

    def stop(self) -> None:
        """Stops all running jobs."""
        self._sagemaker.stop()


@pytest.fixture(scope="module")
def authorised(
    secure_stack: DeployedStack,
    roles: dict[str, str],
    acting_as: Callable[[str, str], Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Authorised]:
    """The local SageMaker with the SageMaker role's credentials, behind the state machine's policies."""
    client = secure_stack.emulator.client
    sagemaker = SageMaker(
        s3=acting_as(JOBS, "s3"),
        folder=tmp_path_factory.mktemp("jobs"),
        key=secure_stack.emulator.connection.key,
        job_key=job_key(secure_stack.emulator.connection.key),
        region=REGION,
        account=ACCOUNT,
        log=lambda _action, _name, _line: None,
    )
    authorised = Authorised(sagemaker, Policies.of_role(client("iam"), roles[WORKFLOW]))
    secure_stack.emulator.services.attach(authorised)
    yield authorised
    authorised.stop()


def test_the_whole_pipeline_runs_with_every_policy_enforced(
    secure_stack: DeployedStack, authorised: Authorised, roles: dict[str, str]
) -> None:
    """The shipped input goes from the Lambda through every stage that it runs, under the roles of the template.

    Its report is published at its end.
    """
    metrics = [{"name": "binary_classification_metrics.auc.value", "minimum": 0.5}]
    answer, failed = secure_stack.invoke(overrides={"approval": {"metrics": metrics}, "publish_report": True, **SMALL})
    assert not failed, answer
    step_functions = secure_stack.emulator.client("stepfunctions")
    deadline = time.monotonic() + 90
    while (execution := step_functions.describe_execution(executionArn=answer["executionArn"]))["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    output = json.loads(execution["output"])
    assert all("result" in output[stage.key] for stage in STAGES if stage is not MONITORING)
    passed = output["training"]["input"]["RoleArn"]
    assert passed == f"arn:aws:iam::{ACCOUNT}:role/{roles[JOBS]}"
    kept = f"s3://{secure_stack.metadata.bucket}/demo/registered/{answer['name']}/"
    (registered,) = output["registration"]["result"]["containers"]
    served = output["CreateModel"]["input"]["PrimaryContainer"]["ModelDataUrl"]
    assert registered["ModelDataUrl"] == served == f"{kept}container-1/model.tar.gz"
    assert output["approval"]["result"]["report"] == f"{kept}evaluation.json"
    assert output["approval"]["result"]["report_version"] == output["registration"]["result"]["report"]["VersionId"]
    assert {"iam:PassRole", "sagemaker:CreateTrainingJob", "sagemaker:CreateEndpoint"} <= authorised.asked
    link = f'<a href="report-{answer["name"]}.html">'
    wait_until(lambda: link in (secure_stack.page("index.html") or ""), timeout=60)
    report = secure_stack.page(f"report-{answer['name']}.html") or ""
    assert "Approved and deployed" in report
    assert "AccessDenied" not in report


@pytest.mark.usefixtures("authorised")
def test_a_job_hijacked_during_approval_changes_nothing(
    secure_stack: DeployedStack, acting_as: Callable[[str, str], Any]
) -> None:
    """If the jobs' role overwrites model and report while a person decides, the original model is served."""
    metrics = [{"name": "binary_classification_metrics.auc.value", "minimum": 0.5}]
    off = {"run": False}
    answer, failed = secure_stack.invoke(
        overrides={"approval": {"manual": True, "metrics": metrics}, "batchTransform": off, "deployment": off, **SMALL}
    )
    assert not failed, answer
    client, bucket = secure_stack.emulator.client, secure_stack.metadata.bucket
    table = str(secure_stack.metadata.approval_table)
    key = {"execution": {"S": answer["name"]}}
    wait_until(lambda: "Item" in client("dynamodb").get_item(TableName=table, Key=key), timeout=90)
    hijacked = acting_as(JOBS, "s3")
    below = f"demo/executions/{answer['name']}"
    for name in (f"model/{answer['name']}/output/model.tar.gz", "evaluation/evaluation.json"):
        assert not denied(hijacked.put_object, Bucket=bucket, Key=f"{below}/{name}", Body=b"hijacked")
    waiting = client("stepfunctions").describe_execution(executionArn=answer["executionArn"])
    Approvals(
        step_functions=client("stepfunctions"),
        dynamodb=client("dynamodb"),
        table=table,
        state_machine=secure_stack.metadata.state_machine,
    ).answer(waiting, Decision(decision="Approved", by="a person", at="now", reason="good"))

    def described() -> dict[str, Any]:
        found: dict[str, Any] = client("stepfunctions").describe_execution(executionArn=answer["executionArn"])
        return found

    wait_until(lambda: described()["status"] != "RUNNING", timeout=60)
    assert described()["status"] == "SUCCEEDED", described()
    output = json.loads(described()["output"])
    (registered,) = output["registration"]["result"]["containers"]
    served = output["CreateModel"]["input"]["PrimaryContainer"]["ModelDataUrl"]
    content = client("s3").get_object(Bucket=bucket, Key=served.removeprefix(f"s3://{bucket}/"))
    assert content["ETag"].strip('"') == registered["ModelDataETag"]
    assert content["Body"].read() != b"hijacked"


def test_the_start_lambda_reads_its_own_bucket_only(secure_stack: DeployedStack) -> None:
    """An input.yaml in another team's bucket is not read, and the response says why."""
    event = {"config": {"bucket": OTHERS, "prefix": "input.yaml"}}
    response = secure_stack.emulator.client("lambda").invoke(
        FunctionName=secure_stack.metadata.function, Payload=json.dumps(event)
    )
    answer = json.loads(response["Payload"].read())
    assert answer["errorType"] == "UnreadableFileError"
    assert f"s3://{OTHERS}/input.yaml: access denied" in answer["errorMessage"]


@pytest.mark.parametrize(
    ("construct", "may"),
    [
        (STARTER, {"read"}),
        (GATE, {"read"}),
        (PUBLISHER, {"write scripts"}),
        (ANNOUNCER, set()),
        (REPORTER, {"read"}),
        (WORKFLOW, {"read"}),
        (JOBS, {"read", "write results"}),
        (MODELS, {"read"}),
    ],
)
def test_what_each_role_may_do_with_the_bucket(
    secure_stack: DeployedStack, acting_as: Callable[[str, str], Any], construct: str, may: set[str]
) -> None:
    """Only the publisher writes scripts, only jobs write results, and none deletes."""
    s3, bucket = acting_as(construct, "s3"), secure_stack.metadata.bucket
    calls = {
        "read": lambda: s3.get_object(Bucket=bucket, Key="demo/scripts/input.yaml"),
        "write scripts": lambda: s3.put_object(Bucket=bucket, Key="demo/scripts/a-test", Body=b"x"),
        "write results": lambda: s3.put_object(Bucket=bucket, Key="demo/executions/a-test", Body=b"x"),
        "delete": lambda: s3.delete_object(Bucket=bucket, Key="demo/scripts/a-test"),
    }
    assert {name for name, call in calls.items() if not denied(call)} == may


@pytest.mark.parametrize("construct", [STARTER, GATE, PUBLISHER, WORKFLOW, JOBS, MODELS, ANNOUNCER, REPORTER])
def test_no_role_reads_or_writes_anothers_bucket(acting_as: Callable[[str, str], Any], construct: str) -> None:
    """No role, including the jobs', has access to another team's bucket."""
    s3 = acting_as(construct, "s3")
    assert denied(s3.get_object, Bucket=OTHERS, Key="input.yaml")
    assert denied(s3.list_objects_v2, Bucket=OTHERS)
    assert denied(s3.put_object, Bucket=OTHERS, Key="x", Body=b"x")


@pytest.mark.parametrize("construct", [JOBS, MODELS])
def test_no_job_and_no_model_decides_on_what_runs_and_is_served(
    secure_stack: DeployedStack, acting_as: Callable[[str, str], Any], construct: str
) -> None:
    """Neither may write input.yaml, scripts, registered artefacts or another model's prefix."""
    s3, bucket = acting_as(construct, "s3"), secure_stack.metadata.bucket
    for key in (
        "demo/scripts/input.yaml",
        "demo/scripts/train.py",
        "demo/registered/mlops-demo-1/evaluation.json",
        "demo/registered/mlops-demo-1/container-1/model.tar.gz",
        "demo/reports/index.html",
        "demo-2/executions/mlops-demo-2-1/evaluation/evaluation.json",
    ):
        assert denied(s3.put_object, Bucket=bucket, Key=key, Body=b"hijacked"), key
        source = {"Bucket": bucket, "Key": "demo/scripts/input.yaml"}
        assert denied(s3.copy_object, Bucket=bucket, Key=key, CopySource=source), key


def test_models_write_what_transforms_and_endpoints_write(
    secure_stack: DeployedStack, acting_as: Callable[[str, str], Any]
) -> None:
    """The model's role may write batch transform results and captured data, but no artefacts."""
    s3, bucket = acting_as(MODELS, "s3"), secure_stack.metadata.bucket
    for key in ("executions/mlops-demo-1/batch/a.out", "batch-output/1/a.out", "data-capture/demo/a.jsonl"):
        assert not denied(s3.put_object, Bucket=bucket, Key=f"demo/{key}", Body=b"x"), key
    for key in ("executions/mlops-demo-1/evaluation/evaluation.json", "model/1/output/model.tar.gz"):
        assert denied(s3.put_object, Bucket=bucket, Key=f"demo/{key}", Body=b"x"), key


def test_the_jobs_only_read_their_data(acting_as: Callable[[str, str], Any]) -> None:
    """Jobs may read the bucket of the sample data, but not write to it."""
    s3 = acting_as(JOBS, "s3")
    assert not denied(s3.get_object, Bucket=DATA, Key="processing/census/sample.csv")
    assert denied(s3.put_object, Bucket=DATA, Key="processing/census/sample.csv", Body=b"x")


def test_the_state_machine_uses_its_own_resources_only(
    secure_stack: DeployedStack, acting_as: Callable[[str, str], Any], roles: dict[str, str]
) -> None:
    """It may invoke only the gate, publish only to its own topic, and pass only the jobs' and models' roles."""
    functions = secure_stack.emulator.client("lambda").list_functions()["Functions"]
    gate = next(found["FunctionName"] for found in functions if found["Handler"].startswith("gate."))
    invoke = acting_as(WORKFLOW, "lambda").invoke
    assert not denied(invoke, FunctionName=gate, Payload="{}")
    assert denied(invoke, FunctionName=secure_stack.metadata.function, Payload="{}")
    theirs = secure_stack.emulator.client("sns").create_topic(Name="theirs")["TopicArn"]
    assert denied(acting_as(WORKFLOW, "sns").publish, TopicArn=theirs, Message="x")
    policies = Policies.of_role(secure_stack.emulator.client("iam"), roles[WORKFLOW])
    for construct, allowed in ((JOBS, True), (MODELS, True), (STARTER, False), (WORKFLOW, False)):
        role = f"arn:aws:iam::{ACCOUNT}:role/{roles[construct]}"
        assert policies.allow(Need("iam:PassRole", role, {"iam:PassedToService": "sagemaker.amazonaws.com"})) is allowed


@pytest.mark.parametrize("construct", [GATE, PUBLISHER, JOBS, ANNOUNCER, REPORTER])
def test_only_the_start_lambda_starts_executions(
    secure_stack: DeployedStack, acting_as: Callable[[str, str], Any], construct: str
) -> None:
    """The gate, the publisher, jobs, the announcer and the reporter cannot start the pipeline."""
    start = acting_as(construct, "stepfunctions").start_execution
    assert denied(start, stateMachineArn=secure_stack.metadata.state_machine, input="{}")


def test_plain_http_is_denied(secure_stack: DeployedStack, acting_as: Callable[[str, str], Any]) -> None:
    """The bucket's policy denies a role's request without TLS, as reported by a proxy."""
    s3, bucket = acting_as(JOBS, "s3"), secure_stack.metadata.bucket
    assert not denied(s3.list_objects_v2, Bucket=bucket)
    s3.meta.events.register(
        "before-sign.s3", lambda request, **_: request.headers.add_header("X-Forwarded-Proto", "http")
    )
    assert denied(s3.list_objects_v2, Bucket=bucket)
    assert denied(s3.put_object, Bucket=bucket, Key="demo/executions/a-test", Body=b"x")


def test_the_certificate_is_checked(secure_stack: DeployedStack) -> None:
    """The emulator's only endpoint is HTTPS, with its own certificate."""
    assert secure_stack.emulator.endpoint.startswith("https://")
    certificate = Path(secure_stack.emulator.environment()["AWS_CA_BUNDLE"])
    assert certificate.read_text().startswith("-----BEGIN CERTIFICATE-----")
