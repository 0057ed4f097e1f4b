"""What the state machine's role may do, as IAM's simulator answers for the template's policies."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.validate import validate_parameters

from doctor.account import Caller
from doctor.deployment import Machine
from doctor.permissions import Own, permissions, questions
from doctor.result import FAILURE, OK, SKIPPED, WARNING
from doctor.simulation import Question, denials
from pipeline.asl.resources import PLACEHOLDERS
from pipeline.definition import definition
from pipeline.images import ACCOUNTS, REPOSITORY
from tests.doctor.conftest import Stubbed, make_client
from tests.policies.evaluator import Need, Policies
from tests.policies.references import ACCOUNT, REGION
from tests.policies.roles import arn

ROLE = f"arn:aws:iam::{ACCOUNT}:role/WorkflowRole"
Simulator = Callable[[Callable[[Need], bool]], Any]


@pytest.fixture
def own(template: dict[str, Any]) -> Own:
    """The template's own resources."""
    return Own(
        gate=arn(template, "AWS::Lambda::Function", "Approval"),
        monitor=arn(template, "AWS::Lambda::Function", "Monitor"),
        topic=f"arn:aws:sns:{REGION}:{ACCOUNT}:"
        + next(name for name in template["Resources"] if name.startswith("NotificationsTopic")),
        approvals=arn(template, "AWS::DynamoDB::Table", "Approval"),
        records=arn(template, "AWS::DynamoDB::Table", "Reuse"),
        objects=arn(template, "AWS::S3::Bucket", "Storage") + "/*",
        images=f"arn:aws:ecr:{REGION}:{ACCOUNTS[REGION]}:repository/{REPOSITORY}",
        passed=(arn(template, "AWS::IAM::Role", "SageMaker"), arn(template, "AWS::IAM::Role", "Serving")),
    )


@pytest.fixture
def machine() -> Machine:
    """The deployed state machine."""
    return Machine(role=ROLE, definition=definition(PLACEHOLDERS))


@pytest.fixture
def simulator() -> Simulator:
    """Makes a client of IAM whose simulator answers, in IAM's shape, what a function allows."""

    def make(allows: Callable[[Need], bool]) -> Any:
        client = make_client("iam")

        def simulate(model: Any, params: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
            response = {"EvaluationResults": list(_evaluated(params["body"], allows)), "IsTruncated": False}
            validate_parameters(response, model.output_shape)
            return type("Response", (), {"status_code": 200}), response

        client.meta.events.register("before-call.iam.SimulatePrincipalPolicy", simulate)
        return client

    return make


def _evaluated(body: dict[str, Any], allows: Callable[[Need], bool]) -> Iterator[dict[str, Any]]:
    actions = _members(body, "ActionNames.member.{}")
    resources = _members(body, "ResourceArns.member.{}")
    keys = _members(body, "ContextEntries.member.{}.ContextKeyName")
    values = _members(body, "ContextEntries.member.{}.ContextKeyValues.member.1")
    context = dict(zip(keys, values, strict=True))
    for action in actions:
        decisions = {
            resource: "allowed" if allows(Need(action, resource, context)) else "implicitDeny" for resource in resources
        }
        yield {
            "EvalActionName": action,
            # In the top-level result, IAM gives the resource's form, not its ARN.
            "EvalResourceName": "arn:${Partition}:any",
            "EvalDecision": next(iter(decisions.values())),
            "ResourceSpecificResults": [
                {"EvalResourceName": resource, "EvalResourceDecision": decision}
                for resource, decision in decisions.items()
            ],
        }


def _members(body: dict[str, Any], form: str) -> list[str]:
    found: list[str] = []
    while form.format(len(found) + 1) in body:
        found.append(body[form.format(len(found) + 1)])
    return found


def test_deployed_role_may_do_everything(
    template: dict[str, Any], own: Own, machine: Machine, who: Caller, simulator: Simulator
) -> None:
    """The template's own policies allow every call, conditions included."""
    policies = Policies.of_template(template, "WorkflowRole")
    (result,) = permissions(simulator(policies.allow), machine=machine, own=own, model_name="demo", who=who)
    assert result.status == OK
    assert result.detail.startswith("WorkflowRole may do what the definition calls (")


def test_every_permission_of_the_role_is_asked(
    template: dict[str, Any], own: Own, machine: Machine, who: Caller
) -> None:
    """No action of the role's policy is left out, except those for the key, the logs and the traces."""
    asked = {
        action
        for question in questions(machine.definition, own=own, model_name="demo", who=who)
        for action in question.actions
    }
    granted = {action for action, _, _ in Policies.of_template(template, "WorkflowRole").parts()}
    assert {action for action in granted - asked if not action.startswith(("kms:", "logs:", "xray:"))} == set()


def test_denied_action(own: Own, machine: Machine, who: Caller, simulator: Simulator) -> None:
    """An action that is denied fails, with what it was denied on."""
    client = simulator(lambda need: need.action != "lambda:InvokeFunction" or need.resource != own.gate)
    (result,) = permissions(client, machine=machine, own=own, model_name="demo", who=who)
    assert result.status == FAILURE
    assert result.detail == f"WorkflowRole may not lambda:InvokeFunction on {own.gate.split(':', 5)[5]}"
    assert "npx cdk deploy --revert-drift restores the policy" in result.remedy


def test_action_that_is_denied_on_some_names(own: Own, machine: Machine, who: Caller, simulator: Simulator) -> None:
    """An action that is allowed on some of its names may be enough: a warning."""
    client = simulator(lambda need: "training-job/demo-" not in need.resource)
    (result,) = permissions(client, machine=machine, own=own, model_name="demo", who=who)
    assert result.status == WARNING
    assert "sagemaker:CreateTrainingJob on training-job/demo-doctor" in result.detail
    assert result.detail.endswith("and 1 more")


def test_simulator_without_conditions(own: Own, machine: Machine, who: Caller) -> None:
    """A simulator that ignores conditions, as the emulator's, says nothing about what depends on them."""
    client = make_client("iam")

    def simulate(params: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
        found = [
            {"EvalActionName": action, "EvalResourceName": "*", "EvalDecision": "allowed"}
            for action in _members(params["body"], "ActionNames.member.{}")
        ]
        return type("Response", (), {"status_code": 200}), {"EvaluationResults": found, "IsTruncated": False}

    client.meta.events.register("before-call.iam.SimulatePrincipalPolicy", simulate)
    allowed, rest = permissions(client, machine=machine, own=own, model_name="demo", who=who)
    assert (allowed.status, rest.status) == (OK, SKIPPED)
    assert "depend on conditions" in rest.detail


@pytest.mark.parametrize(
    ("detail", "by"),
    [
        ({"OrganizationsDecisionDetail": {"AllowedByOrganizations": False}}, "a policy of the organisation"),
        ({"PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": False}}, "the permissions boundary"),
        ({}, ""),
    ],
    ids=["organisation", "boundary", "role"],
)
def test_who_denies(detail: dict[str, Any], by: str, stubbed: Stubbed) -> None:
    """An answer says whether the organisation or the boundary denies the action."""
    result = {"EvalActionName": "s3:GetObject", "EvalDecision": "implicitDeny", **detail}
    client = stubbed("iam", ("simulate_principal_policy", {"EvaluationResults": [result], "IsTruncated": False}))
    (answer,) = denials(client, ROLE, Question(actions=("s3:GetObject",), resources=("arn:aws:s3:::a/b",)))
    assert (answer.action, answer.denied, answer.entirely, answer.by) == (
        "s3:GetObject",
        ("arn:aws:s3:::a/b",),
        True,
        by,
    )
