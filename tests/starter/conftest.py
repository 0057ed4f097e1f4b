"""The start Lambda on moto's S3 and Step Functions."""

import importlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import boto3
import moto
import pytest

BUCKET = "mlops-bucket"
KEY = "demo/scripts/input.yaml"
ROLE = "arn:aws:iam::123456789012:role/SageMakerExecutionRole"
STATE_MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:MLOpsStateMachine"


@dataclass
class Context:
    """The attributes of Lambda's context that the handler and powertools read."""

    aws_request_id: str = "8f14e45f-ceea-467a-9f3c-0123456789ab"
    function_name: str = "starter"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:starter"


@dataclass
class Deployed:
    """The handler's module and the services that it calls."""

    module: ModuleType
    s3: Any
    step_functions: Any

    def put(self, text: str | bytes, key: str = KEY) -> None:
        """Puts an input file into the bucket."""
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=text)

    def invoke(self, event: Any | None = None, request_id: str = Context.aws_request_id) -> dict[str, Any]:
        """Invokes the handler, by default with the sample event."""
        sample = {"config": {"bucket": BUCKET, "prefix": KEY}}
        answer: dict[str, Any] = self.module.handler(sample if event is None else event, Context(request_id))
        return answer

    def context(self) -> Context:
        """The context of an invocation."""
        return Context()

    def executions(self) -> list[dict[str, Any]]:
        """The executions that were started."""
        listed = self.step_functions.list_executions(stateMachineArn=STATE_MACHINE)["executions"]
        return [self.step_functions.describe_execution(executionArn=item["executionArn"]) for item in listed]


@pytest.fixture(scope="session")
def session() -> boto3.Session:
    """A shared session, since loading the services' models takes longer than most tests."""
    return boto3.Session()


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch, session: boto3.Session) -> Iterator[Deployed]:
    """The Lambda as the stack deploys it, with its bucket and state machine."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    environment = {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "STATE_MACHINE_ARN": STATE_MACHINE,
        "MLOPS_BUCKET": BUCKET,
        "MODEL_NAME": "demo",
        "SAGEMAKER_EXECUTION_ROLE": ROLE,
        "IN_VPC": "false",
        "RECORDS_TABLE": "records",
        "IMAGE_URI": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3",
        "XGBOOST_IMAGE_URI": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5",
        "POWERTOOLS_METRICS_NAMESPACE": "MLOps",
        "POWERTOOLS_SERVICE_NAME": "mlops-starter",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with moto.mock_aws():
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        step_functions = boto3.client("stepfunctions")
        step_functions.create_state_machine(
            name="MLOpsStateMachine", definition='{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}', roleArn=ROLE
        )
        module = importlib.reload(importlib.import_module("starter.handler"))
        yield Deployed(module, s3, step_functions)
