"""Asks IAM what a role's policies allow, with SimulatePrincipalPolicy, which calls nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

ALLOWED = "allowed"


@dataclass(frozen=True, kw_only=True)
class Question:
    """Whether a role may do some actions on some resources, for each combination."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    context: Mapping[str, str] = field(default_factory=dict)
    """Condition keys with their values."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Whether a role may do an action."""

    action: str
    denied: tuple[str, ...]
    """The resources on which it is denied."""
    entirely: bool
    """Whether it is denied on all of the question's resources."""
    by: str = ""
    """What denies it apart from the role's own policies; empty if not known."""


class ContextIgnoredError(Exception):
    """The simulator does not consider condition keys, so its answer is worth nothing. The emulator's does not."""


def denials(iam: Any, role: str, question: Question) -> list[Answer]:
    """Returns the actions that the role's policies, boundary and organisation deny.

    Args:
        iam: a client.
        role: the role's ARN.
        question: what to ask.

    Raises:
        ContextIgnoredError: the question has condition keys, and the simulator ignores them.
        ClientError: AWS rejects the call.
    """
    context = [
        {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
        for key, value in question.context.items()
    ]
    pages = iam.get_paginator("simulate_principal_policy").paginate(
        PolicySourceArn=role,
        ActionNames=list(question.actions),
        ResourceArns=list(question.resources),
        **({"ContextEntries": context} if context else {}),
    )
    results = (result for page in pages for result in page["EvaluationResults"])
    answers = (_answer(result, question) for result in results)
    return [answer for answer in answers if answer.denied]


def _answer(result: Mapping[str, Any], question: Question) -> Answer:
    by_resource = result.get("ResourceSpecificResults", ())
    # IAM answers for each resource; the emulator ignores condition keys, and answers for the first one only.
    if question.context and not by_resource:
        raise ContextIgnoredError
    decisions = [(each["EvalResourceName"], each["EvalResourceDecision"]) for each in by_resource] or [
        (question.resources[0], result["EvalDecision"])
    ]
    denied = tuple(resource for resource, decision in decisions if decision != ALLOWED)
    return Answer(
        action=result["EvalActionName"],
        denied=denied,
        entirely=len(denied) == len(decisions),
        by=_by([result, *by_resource]),
    )


def _by(results: Iterable[Mapping[str, Any]]) -> str:
    for result in results:
        if not result.get("OrganizationsDecisionDetail", {}).get("AllowedByOrganizations", True):
            return "a policy of the organisation"
        if not result.get("PermissionsBoundaryDecisionDetail", {}).get("AllowedByPermissionsBoundary", True):
            return "the permissions boundary"
    return ""
