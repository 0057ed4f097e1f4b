"""The stack's template."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from pipeline.asl.resources import PLACEHOLDERS
from pipeline.definition import definition
from pipeline.grants import grants_of, integrations
from pipeline.places import REGISTERED
from pipeline.stages import STAGES
from tests.stack.resources import as_list, resources, statements, the


def policies(template: dict[str, Any]) -> list[dict[str, Any]]:
    """Every policy, including managed ones."""
    return [
        found
        for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
        for found in resources(template, kind).values()
    ]


def starter(template: dict[str, Any]) -> dict[str, Any]:
    function: dict[str, Any]
    (function,) = (
        found["Properties"]
        for found in resources(template, "AWS::Lambda::Function").values()
        if found["Properties"]["Handler"].startswith("starter.")
    )
    return function


def test_metadata_has_the_promised_keys(template: dict[str, Any]) -> None:
    """The metadata output is a JSON string with exactly the keys of the module's description."""
    output = json.dumps(template["Outputs"]["metadata"]["Value"])
    (parts,) = template["Outputs"]["metadata"]["Value"]["Fn::Join"][1:]
    text = "".join(part if isinstance(part, str) else "x" for part in parts)
    assert set(json.loads(text)) == {
        "MlOpsBucket",
        "SageMakerExecutionRole",
        "ImageUri",
        "StateMachine",
        "LambdaFunction",
    }
    assert "683313688378.dkr.ecr.us-east-1." in output


def test_logical_ids_are_stable(template: dict[str, Any]) -> None:
    """The bucket and the state machine keep their logical IDs: a change would replace them."""
    assert template["Resources"]["StorageBucket5CB7C8EA"]["Type"] == "AWS::S3::Bucket"
    assert template["Resources"]["WorkflowStateMachine85C6F4E4"]["Type"] == "AWS::StepFunctions::StateMachine"


def test_bucket_is_secure(template: dict[str, Any]) -> None:
    """The bucket is encrypted, versioned, private, retained, and rejects plain HTTP."""
    (bucket,) = resources(template, "AWS::S3::Bucket").values()
    assert bucket["DeletionPolicy"] == bucket["UpdateReplacePolicy"] == "Retain"
    properties = bucket["Properties"]
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert "BucketEncryption" in properties
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    policy = the(template, "AWS::S3::BucketPolicy")["PolicyDocument"]["Statement"]
    assert any(
        statement["Effect"] == "Deny" and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for statement in policy
    )


def test_runs_expire_and_what_is_registered_does_not(template: dict[str, Any]) -> None:
    """After 90 days, what an execution wrote is deleted, with its versions; no rule deletes other current objects."""
    rules = the(template, "AWS::S3::Bucket")["LifecycleConfiguration"]["Rules"]
    (runs,) = (rule for rule in rules if "ExpirationInDays" in rule)
    assert (runs["Prefix"], runs["ExpirationInDays"], runs["Status"]) == ("demo/executions/", 90, "Enabled")
    assert runs["NoncurrentVersionExpiration"]["NoncurrentDays"] < 90
    assert not f"demo/{REGISTERED}".startswith(runs["Prefix"])
    (everything,) = (rule for rule in rules if "Prefix" not in rule)
    assert everything["AbortIncompleteMultipartUpload"]
    assert everything["NoncurrentVersionExpiration"]
    assert everything["ExpiredObjectDeleteMarker"] is True


def test_the_state_machines_log_leaves_the_accounts_resource_policy_alone(template: dict[str, Any]) -> None:
    """The log group is under /aws/vendedlogs/; an upgrade, which renames it, leaves the old one to its retention."""
    logging = the(template, "AWS::StepFunctions::StateMachine")["LoggingConfiguration"]
    ((reference, _),) = (
        each["CloudWatchLogsLogGroup"]["LogGroupArn"]["Fn::GetAtt"] for each in logging["Destinations"]
    )
    group = template["Resources"][reference]
    assert group["Properties"]["LogGroupName"] == "/aws/vendedlogs/states/mlops-demo"
    assert (group["DeletionPolicy"], group["UpdateReplacePolicy"]) == ("Delete", "Retain")
    assert group["Properties"]["RetentionInDays"]


def test_schedule_starts_the_lambda_with_the_sample_event(template: dict[str, Any]) -> None:
    """The rule has the given cron expression; its target gets the documented event with an ID."""
    (rule,) = (
        found["Properties"]
        for found in resources(template, "AWS::Events::Rule").values()
        if "ScheduleExpression" in found["Properties"]
    )
    assert rule["ScheduleExpression"] == "cron(0 6 * * ? *)"
    assert rule["State"] == "ENABLED"
    (target,) = rule["Targets"]
    bucket = {"Ref": "StorageBucket5CB7C8EA"}
    parts = target["InputTransformer"]["InputTemplate"]["Fn::Join"][1]
    assert bucket in parts
    text = "".join("mlops-bucket" if part == bucket else part for part in parts).replace("<id>", '"an-id"')
    assert json.loads(text) == {
        "config": {"bucket": "mlops-bucket", "prefix": "demo/scripts/input.yaml"},
        "id": "an-id",
    }
    for permission in resources(template, "AWS::Lambda::Permission").values():
        assert permission["Properties"]["Principal"] == "events.amazonaws.com"
        assert "SourceArn" in permission["Properties"]


