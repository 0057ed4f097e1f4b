"""Services added to the emulator: SageMaker on its port, and timeouts and stops of tasks as on AWS."""

import io
import json
import os
import secrets
import statistics
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.file_bodies import LEAST
from pipeline.input.samples import SAMPLE_TOKENS
from pipeline.refusals import as_refused
from tests.e2e.pipeline_emulator import ROLE, PipelineEmulator, pipeline_emulator
from tests.waiting import wait_until

pytestmark = pytest.mark.emulator


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[PipelineEmulator]:
    """An emulator with a SageMaker that runs jobs."""
    with pipeline_emulator(Path(tmp_path_factory.mktemp("services")), free_port()) as made:
        made.serve_jobs()
        yield made


def test_sagemaker_answers_at_the_emulators_port(pipeline: PipelineEmulator) -> None:
    """SageMaker, its runtime and Application Auto Scaling answer at the one endpoint URL, with AWS's errors."""
    sagemaker = pipeline.emulator.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="group")
    (group,) = sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]
    assert group["ModelPackageGroupName"] == "group"
    with pytest.raises(ClientError, match="already exists") as refused:
        sagemaker.create_model_package_group(ModelPackageGroupName="group")
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    with pytest.raises(ClientError, match="Endpoint nothing of account 000000000000 not found") as refused:
        pipeline.emulator.client("sagemaker-runtime").invoke_endpoint(EndpointName="nothing", Body=b"1,2")
    assert refused.value.response["Error"]["Code"] == "ValidationError"
    scaling = pipeline.emulator.client("application-autoscaling")
    assert scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"] == []


def test_a_missing_service_is_rejected_immediately(pipeline: PipelineEmulator) -> None:
    """The emulator does not first read the models of all services, which would block every other request."""
    quotas = pipeline.emulator.client("service-quotas")
    begun = time.monotonic()
    with pytest.raises(ClientError, match=r"An error occurred \(400\)"):
        quotas.get_service_quota(ServiceCode="sagemaker", QuotaCode="L-1")
    assert time.monotonic() - begun < 1


def test_first_state_is_entered_immediately(pipeline: PipelineEmulator) -> None:
    """Executions begin without the emulator's own pause of 0.15 s; most of them, since this machine may be busy."""
    definition = json.dumps({"StartAt": "Only", "States": {"Only": {"Type": "Succeed"}}})
    machine = pipeline.step_functions.create_state_machine(name="immediate", definition=definition, roleArn=ROLE)
    waited = []
    for _ in range(5):
        execution = pipeline.step_functions.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
        pipeline.finish(execution)
        started, entered, *_ = pipeline.step_functions.get_execution_history(executionArn=execution)["events"]
        waited.append((entered["timestamp"] - started["timestamp"]).total_seconds())
    assert statistics.median(waited) < 0.1


def content_lengths(s3: Any) -> list[int]:
    """The content lengths of the client's uploads, as it sends them."""
    lengths: list[int] = []
    s3.meta.events.register(
        "before-send.s3.PutObject", lambda request, **_: lengths.append(int(request.headers["Content-Length"]))
    )
    return lengths


@pytest.mark.parametrize(("size", "sent"), [(LEAST - 1, LEAST - 1), (LEAST, 0)])
def test_large_files_are_read_instead_of_received(
    pipeline: PipelineEmulator, tmp_path: Path, size: int, sent: int
) -> None:
    """The content of a large file does not travel over HTTP, and is what was opened, whatever takes its place."""
    s3 = pipeline.emulator.client("s3")
    s3.create_bucket(Bucket=f"size-{size}")
    lengths = content_lengths(s3)
    file, content = tmp_path / "file", secrets.token_bytes(size)
    file.write_bytes(content)
    with file.open("rb") as opened:
        file.unlink()
        file.symlink_to("/etc/passwd")
        s3.put_object(Bucket=f"size-{size}", Key="key", Body=opened)
    assert lengths == [sent]
    assert s3.get_object(Bucket=f"size-{size}", Key="key")["Body"].read() == content


