"""Whether policies allow a call, as the emulator judges it when it enforces them: the same code, conditions included.

The emulator makes a state machine's own calls as the account's root user, so what the state machine's role may do
cannot be seen by trying; here it is asked for each call.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document

from tests.policies.references import ACCOUNT, REGION, resolved


@dataclass(frozen=True)
class Need:
    """One permission that a call needs."""

    action: str
    resource: str
    context: dict[str, str] = field(default_factory=dict, hash=False)
    """Condition keys of the call."""


class Policies:
    """What a role may do.

    Args:
        documents: its policies.
        name: for messages.
    """

    def __init__(self, documents: list[dict[str, Any]], name: str) -> None:
        self.name = name
        self.documents = documents
        self._parsed = [parse_policy_document(document) for document in documents]

    @classmethod
    def of_template(cls, template: dict[str, Any], role: str) -> "Policies":
        """The policies of the role or managed policy with this logical ID prefix, with references resolved."""
        found = [
            resource["Properties"]["PolicyDocument"]
            for logical_id, resource in template["Resources"].items()
            if resource["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
            and (
                logical_id.startswith(role)
                or any(attached["Ref"].startswith(role) for attached in resource["Properties"].get("Roles", ()))
            )
        ]
        assert found, role
        return cls(resolved(found, template), role)

    @classmethod
    def of_role(cls, iam: Any, name: str) -> "Policies":
        """The policies of a deployed role, which has only inline ones."""
        assert not iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        names = iam.list_role_policies(RoleName=name)["PolicyNames"]
        documents = [iam.get_role_policy(RoleName=name, PolicyName=each)["PolicyDocument"] for each in names]
        return cls(documents, name)

    def allow(self, need: Need) -> bool:
        """Whether the policies allow a call."""
        decision: str = evaluate(_context(need, self.name), self._parsed).decision
        return decision == "Allow"

    def parts(self) -> Iterator[tuple[str, str, "Policies"]]:
        """Splits the allowing statements into one policy per action and resource."""
        for document in self.documents:
            for statement in document["Statement"]:
                if statement["Effect"] == "Deny":
                    continue
                for action in _as_list(statement["Action"]):
                    for resource in _as_list(statement["Resource"]):
                        part = statement | {"Action": action, "Resource": resource}
                        yield action, resource, Policies([{"Statement": [part]}], self.name)


def _context(need: Need, name: str) -> EvalContext:
    return EvalContext(
        principal_arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/test",
        principal_type="AssumedRole",
        principal_account=ACCOUNT,
        action=need.action,
        resource_arn=need.resource,
        region=REGION,
        source_ip="127.0.0.1",
        secure_transport=True,
        service_context={key.lower(): value for key, value in need.context.items()},
    )


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
