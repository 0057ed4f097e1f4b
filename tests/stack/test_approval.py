"""The template of a stack with only the approval construct."""

import json
from pathlib import Path
from typing import Any

import pytest

STATE_MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:MLOpsStateMachine"


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The template, with the switches of the module's own app."""
    import aws_cdk as cdk  # noqa: PLC0415 - slow to import
    from aws_cdk import aws_s3 as s3  # noqa: PLC0415 - as above

    from infrastructure.approval import Approval  # noqa: PLC0415 - as above

    context = json.loads((Path(__file__).parents[2] / "cdk.json").read_text())["context"]
    app = cdk.App(outdir=str(tmp_path_factory.mktemp("approval")), context=context)
    stack = cdk.Stack(app, "Alone", env=cdk.Environment(account="123456789012", region="us-east-1"))
    approval = Approval(
        stack, "Approval", bucket=s3.Bucket.from_bucket_name(stack, "Bucket", "mlops-bucket"), model_name="demo"
    )
    approval.approvers(STATE_MACHINE)
    content: dict[str, Any] = json.loads(Path(app.synth().get_stack_by_name("Alone").template_full_path).read_text())
    return content


def the(template: dict[str, Any], kind: str) -> dict[str, Any]:
    """The only resource of a kind."""
    (found,) = (resource for resource in template["Resources"].values() if resource["Type"] == kind)
    only: dict[str, Any] = found
    return only


def allowed(policy: dict[str, Any]) -> dict[str, Any]:
    """The resources that a policy allows, by action."""
    statements = policy["Properties"]["PolicyDocument"]["Statement"]
    assert all(statement["Effect"] == "Allow" for statement in statements)
    return {
        action: statement["Resource"]
        for statement in statements
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }


def test_the_gate_reads_the_bucket_and_keeps_models(alone: dict[str, Any]) -> None:
    """The function's role may read the bucket, write registered models, write its own log, and trace."""
    permissions = allowed(the(alone, "AWS::IAM::Policy"))
    (log_group,) = (name for name, found in alone["Resources"].items() if found["Type"] == "AWS::Logs::LogGroup")
    for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
        assert permissions.pop(action) == {"Fn::GetAtt": [log_group, "Arn"]}
    assert permissions.pop("xray:PutTraceSegments") == permissions.pop("xray:PutTelemetryRecords") == "*"
    assert permissions == {
        "s3:GetObject": "arn:aws:s3:::mlops-bucket/*",
        "s3:ListBucket": "arn:aws:s3:::mlops-bucket",
        "s3:PutObject": "arn:aws:s3:::mlops-bucket/demo/registered/*",
        "s3:AbortMultipartUpload": "arn:aws:s3:::mlops-bucket/demo/registered/*",
    }


def test_the_gates_handler_exists(alone: dict[str, Any]) -> None:
    """The function runs Python 3.13 on arm64, is traced, and names a module that exists."""
    function = the(alone, "AWS::Lambda::Function")["Properties"]
    assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["arm64"])
    assert function["TracingConfig"] == {"Mode": "Active"}
    package, module, _ = function["Handler"].split(".")
    assert (Path(__file__).parents[2] / "lambda" / package / f"{module}.py").is_file()


def test_requests_are_kept_by_execution_and_end(alone: dict[str, Any]) -> None:
    """Requests are keyed by execution name, expire, and can be restored; the table is billed per request."""
    table = the(alone, "AWS::DynamoDB::Table")
    assert table["DeletionPolicy"] == "Delete"
    properties = table["Properties"]
    assert properties["KeySchema"] == [{"AttributeName": "execution", "KeyType": "HASH"}]
    assert properties["AttributeDefinitions"] == [{"AttributeName": "execution", "AttributeType": "S"}]
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}
    assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert properties["BillingMode"] == "PAY_PER_REQUEST"


def test_approvers_may_answer_for_this_pipeline_only(alone: dict[str, Any]) -> None:
    """Approvers may read and update requests, and read this state machine's executions and this stack's outputs."""
    permissions = allowed(the(alone, "AWS::IAM::ManagedPolicy"))
    assert permissions.pop("states:DescribeExecution") == (
        "arn:aws:states:us-east-1:123456789012:execution:MLOpsStateMachine:*"
    )
    (table,) = (name for name, found in alone["Resources"].items() if found["Type"] == "AWS::DynamoDB::Table")
    for action in ("dynamodb:GetItem", "dynamodb:UpdateItem"):
        assert permissions.pop(action) == {"Fn::GetAtt": [table, "Arn"]}
    assert (
        permissions.pop("cloudformation:DescribeStacks")
        == "arn:aws:cloudformation:us-east-1:123456789012:stack/Alone/*"
    )
    assert permissions == {"states:SendTaskSuccess": "*"}
