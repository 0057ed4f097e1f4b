"""The deployed state machine and Lambda on the emulator, with a SageMaker that only records requests."""

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pipeline.stages import STAGES
from sagemaker_local.errors import TaskFailed
from tests.covering import Flags, covering
from tests.e2e.conftest import DeployedStack
from tests.pipeline.endpoints import Endpoints
from tests.pipeline.machine import Handler, TaskError

pytestmark = pytest.mark.emulator


PACKAGE = "arn:aws:sagemaker:us-east-1:000000000000:model-package/demo/2"
CHAMPION = "arn:aws:sagemaker:us-east-1:000000000000:model-package/demo/1"
SKILL = "better_than_constant.skill.value"


MONITORED = json.dumps({"outcome": "healthy", "records": 500, "violations": []})


class RecordingSageMaker:
    """Completes every request immediately; training leaves a model, an evaluation a report.

    Args:
        s3: a client of the emulator.
    """

    def __init__(self, s3: Any) -> None:
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.report: bytes = json.dumps({"better_than_constant": {"skill": {"value": 0.45}}}).encode()
        self.endpoints = Endpoints()
        self.champion: str | None = None
        """The URI of the latest approved version's report; None without such a version."""
        self.together: threading.Barrier | None = None
        """How many executions must be in preprocessing before it ends; None for no other."""
        self._s3 = s3

    def run(self, action: str, request: dict[str, Any]) -> dict[str, Any]:
        """Records the request."""
        self.requests.append((action, request))
        if request.get("ProcessingJobName", "").startswith("evaluation-"):
            report = request["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
            self._leave(f"{report}/evaluation.json", self.report)
        elif action == "createProcessingJob":
            if self.together:
                self.together.wait(30)
            for output in request["ProcessingOutputConfig"]["Outputs"]:
                self._leave(f"{output['S3Output']['S3Uri']}/smoke.csv", b"1,2,3")
        if action == "createTrainingJob":
            output = request["OutputDataConfig"]["S3OutputPath"]
            self._leave(f"{output}/{request['TrainingJobName']}/output/model.tar.gz", b"a model")
        answers: dict[str, Handler] = {
            "createModelPackage": lambda _request: {"ModelPackageArn": PACKAGE},
            "getObject": lambda request: {"Body": MONITORED if request["Key"].endswith("monitoring.json") else "1,2,3"},
            "listModelPackages": lambda _request: {
                "ModelPackageSummaryList": [{"ModelPackageArn": CHAMPION}] if self.champion else []
            },
            "describeModelPackage": lambda _request: {
                "ModelPackageArn": CHAMPION,
                "ModelMetrics": {"ModelQuality": {"Statistics": {"S3Uri": self.champion}}},
            },
        }
        done: Handler = lambda _request: {"Done": action}  # noqa: E731 - the default of a table of such
        try:
            result: dict[str, Any] = (answers | self.endpoints.handlers()).get(action, done)(request)
        except TaskError as error:
            raise TaskFailed(error.error, error.cause) from error
        return result

    def stop_job(self, action: str, name: str) -> None:
        """Nothing runs."""

    def stop(self) -> None:
        """Nothing runs."""

    def _leave(self, uri: str, content: bytes) -> None:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        if bucket in {item["Name"] for item in self._s3.list_buckets()["Buckets"]}:
            self._s3.put_object(Bucket=bucket, Key=key, Body=content)


@pytest.fixture(scope="module")
def sagemaker(deployed_stack: DeployedStack) -> RecordingSageMaker:
    """The recording SageMaker, attached to the deployed state machine."""
    client = deployed_stack.emulator.client
    recording = RecordingSageMaker(client("s3"))
    deployed_stack.emulator.services.attach(recording)
    return recording


def finish(stack: DeployedStack, arn: str) -> dict[str, Any]:
    """Waits for the execution to end; returns its description."""
    step_functions = stack.emulator.client("stepfunctions")
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        execution: dict[str, Any] = step_functions.describe_execution(executionArn=arn)
        if execution["status"] != "RUNNING":
            return execution
        time.sleep(0.05)
    raise AssertionError("the execution did not end")


def resolved(value: Any, stack: DeployedStack) -> str:
    """Resolves CloudFormation's functions in a text of the template with calls to the services."""
    client = stack.emulator.client
    match value:
        case str():
            return value
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(resolved(part, stack) for part in parts)
        case {"Ref": name} | {"Fn::GetAtt": [name, "Arn"]}:
            detail = client("cloudformation").describe_stack_resource(
                StackName=stack.metadata.name, LogicalResourceId=name
            )["StackResourceDetail"]
            physical = str(detail["PhysicalResourceId"])
            if "Ref" in value:
                return physical
            if detail["ResourceType"] == "AWS::IAM::Role":
                return str(client("iam").get_role(RoleName=physical)["Role"]["Arn"])
            return str(client("lambda").get_function(FunctionName=physical)["Configuration"]["FunctionArn"])
    raise AssertionError(f"{value} in the definition")


def test_deployed_definition_is_the_templates(deployed_stack: DeployedStack) -> None:
    """The emulator runs, byte for byte, the template's definition for AWS."""
    template = deployed_stack.emulator.client("cloudformation").get_template(StackName=deployed_stack.metadata.name)
    body = template["TemplateBody"]
    (machine,) = [
        resource["Properties"]
        for resource in (json.loads(body) if isinstance(body, str) else body)["Resources"].values()
        if resource["Type"] == "AWS::StepFunctions::StateMachine"
    ]
    described = deployed_stack.emulator.client("stepfunctions").describe_state_machine(
        stateMachineArn=deployed_stack.metadata.state_machine
    )
    assert described["definition"] == resolved(machine["DefinitionString"], deployed_stack)


@pytest.fixture(scope="module")
def source(deployed_stack: DeployedStack, sagemaker: RecordingSageMaker) -> str:  # noqa: ARG001 - it completes the stages
    """The name of an execution in which every stage has run."""
    answer, _ = deployed_stack.invoke()
    assert finish(deployed_stack, answer["executionArn"])["status"] == "SUCCEEDED"
    return str(answer["name"])


def test_sample_input_started_without_the_lambda(
    deployed_stack: DeployedStack, sagemaker: RecordingSageMaker, seed_input: dict[str, Any]
) -> None:
    """With the sample JSON, each job gets the request that it describes."""
    name = f"by-hand-{uuid.uuid4().hex[:8]}"
    started = deployed_stack.emulator.client("stepfunctions").start_execution(
        stateMachineArn=deployed_stack.metadata.state_machine, name=name, input=json.dumps(seed_input)
    )
    execution = finish(deployed_stack, started["executionArn"])
    assert execution["status"] == "SUCCEEDED", execution
    first_action, first_request = sagemaker.requests[0]
    given = seed_input["preprocessing"]["input"]
    described = {key: value for key, value in given.items() if value is not None and key != "AppManaged"}
    assert first_action == "createProcessingJob"
    assert first_request == described | {"ProcessingJobName": name}
    assert [request.get("ModelName") for _, request in sagemaker.requests[-2:]] == [f"model-{name}"] * 2
    output = json.loads(execution["output"])
    assert output["training"]["result"] == {"Done": "createTrainingJob"}
    assert output["batchTransform"]["input"] == seed_input["batchTransform"]["input"]


def test_sample_event_starts_the_shipped_input(deployed_stack: DeployedStack, sagemaker: RecordingSageMaker) -> None:
    """The sample event starts an execution of the input that the deployment published."""
    answer, _ = deployed_stack.invoke()
    assert answer["started"] is True
    execution = finish(deployed_stack, answer["executionArn"])
    assert execution["status"] == "SUCCEEDED", execution
    made = dict(sagemaker.requests)
    assert made["createTransformJob"]["TransformJobName"] == f"batch-{answer['name']}"
    assert made["updateModelPackage"]["ModelApprovalStatus"] == "Approved"
    assert made["createEndpoint"] == {"EndpointName": "demo", "EndpointConfigName": answer["name"]}
    assert made["invokeEndpoint"]["ContentType"] == "text/csv"


def test_scripts_are_published(deployed_stack: DeployedStack) -> None:
    """After the deployment, the scripts, input.yaml and source.tar.gz are in the bucket under their prefix."""
    listed = deployed_stack.emulator.client("s3").list_objects_v2(
        Bucket=deployed_stack.metadata.bucket, Prefix="demo/scripts/"
    )
    keys = {item["Key"].removeprefix("demo/scripts/") for item in listed["Contents"]}
    assert {"input.yaml", "preprocessing.py", "train.py", "evaluation.py", "inference.py", "source.tar.gz"} <= keys


def test_missing_input_is_named(deployed_stack: DeployedStack) -> None:
    """The response for a missing key has its URI, and nothing is started."""
    metadata = deployed_stack.metadata
    step_functions = deployed_stack.emulator.client("stepfunctions")
    before = len(step_functions.list_executions(stateMachineArn=metadata.state_machine)["executions"])
    answer, failed = deployed_stack.invoke(key="demo/scripts/no-such.yaml")
    assert (answer["started"], failed) == (False, False)
    assert answer["errorMessage"].startswith(
        f"s3://{metadata.bucket}/demo/scripts/no-such.yaml: there is no such object"
    )
    assert len(step_functions.list_executions(stateMachineArn=metadata.state_machine)["executions"]) == before


@pytest.mark.usefixtures("sagemaker")
@pytest.mark.parametrize("flags", covering(len(STAGES)), ids=str)
def test_only_requested_stages_run(deployed_stack: DeployedStack, source: str, flags: Flags) -> None:
    """With a source execution for the other stages, exactly the requested stages run."""
    runs = {stage.key: {"run": run} for stage, run in zip(STAGES, flags, strict=True)}
    answer, _ = deployed_stack.invoke(overrides=runs | {"source_execution_id": source})
    assert answer["started"], answer
    execution = finish(deployed_stack, answer["executionArn"])
    assert execution["status"] == "SUCCEEDED", execution
    output = json.loads(execution["output"])
    assert [stage.key for stage in STAGES if "result" in output[stage.key]] == [
        stage.key for stage in STAGES if runs[stage.key]["run"]
    ]


@pytest.fixture
def endpoints(sagemaker: RecordingSageMaker) -> Iterator[Callable[[Endpoints], Endpoints]]:
    """Replaces the endpoints for one test."""

    def replace(others: Endpoints) -> Endpoints:
        sagemaker.endpoints = others
        return others

    yield replace
    sagemaker.endpoints = Endpoints()


def failed(stack: DeployedStack, **overrides: Any) -> dict[str, Any]:
    """Runs the shipped input with these overrides, which must fail; returns the execution."""
    answer, _ = stack.invoke(overrides=overrides)
    assert answer["started"], answer
    execution = finish(stack, answer["executionArn"])
    assert execution["status"] == "FAILED", execution
    return execution


def test_endpoint_that_never_gets_in_service(
    deployed_stack: DeployedStack, endpoints: Callable[[Endpoints], Endpoints]
) -> None:
    """After the timeout, the endpoint and its config are deleted, and the execution fails with the reason."""
    slow = endpoints(Endpoints(progress=("Creating",)))
    execution = failed(deployed_stack, deployment={"timeout_seconds": 1})
    assert execution["error"] == "DeploymentFailed"
    assert execution["cause"] == "endpoint demo is Creating after 1 seconds"
    assert (slow.serving, slow.configs) == (None, set())


def test_endpoint_that_somebody_else_is_updating(
    deployed_stack: DeployedStack, endpoints: Callable[[Endpoints], Endpoints]
) -> None:
    """It is left alone, and the new resources are deleted."""
    busy = endpoints(Endpoints(serving="theirs", status="Updating", progress=()))
    execution = failed(deployed_stack)
    assert execution["error"] == "DeploymentFailed"
    assert execution["cause"] == "endpoint demo is Updating; it can be updated when it is InService"
    assert (busy.serving, busy.configs) == ("theirs", {"theirs"})


def test_challenger_that_is_worse_than_the_champion(
    deployed_stack: DeployedStack, sagemaker: RecordingSageMaker
) -> None:
    """With must_beat_champion it is rejected; without, the output has both values."""
    key = "champion/evaluation.json"
    report = json.dumps({"better_than_constant": {"skill": {"value": 0.47}}})
    bucket = deployed_stack.metadata.bucket
    deployed_stack.emulator.client("s3").put_object(Bucket=bucket, Key=key, Body=report)
    sagemaker.champion = f"s3://{bucket}/{key}"
    try:
        execution = failed(deployed_stack, approval={"must_beat_champion": True})
        assert execution["error"] == "ModelRejected"
        assert "0.45" in execution["cause"]
        assert "0.47" in execution["cause"]
        answer, _ = deployed_stack.invoke()
        output = json.loads(finish(deployed_stack, answer["executionArn"])["output"])
    finally:
        sagemaker.champion = None
    (metric,) = output["approval"]["result"]["metrics"]
    assert (metric["name"], metric["value"], metric["champion"]) == (SKILL, 0.45, 0.47)
    assert output["approval"]["result"]["champion"]["ModelPackageArn"] == CHAMPION


def test_request_for_approval_is_announced(deployed_stack: DeployedStack, sagemaker: RecordingSageMaker) -> None:
    """The topic's subscribers get the metrics, thresholds, report and commands, but no task token."""
    client = deployed_stack.emulator.client
    queue = client("sqs").create_queue(QueueName="approvals")["QueueUrl"]
    arn = client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    (topic,) = [item["TopicArn"] for item in client("sns").list_topics()["Topics"] if "Topic" in item["TopicArn"]]
    client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    answer, _ = deployed_stack.invoke(overrides={"approval": {"manual": True, "timeout_seconds": 2}})
    (message,) = client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=15)["Messages"]
    execution = finish(deployed_stack, answer["executionArn"])
    assert execution["error"] == "ModelRejected"
    assert "nobody answered within 2 seconds" in execution["cause"]
    for part in (SKILL, "0.45", "0.1", "evaluation.json", f"mlops approve {answer['name']}", "mlops reject"):
        assert part in message["Body"], message["Body"]
    item = client("dynamodb").get_item(
        TableName=deployed_stack.metadata.approval_table, Key={"execution": {"S": answer["name"]}}
    )["Item"]
    assert item["token"]["S"] not in message["Body"]
    assert sagemaker.requests[-1][1]["ModelApprovalStatus"] == "Rejected"