def test_file_that_the_emulator_cannot_read_is_sent(
    pipeline: PipelineEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the emulator may not open the client's files, they are sent, from the second one on immediately."""
    s3 = pipeline.emulator.client("s3")
    s3.create_bucket(Bucket="unreadable")
    monkeypatch.setattr(os, "getpid", lambda: 1 << 30)  # as if the emulator did not see this process
    lengths = content_lengths(s3)
    file, content = tmp_path / "file", secrets.token_bytes(LEAST)
    file.write_bytes(content)
    for key in ("first", "second"):
        with file.open("rb") as opened:
            s3.put_object(Bucket="unreadable", Key=key, Body=opened)
        assert s3.get_object(Bucket="unreadable", Key=key)["Body"].read() == content
    assert lengths == [0, LEAST, LEAST]


NEVER_SIGNALLED = {
    "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
    "Condition": {
        "Type": "AWS::CloudFormation::WaitCondition",
        "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "1"},
    },
}


def test_stack_is_described_once_it_has_changed(pipeline: PipelineEmulator) -> None:
    """The first description of a stack that takes a second to create is the final one, so clients need not poll."""
    cloudformation = pipeline.emulator.client("cloudformation")
    cloudformation.create_stack(StackName="slow", TemplateBody=json.dumps({"Resources": NEVER_SIGNALLED}))
    (stack,) = cloudformation.describe_stacks(StackName="slow")["Stacks"]
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"


def run(pipeline: PipelineEmulator, task: dict[str, Any], others: dict[str, Any] | None = None, /, **given: Any) -> str:
    """Starts an execution of a single task and what its Catch leads to; returns its ARN."""
    definition = {
        "QueryLanguage": "JSONata",
        "StartAt": "Task",
        "States": {"Task": task | {"Type": "Task", "End": True}} | (others or {}),
    }
    machine = pipeline.step_functions.create_state_machine(
        name=f"machine-{time.monotonic_ns()}", definition=json.dumps(definition), roleArn=ROLE
    )
    started = pipeline.step_functions.start_execution(
        stateMachineArn=machine["stateMachineArn"], input=json.dumps(given)
    )
    return str(started["executionArn"])


WAITING = {
    "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
    "Arguments": {"QueueUrl": "{% $states.input.queue %}", "MessageBody": "{% $states.context.Task.Token %}"},
    "TimeoutSeconds": "{% $states.input.seconds %}",
}


@pytest.fixture
def queue(pipeline: PipelineEmulator) -> str:
    """The URL of a queue."""
    return str(pipeline.emulator.client("sqs").create_queue(QueueName="questions")["QueueUrl"])


def test_timeout_may_be_an_expression(pipeline: PipelineEmulator, queue: str) -> None:
    """A task fails with States.Timeout after the seconds that its expression returns."""
    before = time.monotonic()
    execution = pipeline.finish(run(pipeline, WAITING, queue=queue, seconds=1))
    assert (execution["status"], execution["error"]) == ("FAILED", "States.Timeout")
    assert time.monotonic() - before >= 1


def test_timeout_that_is_not_a_number(pipeline: PipelineEmulator, queue: str) -> None:
    """An expression that does not return a number fails the execution, as on AWS."""
    execution = pipeline.finish(run(pipeline, WAITING, queue=queue, seconds="soon"))
    assert (execution["status"], execution["error"]) == ("FAILED", "States.QueryEvaluationError")


def test_stopped_execution_stays_stopped(pipeline: PipelineEmulator, queue: str) -> None:
    """A timeout after an execution was stopped does not turn it into a failed one."""
    arn = run(pipeline, WAITING, queue=queue, seconds=1)
    wait_until(lambda: "Messages" in pipeline.emulator.client("sqs").receive_message(QueueUrl=queue))
    pipeline.step_functions.stop_execution(executionArn=arn)
    time.sleep(1.5)
    assert pipeline.describe(arn)["status"] == "ABORTED"


@pytest.mark.parametrize(
    ("integration", "request_", "error"),
    [
        ("sagemaker:createModel", {}, "SageMaker.AmazonSageMakerException"),
        ("aws-sdk:sagemaker:describeEndpoint", {"EndpointName": "none"}, "SageMaker.SageMakerException"),
        ("aws-sdk:sagemakerruntime:invokeEndpoint", {"EndpointName": "none", "Body": "1"}, "SageMakerRuntime."),
        ("aws-sdk:s3:getObject", {"Bucket": "nobodys", "Key": "key"}, "S3.NoSuchBucketException"),
        ("sagemaker:createEndpointTomorrow", {}, "Local.NotSupported"),
    ],
)
def test_errors_have_step_functions_names(
    pipeline: PipelineEmulator, integration: str, request_: dict[str, Any], error: str
) -> None:
    """A task fails with Step Functions' name for the error; an unsupported task with a name of our own."""
    execution = pipeline.finish(run(pipeline, {"Resource": f"arn:aws:states:::{integration}", "Arguments": request_}))
    assert execution["status"] == "FAILED"
    assert execution["error"].startswith(error), execution


FUNCTION = """
class TooBusyError(Exception):
    pass

def handler(event, context):
    raise TooBusyError(event["message"])
"""


@pytest.mark.parametrize("message", ["one line", "two\nlines: a b", ""])
def test_a_functions_error_has_its_class_as_its_name(pipeline: PipelineEmulator, message: str) -> None:
    """Retry and Catch match it by this name, as on AWS; the cause has the message."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("busy.py", FUNCTION)
    name = f"busy-{time.monotonic_ns()}"
    pipeline.emulator.client("lambda").create_function(
        FunctionName=name, Runtime="python3.11", Role=ROLE, Handler="busy.handler", Code={"ZipFile": packed.getvalue()}
    )
    task = {
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": name, "Payload": "{% $states.input %}"},
        "Catch": [{"ErrorEquals": ["TooBusyError"], "Output": "{% $states.errorOutput %}", "Next": "Caught"}],
    }
    ended = pipeline.finish(run(pipeline, task, {"Caught": {"Type": "Succeed"}}, message=message))
    caught = json.loads(ended["output"])
    assert as_refused(caught["Error"], caught["Cause"]) == ("TooBusyError", message)


def test_object_is_read(pipeline: PipelineEmulator) -> None:
    """A task reads an object of the emulator's S3."""
    s3 = pipeline.emulator.client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="key", Body=b"content")
    task = {"Resource": "arn:aws:states:::aws-sdk:s3:getObject", "Arguments": {"Bucket": "bucket", "Key": "key"}}
    execution = pipeline.finish(run(pipeline, task))
    assert json.loads(execution["output"])["Body"] == "content"


@pytest.mark.parametrize("integration", ["sagemaker:createProcessingJob", "aws-sdk:sagemaker:createProcessingJob"])
def test_a_task_without_sync_does_not_wait_for_its_job(pipeline: PipelineEmulator, integration: str) -> None:
    """Such a task ends as soon as the job exists, with the answer of CreateProcessingJob; the job runs on."""
    name = f"job-{time.monotonic_ns()}"
    job = {
        "ProcessingJobName": name,
        "AppSpecification": {"ImageUri": SAMPLE_TOKENS["IMAGE_URI"], "ContainerEntrypoint": ["sleep", "30"]},
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
        },
        "RoleArn": ROLE,
    }
    task = {"Resource": f"arn:aws:states:::{integration}", "Arguments": job}
    execution = pipeline.finish(run(pipeline, task))
    assert execution["status"] == "SUCCEEDED", execution
    assert json.loads(execution["output"])["ProcessingJobArn"].endswith(f"/{name}")
    sagemaker = pipeline.emulator.client("sagemaker")
    assert sagemaker.describe_processing_job(ProcessingJobName=name)["ProcessingJobStatus"] == "InProgress"
    sagemaker.stop_processing_job(ProcessingJobName=name)
