"""Each role has exactly the permissions that its calls need."""

from typing import Any

import pytest

from pipeline.asl.resources import PLACEHOLDERS
from pipeline.definition import definition
from pipeline.grants import integrations
from tests.policies.calls import NEEDS, needs
from tests.policies.conftest import of_deployment
from tests.policies.evaluator import Need, Policies
from tests.policies.options import OPTIONS
from tests.policies.references import ACCOUNT, REGION, resolved
from tests.policies.roles import HERE, JOBS_WRITE, MODELS_WRITE, ROLES, Call, arn, key, needs_of, renamed, topic_key

SAGEMAKERS = ("SageMakerRole", "ServingRole")


@pytest.fixture(params=["defaults", "every parameter"])
def deployed(request: pytest.FixtureRequest, template: dict[str, Any], full_template: dict[str, Any]) -> dict[str, Any]:
    """The template with the defaults, and with every parameter that affects permissions."""
    return template if request.param == "defaults" else full_template


@pytest.mark.parametrize("role", [*ROLES, "WorkflowRole"])
def test_a_role_may_do_what_it_needs(deployed: dict[str, Any], role: str, calls: list[Call]) -> None:
    """The role has every permission that its calls need, on their resources."""
    policies = Policies.of_template(deployed, role)
    denied = [need for need in needs_of(deployed, role, calls) if not policies.allow(need)]
    assert denied == []


@pytest.mark.parametrize("role", [*ROLES, "WorkflowRole"])
def test_a_role_may_do_nothing_else(deployed: dict[str, Any], role: str, calls: list[Call]) -> None:
    """Each action on each resource of each statement is needed by a call."""
    found = needs_of(deployed, role, calls)
    if role == "WorkflowRole":
        # The names that a user may choose in addition to those in the shipped input.
        found += [
            need for action, request in renamed(calls) for need in needs(action, of_deployment(deployed, request), HERE)
        ]
    idle = [
        (action, resource)
        for action, resource, part in Policies.of_template(deployed, role).parts()
        if not any(part.allow(need) for need in found)
    ]
    assert idle == []


