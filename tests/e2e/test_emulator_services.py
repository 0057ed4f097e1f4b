"""What the emulator lacks by itself: SageMaker's services at its port, and times and ends of tasks as on AWS."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.places import ROLE, Place, place, wait_until

pytestmark = pytest.mark.emulator


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[Place]:
    """An emulator with a SageMaker that runs jobs."""
    with place(Path(tmp_path_factory.mktemp("services")), free_port()) as made:
        made.serve_jobs()
        yield made


def test_sagemaker_answers_at_the_emulators_port(here: Place) -> None:
    """One endpoint URL leads every SDK to SageMaker, its runtime and Application Auto Scaling, errors included."""
    sagemaker = here.emulator.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="group")
    (group,) = sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]
    assert group["ModelPackageGroupName"] == "group"
    with pytest.raises(ClientError, match="already exists") as refused:
        sagemaker.create_model_package_group(ModelPackageGroupName="group")
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    with pytest.raises(ClientError, match="Endpoint nothing of account 000000000000 not found") as refused:
        here.emulator.client("sagemaker-runtime").invoke_endpoint(EndpointName="nothing", Body=b"1,2")
    assert refused.value.response["Error"]["Code"] == "ValidationError"
    scaling = here.emulator.client("application-autoscaling")
    assert scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"] == []


NEVER_SIGNALLED = {
    "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
    "Condition": {
        "Type": "AWS::CloudFormation::WaitCondition",
        "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "1"},
    },
}


def test_stack_is_described_once_it_has_changed(here: Place) -> None:
    """The first look at a stack that takes a second to create shows its end, so no client has to look again."""
    cloudformation = here.emulator.client("cloudformation")
    cloudformation.create_stack(StackName="slow", TemplateBody=json.dumps({"Resources": NEVER_SIGNALLED}))
    (stack,) = cloudformation.describe_stacks(StackName="slow")["Stacks"]
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"


def run(here: Place, task: dict[str, Any], **given: Any) -> str:
    """Starts an execution of this one task; gives its ARN."""
    definition = {
        "QueryLanguage": "JSONata",
        "StartAt": "Task",
        "States": {"Task": task | {"Type": "Task", "End": True}},
    }
    machine = here.step_functions.create_state_machine(
        name=f"machine-{time.monotonic_ns()}", definition=json.dumps(definition), roleArn=ROLE
    )
    started = here.step_functions.start_execution(stateMachineArn=machine["stateMachineArn"], input=json.dumps(given))
    return str(started["executionArn"])


WAITING = {
    "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
    "Arguments": {"QueueUrl": "{% $states.input.queue %}", "MessageBody": "{% $states.context.Task.Token %}"},
    "TimeoutSeconds": "{% $states.input.seconds %}",
}


@pytest.fixture
def queue(here: Place) -> str:
    """The URL of a queue."""
    return str(here.emulator.client("sqs").create_queue(QueueName="questions")["QueueUrl"])


def test_time_of_a_task_may_be_an_expression(here: Place, queue: str) -> None:
    """A task fails with States.Timeout after as many seconds as its expression gives."""
    before = time.monotonic()
    execution = here.finish(run(here, WAITING, queue=queue, seconds=1))
    assert (execution["status"], execution["error"]) == ("FAILED", "States.Timeout")
    assert time.monotonic() - before >= 1


def test_time_that_is_no_number_fails(here: Place, queue: str) -> None:
    """An expression that gives no number fails the execution as on AWS."""
    execution = here.finish(run(here, WAITING, queue=queue, seconds="soon"))
    assert (execution["status"], execution["error"]) == ("FAILED", "States.QueryEvaluationError")


def test_stopped_execution_stays_stopped(here: Place, queue: str) -> None:
    """The time of a task whose execution was stopped meanwhile runs out without turning the end into a failure."""
    arn = run(here, WAITING, queue=queue, seconds=1)
    wait_until(lambda: "Messages" in here.emulator.client("sqs").receive_message(QueueUrl=queue))
    here.step_functions.stop_execution(executionArn=arn)
    time.sleep(1.5)
    assert here.describe(arn)["status"] == "ABORTED"


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
def test_refusals_have_their_names(here: Place, integration: str, request_: dict[str, Any], error: str) -> None:
    """A task is refused with the error that Step Functions names; what this machine cannot do, with one of ours."""
    execution = here.finish(run(here, {"Resource": f"arn:aws:states:::{integration}", "Arguments": request_}))
    assert execution["status"] == "FAILED"
    assert execution["error"].startswith(error), execution


def test_object_is_read(here: Place) -> None:
    """A task reads an object of the emulator's S3."""
    s3 = here.emulator.client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="key", Body=b"content")
    task = {"Resource": "arn:aws:states:::aws-sdk:s3:getObject", "Arguments": {"Bucket": "bucket", "Key": "key"}}
    execution = here.finish(run(here, task))
    assert json.loads(execution["output"])["Body"] == "content"
