"""The calls of whole executions, and the templates with the roles that make them."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.input.execution import execution_input
from pipeline.input.samples import SAMPLE_TOKENS
from tests.pipeline.endpoints import UNKNOWN, Endpoints
from tests.pipeline.machine import Ended, Handler, TaskError, run
from tests.policies.references import ACCOUNT, REGION, resolved

PROJECT = Path(__file__).parent.parent.parent
PACKAGE = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/demo/2"
CHAMPION = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/demo/1"


def refuse(_request: dict[str, Any]) -> Any:
    """A model that fails its smoke test."""
    raise TaskError("SageMakerRuntime.ModelErrorException", "no")


MONITORED = {
    "run": True,
    "scope": "serving",
    "input": {"ProcessingOutputConfig": {"Outputs": [{"S3Output": {"S3Uri": "s3://mlops-bucket/demo/monitoring"}}]}},
}


def _monitor(request: dict[str, Any]) -> Any:
    """The functions: the gate approves, and the monitor wants a retraining."""
    if request["FunctionName"] == "GATE":
        return {"Payload": {"decision": "Approved", "reason": "good"}}
    window = {"version": PACKAGE, "begins": "2026-11-29T00:00:00", "ends": "2026-11-29T01:00:00"}
    opened = {"files": 1, "inputs": {}, "window": window}
    return {"Payload": {"retrain": True, "reason": "drift"} if "window" in request["Payload"] else opened}


def _found(request: dict[str, Any]) -> Any:
    """The record of the smoke test, and the report of monitoring."""
    is_report = request["Key"].endswith("monitoring.json")
    return {"Body": '{"outcome": "drift", "records": 1, "violations": []}' if is_report else "1,2"}


@pytest.fixture(scope="session")
def calls() -> list[tuple[str, dict[str, Any]]]:
    """Every call of four executions that together visit every state with a call."""
    filled = execution_input(
        (PROJECT / "scripts" / "input.yaml").read_bytes(),
        tokens=SAMPLE_TOKENS,
        event_id="event",
        overrides={
            "approval": {"manual": True, "must_beat_champion": True},
            "registration": {"input": {"Tags": [{"Key": "team", "Value": "a"}]}},
            "CreateModel": {"input": {"Tags": [{"Key": "team", "Value": "a"}]}},
            "deployment": {
                "input": {
                    "EndpointConfig": {
                        "Tags": [{"Key": "team", "Value": "a"}],
                        "ProductionVariants": [
                            {"VariantName": "a", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
                        ],
                    },
                    "Tags": [{"Key": "team", "Value": "a"}],
                    "DeploymentConfig": {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]}},
                },
                "smoke_test": {"Body": None, "S3Uri": "s3://mlops-bucket/demo/record.csv"},
                "autoscaling": {"min_capacity": 1, "max_capacity": 2, "invocations_per_instance": 10},
            },
        },
    ).content
    filled["training"]["record"] = {"key": "0123456789abcdef", "replaces": ""}
    executions = [
        _run(filled, Endpoints()),
        _run(filled, Endpoints(serving="mlops-demo-0"), invokeEndpoint=refuse),
        _run(filled, Endpoints(), invokeEndpoint=refuse),
        _run(filled | {"monitoring": MONITORED}, Endpoints(), invoke=_monitor, getObject=_found),
    ]
    assert [ended.status for ended in executions] == ["SUCCEEDED", "FAILED", "FAILED", "SUCCEEDED"], executions
    return [call for ended in executions for call in ended.requests]


def _run(data: dict[str, Any], endpoints: Endpoints, **handlers: Handler) -> Ended:
    def group(_request: dict[str, Any]) -> Any:
        raise TaskError(UNKNOWN, "it is there")

    waiting = {"decision": "Waiting", "reason": "", "announcement": {"subject": "?", "message": "?"}, "champion": {}}
    answers: dict[str, Handler] = {
        **dict.fromkeys(["createProcessingJob.sync", "createTransformJob.sync"], lambda _: {}),
        "createTrainingJob.sync": lambda _: {"ModelArtifacts": {"S3ModelArtifacts": "s3://mlops-bucket/model.tar.gz"}},
        **dict.fromkeys(["createModel", "updateModelPackage", "publish", "registerScalableTarget"], lambda _: {}),
        "createModelPackageGroup": group,
        "createModelPackage": lambda _: {"ModelPackageArn": PACKAGE},
        "listModelPackages": lambda _: {"ModelPackageSummaryList": [{"ModelPackageArn": CHAMPION}]},
        "describeModelPackage": lambda _: {"ModelPackageArn": CHAMPION},
        "invoke": lambda _: {"Payload": waiting},
        "putItem.waitForTaskToken": lambda _: {"decision": "Approved", "by": "somebody", "reason": "good"},
        "putItem": lambda _: {},
        "putEvents": lambda _: {"FailedEntryCount": 0},
        "getObject": lambda _: {"Body": "1,2"},
        "invokeEndpoint": lambda _: {"Body": "0.1,0", "ContentType": "text/csv"},
        "putScalingPolicy": lambda _: {"PolicyARN": "arn"},
    }
    return run(copy.deepcopy(data), answers | endpoints.handlers() | handlers)


def of_deployment(template: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    """A request with the template's own resources in place of placeholders."""

    def logical_id(kind: str, prefix: str) -> str:
        names: list[str] = [name for name, found in template["Resources"].items() if found["Type"] == kind]
        return next(name for name in names if name.startswith(prefix))

    def arn(kind: str, prefix: str) -> str:
        return str(resolved({"Fn::GetAtt": [logical_id(kind, prefix), "Arn"]}, template))

    text = json.dumps(request)
    for old, new in {
        '"GATE"': json.dumps(arn("AWS::Lambda::Function", "Approval")),
        '"MONITOR"': json.dumps(arn("AWS::Lambda::Function", "Monitor")),
        '"SERVING-ROLE"': json.dumps(arn("AWS::IAM::Role", "Serving")),
        '"TOPIC"': json.dumps(resolved({"Ref": logical_id("AWS::SNS::Topic", "")}, template)),
        '"APPROVALS"': json.dumps(logical_id("AWS::DynamoDB::Table", "Approval")),
        '"RECORDS"': json.dumps(logical_id("AWS::DynamoDB::Table", "Reuse")),
        SAMPLE_TOKENS["SAGEMAKER_EXECUTION_ROLE"]: arn("AWS::IAM::Role", "SageMaker"),
        SAMPLE_TOKENS["MLOPS_BUCKET"]: logical_id("AWS::S3::Bucket", "Storage"),
    }.items():
        text = text.replace(old, new)
    content: dict[str, Any] = json.loads(text)
    return content