def test_unchanged_jobs_are_reused_until_their_results_are_gone(
    deployed_stack: DeployedStack, sagemaker: RecordingSageMaker
) -> None:
    """The state machine records its jobs; the next execution runs none, until somebody empties a folder of results."""
    s3 = deployed_stack.emulator.client("s3")
    s3.create_bucket(Bucket="sagemaker-sample-data-us-east-1")
    jobs = ("preprocessing", "training", "evaluation")
    rest: dict[str, Any] = {stage.key: {"run": False} for stage in STAGES if stage.key not in jobs}

    def run() -> tuple[str, dict[str, str], int]:
        """The execution's name, what it reuses, and how many requests it makes."""
        before = len(sagemaker.requests)
        answer, _ = deployed_stack.invoke(overrides=rest | {"reuse": True})
        assert finish(deployed_stack, answer["executionArn"])["status"] == "SUCCEEDED"
        return answer["name"], answer["reused"], len(sagemaker.requests) - before

    first, reused, requests = run()
    assert (reused, requests) == ({}, 3)
    _, reused, requests = run()
    assert (reused, requests) == (dict.fromkeys(jobs, first), 0)
    bucket = deployed_stack.metadata.bucket
    for item in s3.list_objects_v2(Bucket=bucket, Prefix=f"demo/executions/{first}/test")["Contents"]:
        s3.delete_object(Bucket=bucket, Key=item["Key"])
    again, reused, requests = run()
    assert (reused, requests) == ({}, 3)
    _, reused, _ = run()
    assert reused == dict.fromkeys(jobs, again)


