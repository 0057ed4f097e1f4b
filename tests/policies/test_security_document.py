"""docs/security.md matches the template."""

import json
import re
from typing import Any

import pytest

from tests.policies.evaluator import Policies
from tests.policies.options import KEY
from tests.policies.references import ACCOUNT, REGION, resolved
from tests.policies.roles import ROLES
from tests.policies.security_document import DEPLOYING, ROWS, TEXT

SAGEMAKERS = ("SageMakerRole", "ServingRole")
EVERY = (*ROLES, "WorkflowRole")
WHO: dict[str, tuple[str, ...]] = {
    "start Lambda": ("StarterRole",),
    "gate Lambda": ("ApprovalRole",),
    "monitor Lambda": ("MonitorRole",),
    "publisher Lambda": ("ScriptsRole",),
    "announcer Lambda": ("AnnouncerRole",),
    "reporter Lambda": ("ReporterRole",),
    "announcer and reporter Lambda": ("AnnouncerRole", "ReporterRole"),
    "each Lambda": ("StarterRole", "ApprovalRole", "MonitorRole", "ScriptsRole", "AnnouncerRole", "ReporterRole"),
    "each Lambda but the publisher": ("StarterRole", "ApprovalRole", "MonitorRole", "AnnouncerRole", "ReporterRole"),
    "start, announcer and reporter Lambda": ("StarterRole", "AnnouncerRole", "ReporterRole"),
    "state machine": ("WorkflowRole",),
    "state machine and announcer Lambda, without a key": ("WorkflowRole", "AnnouncerRole"),
    "jobs' role": ("SageMakerRole",),
    "models' role": ("ServingRole",),
    "jobs' and models' role": SAGEMAKERS,
    "jobs' and models' role, with a VPC": SAGEMAKERS,
    "jobs' and models' role, with a key": SAGEMAKERS,
    "people with the approvers' policy": ("ApprovalApprovers",),
    DEPLOYING: (),  # by modulestack.yaml, not by the template
}
KEY_FOR_ALL = "each other role, with a key"


def documented(*, optional: bool) -> dict[str, set[str]]:
    """The actions of each role in the table, with or without those that parameters add."""
    found: dict[str, set[str]] = {role: set() for role in EVERY}
    left_out = (KEY_FOR_ALL, ", without a key") if optional else (", with a",)
    for who, actions in ROWS:
        if not any(part in who for part in left_out):
            for role in WHO[who]:
                found[role] |= set(re.findall(r"`([\w-]+:\w+)`", actions))
    return found


def actions(template: dict[str, Any], role: str) -> set[str]:
    return {action for action, _, _ in Policies.of_template(template, role).parts()}


@pytest.mark.parametrize("role", EVERY)
def test_the_table_has_each_roles_actions(template: dict[str, Any], role: str) -> None:
    """The default template grants each role exactly the actions in the table."""
    assert documented(optional=False)[role] == actions(template, role)


@pytest.mark.parametrize("role", EVERY)
def test_the_table_has_what_parameters_add(full_template: dict[str, Any], role: str) -> None:
    """With a key and a VPC, the roles get the actions in the rows for these."""
    (for_all,) = (set(re.findall(r"`(kms:\w+)`", text)) for who, text in ROWS if who == KEY_FOR_ALL)
    found, said = actions(full_template, role), documented(optional=True)[role]
    if role in SAGEMAKERS:
        assert found == said
    else:
        assert found - for_all == said
        assert found & for_all


def test_the_key_is_used_as_the_table_says(full_template: dict[str, Any]) -> None:
    """Together, the roles use the key as the row for all of them says."""
    (for_all,) = (set(re.findall(r"`(kms:\w+)`", text)) for who, text in ROWS if who == KEY_FOR_ALL)
    used = {
        action
        for role in EVERY
        if role not in SAGEMAKERS
        for action in actions(full_template, role)
        if action.startswith("kms:")
    }
    assert used == for_all


def key_policy() -> dict[str, dict[str, Any]]:
    """The statements that the document requires in the user's key policy, by service."""
    (text,) = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
    return {statement["Principal"]["Service"]: statement for statement in json.loads(text)}


def test_alarms_need_the_same_on_the_users_key_as_on_the_topics(template: dict[str, Any]) -> None:
    """The key policy that the document requires for CloudWatch matches that of the topic's own key."""
    (key,) = (found["Properties"] for found in template["Resources"].values() if found["Type"] == "AWS::KMS::Key")
    (own,) = (
        statement
        for statement in resolved(key["KeyPolicy"], template)["Statement"]
        if statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    )
    assert key_policy()["cloudwatch.amazonaws.com"] == own


def test_every_service_that_uses_the_users_key_is_allowed(full_template: dict[str, Any]) -> None:
    """Services that use the key themselves, for log groups and the topic, are allowed to."""
    with_key = {
        found["Type"]
        for found in full_template["Resources"].values()
        if KEY in (found["Properties"].get("KmsKeyId"), found["Properties"].get("KmsMasterKeyId"))
    }
    assert with_key == {"AWS::Logs::LogGroup", "AWS::SNS::Topic"}
    policy = key_policy()
    assert set(policy) == {f"logs.{REGION}.amazonaws.com", "cloudwatch.amazonaws.com"}
    groups = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:*"
    assert policy[f"logs.{REGION}.amazonaws.com"]["Condition"] == {
        "ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}
    }