def test_state_machine_has_the_pipelines_definition(template: dict[str, Any]) -> None:
    """The template's definition is the pipeline's, with this deployment's resources."""
    parts = the(template, "AWS::StepFunctions::StateMachine")["DefinitionString"]["Fn::Join"][1]
    names = {
        "ApprovalFunction": "GATE",
        "NotificationsTopic": "TOPIC",
        "ApprovalRequests": "APPROVALS",
        "ReuseRecords": "RECORDS",
        "MonitorFunction": "MONITOR",
    }
    names |= {"ServingRole": "SERVING-ROLE"}

    def text(part: Any) -> str:
        if isinstance(part, str):
            return part
        ((_, (target, *_)),) = ((key, [value] if isinstance(value, str) else value) for key, value in part.items())
        return next(name for prefix, name in names.items() if target.startswith(prefix))

    assert json.loads("".join(map(text, parts))) == definition(PLACEHOLDERS)


def test_state_machine_is_observable(template: dict[str, Any]) -> None:
    """Events are logged without data, and executions are traced."""
    properties = the(template, "AWS::StepFunctions::StateMachine")
    assert properties["LoggingConfiguration"]["Level"] == "ALL"
    assert properties["LoggingConfiguration"]["IncludeExecutionData"] is False
    assert properties["TracingConfiguration"] == {"Enabled": True}


def test_logs_have_a_retention(template: dict[str, Any]) -> None:
    """Every log group has a retention."""
    groups = resources(template, "AWS::Logs::LogGroup")
    assert groups
    assert all(group["Properties"]["RetentionInDays"] for group in groups.values())


def test_no_policy_is_too_broad(template: dict[str, Any]) -> None:
    """No role has a FullAccess policy, and no statement allows all actions or all of a service."""
    for role in resources(template, "AWS::IAM::Role").values():
        assert "FullAccess" not in json.dumps(role["Properties"].get("ManagedPolicyArns", []))
    for policy in policies(template):
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            for action in as_list(statement["Action"]):
                assert not action.endswith("*"), statement


WITHOUT_RESOURCE = {
    "ecr:GetAuthorizationToken",
    "cloudwatch:PutMetricData",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
    "states:SendTaskSuccess",
    "sagemaker:ListTransformJobs",
}
"""The actions that AWS does not let anyone limit to resources."""


def test_star_resource_only_where_aws_leaves_no_choice(template: dict[str, Any]) -> None:
    """A statement on all resources has only actions that do not support resources, and one that AWS has on all."""
    # https://docs.aws.amazon.com/step-functions/latest/dg/sagemaker-iam.html
    as_in_aws_templates = {"sagemaker:ListTags"}
    for policy in policies(template):
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            if "*" in as_list(statement["Resource"]):
                assert set(as_list(statement["Action"])) <= WITHOUT_RESOURCE | as_in_aws_templates


def test_state_machine_passes_only_sagemakers_roles(template: dict[str, Any]) -> None:
    """iam:PassRole covers only the jobs' and models' roles, passed to SageMaker."""
    passing = [
        statement
        for policy in resources(template, "AWS::IAM::Policy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if "iam:PassRole" in as_list(statement["Action"])
    ]
    (statement,) = passing
    jobs, models = (resource["Fn::GetAtt"][0] for resource in statement["Resource"])
    assert jobs.startswith("SageMakerRole")
    assert models.startswith("ServingRole")
    assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}


OWN = {
    "lambda:invoke": "lambda:InvokeFunction",
    "sns:publish": "sns:Publish",
    "aws-sdk:dynamodb:putItem.waitForTaskToken": "dynamodb:PutItem",
    "aws-sdk:s3:getObject": "s3:GetObject",
}
"""The permissions for calls on the module's own resources."""


@pytest.mark.parametrize("call", integrations(definition(PLACEHOLDERS)))
def test_state_machine_may_make_each_call(template: dict[str, Any], call: str) -> None:
    """The state machine's role allows every call of the definition, and what Step Functions needs to wait for jobs."""
    allowed = {action for statement in statements(template, "WorkflowRole") for action in as_list(statement["Action"])}
    service, _, action = call.removeprefix("aws-sdk:").partition(":")
    if call in OWN:
        assert OWN[call] in allowed
        return
    name = action.removesuffix(".sync")
    prefix = {"sagemakerruntime": "sagemaker", "applicationautoscaling": "application-autoscaling"}.get(
        service, service
    )
    assert f"{prefix}:{name[0].upper()}{name[1:]}" in allowed
    if action.endswith(".sync"):
        job = name.removeprefix("create")
        assert {f"sagemaker:{verb}{job}" for verb in ("Describe", "Stop")} | {"events:PutRule"} <= allowed


def test_state_machine_may_do_nothing_that_no_call_needs() -> None:
    """Every integration with grants is used by the definition."""
    assert set(grants_of(STAGES)) <= set(integrations(definition(PLACEHOLDERS)))


def test_lambda_runs_on_arm_with_what_it_needs(template: dict[str, Any]) -> None:
    """The start Lambda runs Python 3.13 on arm64, and its environment has the tokens' values."""
    function = starter(template)
    assert function["Runtime"] == "python3.13"
    assert function["Architectures"] == ["arm64"]
    assert {
        "MLOPS_BUCKET",
        "MODEL_NAME",
        "SAGEMAKER_EXECUTION_ROLE",
        "IMAGE_URI",
        "XGBOOST_IMAGE_URI",
        "STATE_MACHINE_ARN",
    } <= set(function["Environment"]["Variables"])


def function_archives(assembly: Path) -> list[Path]:
    return sorted(assembly.glob("asset.*.zip"))


def test_lambda_archives_are_pure_python(assembly: Path) -> None:
    """No file in the archives depends on a processor or a Python version."""
    archives = function_archives(assembly)
    assert len(archives) == 6
    for path in archives:
        with zipfile.ZipFile(path) as archive:
            assert not {Path(name).suffix for name in archive.namelist()} & {".so", ".pyd", ".pyc"}
        assert path.stat().st_size < 5_000_000