def test_every_role_of_the_template_is_tested(deployed: dict[str, Any]) -> None:
    """The template has no role, policy or managed policy that these tests do not cover."""
    known = (*ROLES, "WorkflowRole")
    kinds = ("AWS::IAM::Role", "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
    found = [name for name, resource in deployed["Resources"].items() if resource["Type"] in kinds]
    assert [name for name in found if not name.startswith(known)] == []
    roles = [found["Properties"] for found in deployed["Resources"].values() if found["Type"] == "AWS::IAM::Role"]
    assert all("ManagedPolicyArns" not in role and "Policies" not in role for role in roles)


def test_every_call_of_the_definition_is_made(calls: list[Call]) -> None:
    """The executions of these tests make every call of the definition, so that none is left untested."""
    defined = {name.rpartition(":")[2] for name in integrations(definition(PLACEHOLDERS))}
    assert {action for action, _ in calls} == defined == set(NEEDS)


@pytest.mark.parametrize(
    "need",
    [
        Need("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/Admin", {"iam:PassedToService": "sagemaker.amazonaws.com"}),
        Need("sagemaker:StopTrainingJob", HERE.arn("sagemaker", "training-job/their-job")),
        Need("sagemaker:CreateTrainingJob", HERE.arn("sagemaker", "training-job/mlops-demonstration-1")),
        Need("sagemaker:UpdateEndpoint", HERE.arn("sagemaker", "endpoint/demonstration")),
        Need("sagemaker:DeleteEndpoint", HERE.arn("sagemaker", "endpoint/their-demo-1")),
        Need("sagemaker:UpdateModelPackage", HERE.arn("sagemaker", "model-package/theirs/1")),
        Need("sagemaker:DeleteEndpointConfig", HERE.arn("sagemaker", "endpoint-config/theirs")),
        Need("cloudwatch:DeleteAlarms", HERE.arn("cloudwatch", "alarm:errors")),
        Need(
            "application-autoscaling:RegisterScalableTarget",
            HERE.arn("application-autoscaling", "scalable-target/1"),
            {"application-autoscaling:service-namespace": "ecs"},
        ),
        Need("sns:Publish", HERE.arn("sns", "theirs")),
        Need("lambda:InvokeFunction", HERE.arn("lambda", "function:theirs")),
        Need("s3:GetObject", "arn:aws:s3:::theirs/x"),
        Need("events:PutRule", HERE.arn("events", "rule/theirs")),
    ],
    ids=lambda need: f"{need.action} {need.resource.rpartition(':')[2]}",
)
def test_the_state_machine_cannot_touch_foreign_resources(deployed: dict[str, Any], need: Need) -> None:
    """The state machine cannot access resources of other teams in the account."""
    assert not Policies.of_template(deployed, "WorkflowRole").allow(need)


@pytest.mark.parametrize("construct", ["SageMaker", "Serving"])
def test_sagemakers_roles_are_passed_to_sagemaker_only(deployed: dict[str, Any], construct: str) -> None:
    """The state machine may pass the jobs' and the models' roles only to SageMaker."""
    role = arn(deployed, "AWS::IAM::Role", construct)
    policies = Policies.of_template(deployed, "WorkflowRole")
    assert policies.allow(Need("iam:PassRole", role, {"iam:PassedToService": "sagemaker.amazonaws.com"}))
    assert not policies.allow(Need("iam:PassRole", role, {"iam:PassedToService": "lambda.amazonaws.com"}))
    assert not policies.allow(Need("iam:PassRole", role))


@pytest.mark.parametrize("role", [role for role in (*ROLES, "WorkflowRole") if role not in SAGEMAKERS])
def test_a_key_is_used_through_its_services_only(deployed: dict[str, Any], role: str) -> None:
    """Only jobs and models may use a key directly; all others only through a service."""
    policies = Policies.of_template(deployed, role)
    for action in ("Decrypt", "GenerateDataKey"):
        assert not policies.allow(Need(f"kms:{action}", topic_key(deployed)))


def test_publishers_use_the_topics_key_for_the_topic_only(template: dict[str, Any]) -> None:
    """The announcer and the state machine may use only the topic's own key, and only through SNS."""
    for role in ("AnnouncerRole", "WorkflowRole"):
        policies = Policies.of_template(template, role)
        own, theirs = topic_key(template), HERE.arn("kms", "key/theirs")
        assert all(policies.allow(need) for need in key("sns", "Decrypt", "GenerateDataKey", resource=own))
        assert not any(policies.allow(need) for need in key("s3", "Decrypt", resource=own))
        assert not any(policies.allow(need) for need in key("sns", "Decrypt", resource=theirs))


@pytest.mark.parametrize(
    "need",
    [
        Need("states:DescribeExecution", HERE.arn("states", "execution:theirs:1")),
        Need("states:GetExecutionHistory", HERE.arn("states", "execution:theirs:1")),
        Need("states:StartExecution", HERE.arn("states", "stateMachine:WorkflowStateMachine85C6F4E4")),
        Need("sns:Publish", HERE.arn("sns", "theirs")),
        Need("sqs:SendMessage", HERE.arn("sqs", "theirs")),
        Need("logs:PutLogEvents", HERE.arn("logs", "log-group:theirs:log-stream:a")),
    ],
    ids=lambda need: f"{need.action} {need.resource.rpartition(':')[2]}",
)
def test_the_announcer_only_announces(deployed: dict[str, Any], need: Need) -> None:
    """It cannot read other pipelines' executions, start any, or publish or write elsewhere."""
    assert not Policies.of_template(deployed, "AnnouncerRole").allow(need)


@pytest.mark.parametrize(
    "name",
    [
        "demo/scripts/input.yaml",
        "demo/scripts/train.py",
        "demo/scripts/source.tar.gz",
        "demo/registered/mlops-demo-1/evaluation.json",  # the model's report, and the champion's
        "demo/registered/mlops-demo-1/container-1/model.tar.gz",
        "demo/reports/index.html",
        "demo-2/executions/mlops-demo-2-1/model.tar.gz",
        "other/scripts/input.yaml",
        "input.yaml",
    ],
)
@pytest.mark.parametrize("role", SAGEMAKERS)
def test_no_job_and_no_model_decides_on_the_next_run(deployed: dict[str, Any], role: str, name: str) -> None:
    """Neither can write or delete scripts, input.yaml, registered models or other models' prefixes."""
    policies, bucket = Policies.of_template(deployed, role), arn(deployed, "AWS::S3::Bucket")
    for action in ("PutObject", "DeleteObject", "DeleteObjectVersion"):
        assert not policies.allow(Need(f"s3:{action}", f"{bucket}/{name}"))


def test_a_policy_added_later_does_not_open_the_scripts(deployed: dict[str, Any]) -> None:
    """The jobs' role has a Deny on the scripts, which overrides any other policy."""
    own = Policies.of_template(deployed, "SageMakerRole")
    everything = {"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    policies, bucket = Policies([*own.documents, everything], own.name), arn(deployed, "AWS::S3::Bucket")
    for name in ("scripts/input.yaml", "registered/mlops-demo-1/evaluation.json"):
        for action in ("PutObject", "DeleteObject", "DeleteObjectVersion"):
            assert not policies.allow(Need(f"s3:{action}", f"{bucket}/demo/{name}"))
    assert policies.allow(Need("s3:PutObject", f"{bucket}/anything"))


def test_a_model_writes_nothing_that_is_judged_or_served(deployed: dict[str, Any]) -> None:
    """An endpoint's role cannot write jobs' outputs: data, artefacts and reports."""
    policies, bucket = Policies.of_template(deployed, "ServingRole"), arn(deployed, "AWS::S3::Bucket")
    only_jobs = [*(name for name in JOBS_WRITE if name not in MODELS_WRITE), "executions/1/evaluation/evaluation.json"]
    assert not any(policies.allow(Need("s3:PutObject", f"{bucket}/demo/{name}")) for name in only_jobs)


def test_every_function_writes_only_its_own_log(deployed: dict[str, Any]) -> None:
    """Each function has its own role, which cannot write to another function's log."""
    functions = [found for found in deployed["Resources"].values() if found["Type"] == "AWS::Lambda::Function"]
    roles = [found["Properties"]["Role"]["Fn::GetAtt"][0] for found in functions]
    assert len(set(roles)) == len(functions)
    for role in roles:
        written = [
            resource
            for action, resource, _ in Policies.of_template(deployed, role).parts()
            if action in {"logs:CreateLogStream", "logs:PutLogEvents"}
        ]
        assert set(written) == {arn(deployed, "AWS::Logs::LogGroup", role.partition("Role")[0])}


def test_every_role_is_bounded(full_template: dict[str, Any], template: dict[str, Any]) -> None:
    """Every role has the permissions boundary if one is set."""
    for content, expected in ((full_template, OPTIONS["PERMISSIONS_BOUNDARY_ARN"]), (template, None)):
        roles = [found["Properties"] for found in content["Resources"].values() if found["Type"] == "AWS::IAM::Role"]
        assert len(roles) == len(ROLES)
        assert {role.get("PermissionsBoundary") for role in roles} == {expected}


def test_names_are_those_of_the_deployments_model() -> None:
    """A deployment with another model has other names, in lower case in ARNs."""
    import aws_cdk as cdk  # noqa: PLC0415 - slow to import

    from infrastructure.permissions import Targets, statements  # noqa: PLC0415 - as above

    stack = cdk.Stack(cdk.App(), "Stack", env=cdk.Environment(account=ACCOUNT, region=REGION))
    targets = Targets(
        gate="gate",
        monitor="monitor",
        topic="topic",
        records="RECORDS",
        approvals="approvals",
        objects="objects",
        images=("i",),
        model_name="Churn",
    )
    made = stack.resolve(
        [each.to_json() for each in statements(definition(PLACEHOLDERS), targets=targets, stack=stack)]
    )
    policies = Policies([{"Statement": resolved(made, {})}], "WorkflowRole")
    for name, allowed in (("mlops-churn-1", True), ("mlops-Churn-1", True), ("mlops-demo-1", False)):
        need = Need("sagemaker:CreateTrainingJob", HERE.arn("sagemaker", f"training-job/{name}"))
        assert policies.allow(need) is allowed