def test_two_executions_with_one_key_both_run_and_one_is_recorded(
    deployed_stack: DeployedStack, sagemaker: RecordingSageMaker
) -> None:
    """Both are in preprocessing at the same time, under the same key; a third one reuses one of them, in all stages."""
    jobs = ("preprocessing", "training", "evaluation")
    overrides: dict[str, Any] = {stage.key: {"run": False} for stage in STAGES if stage.key not in jobs}
    overrides |= {"reuse": True, "preprocessing": {"input": {"Environment": {"ONCE": uuid.uuid4().hex}}}}
    before = len(sagemaker.requests)
    sagemaker.together = threading.Barrier(2)
    answers = [deployed_stack.invoke(overrides=overrides)[0] for _ in range(2)]
    assert [answer["reused"] for answer in answers] == [{}, {}]
    for answer in answers:
        execution = finish(deployed_stack, answer["executionArn"])
        assert execution["status"] == "SUCCEEDED"
        assert "not_recorded" not in execution["output"]
    assert len(sagemaker.requests) - before == 2 * len(jobs)
    sagemaker.together = None
    third, _ = deployed_stack.invoke(overrides=overrides)
    (recorded,) = set(third["reused"].values())
    assert third["reused"].keys() == set(jobs)
    assert recorded in {answer["name"] for answer in answers}
    assert finish(deployed_stack, third["executionArn"])["status"] == "SUCCEEDED"
    assert len(sagemaker.requests) - before == 2 * len(jobs)
