"""docs/security.md says what the template says."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.policies.evaluator import Policies

TEXT = (Path(__file__).parent.parent.parent / "docs" / "security.md").read_text()
ROWS = re.findall(r"^\| ([^|`]+) \| (`\w[^|]+) \| [^|]+ \| [^|]+ \|$", TEXT, re.MULTILINE)

EVERY = ("StarterRole", "ApprovalRole", "ScriptsRole", "WorkflowRole", "SageMakerRole", "ApprovalApprovers")
WHO = {
    "start Lambda": ("StarterRole",),
    "gate Lambda": ("ApprovalRole",),
    "publisher Lambda": ("ScriptsRole",),
    "each Lambda": ("StarterRole", "ApprovalRole", "ScriptsRole"),
    "start and gate Lambda": ("StarterRole", "ApprovalRole"),
    "state machine": ("WorkflowRole",),
    "SageMaker role": ("SageMakerRole",),
    "SageMaker role, with a VPC": ("SageMakerRole",),
    "SageMaker role, with a key": ("SageMakerRole",),
    "people with the approvers' policy": ("ApprovalApprovers",),
}
KEY_FOR_ALL = "each other, with a key"


def documented(*, optional: bool) -> dict[str, set[str]]:
    """The actions of each role by the table."""
    found: dict[str, set[str]] = {role: set() for role in EVERY}
    for who, actions in ROWS:
        if who != KEY_FOR_ALL and (optional or ", with a" not in who):
            for role in WHO[who]:
                found[role] |= set(re.findall(r"`([\w-]+:\w+)`", actions))
    return found


def actions(template: dict[str, Any], role: str) -> set[str]:
    return {action for action, _, _ in Policies.of_template(template, role).parts()}


@pytest.mark.parametrize("role", EVERY)
def test_the_table_has_each_roles_actions(template: dict[str, Any], role: str) -> None:
    """What the template with the defaults allows a role is what the table says, no action more or less."""
    assert documented(optional=False)[role] == actions(template, role)


@pytest.mark.parametrize("role", EVERY)
def test_the_table_has_what_parameters_add(full_template: dict[str, Any], role: str) -> None:
    """With a key and a VPC, the roles get what the rows about these say."""
    (for_all,) = (set(re.findall(r"`(kms:\w+)`", text)) for who, text in ROWS if who == KEY_FOR_ALL)
    found, said = actions(full_template, role), documented(optional=True)[role]
    if role == "SageMakerRole":
        assert found == said
    else:
        assert found - for_all == said
        assert found & for_all


def test_the_key_is_used_as_the_table_says(full_template: dict[str, Any]) -> None:
    """Together, the roles use of the key what the row for all of them says."""
    (for_all,) = (set(re.findall(r"`(kms:\w+)`", text)) for who, text in ROWS if who == KEY_FOR_ALL)
    used = {
        action
        for role in EVERY
        if role != "SageMakerRole"
        for action in actions(full_template, role)
        if action.startswith("kms:")
    }
    assert used == for_all
