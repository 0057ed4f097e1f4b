"""IAM statements: for the state machine's role, made of the stages' own grants, for the KMS key, and for executions."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from pipeline.grants import Grant, OwnGrant, grants_of, integrations
from pipeline.stages import STAGES


@dataclass(frozen=True, kw_only=True)
class Targets:
    """The deployment's own resources that the integrations use."""

    gate: str
    monitor: str
    topic: str
    approvals: str
    """ARNs of the gate and monitor functions, the topic and the table of approval requests."""
    objects: str
    """The ARN pattern of all objects in the bucket."""
    images: tuple[str, ...]
    """ARNs of the repositories of the images."""
    model_name: str
    """The model's identifier, part of every name that the module gives."""


def statements(definition: dict[str, Any], *, targets: Targets, stack: cdk.Stack) -> Iterator[iam.PolicyStatement]:
    """Yields the statements that the definition's integrations need, merged by resource.

    Args:
        definition: the state machine's definition.
        targets: the deployment's own resources.
        stack: gives account and region.
    """
    used = integrations(definition)
    merged: dict[tuple[str, tuple[str, ...], tuple[tuple[str, str], ...]], dict[str, None]] = {}
    own: list[OwnGrant] = []
    grants = grants_of(STAGES)
    for grant in (grant for name in used for grant in grants.get(name, ())):
        if isinstance(grant, OwnGrant):
            own.append(grant)
        else:
            key = (grant.service, grant.resources, grant.conditions)
            merged.setdefault(key, {}).update(dict.fromkeys(grant.actions))
    for (service, resources, conditions), actions in merged.items():
        yield grant_statement(
            Grant(service, tuple(actions), resources, conditions), model_name=targets.model_name, stack=stack
        )
    for grant in own:
        found = getattr(targets, grant.target)
        yield iam.PolicyStatement(actions=[grant.action], resources=[found] if isinstance(found, str) else [*found])


def grant_statement(grant: Grant, *, model_name: str, stack: cdk.Stack) -> iam.PolicyStatement:
    """Returns the statement of a grant.

    Args:
        grant: actions on resources with the model's name.
        model_name: the model's identifier.
        stack: gives account and region.
    """
    # SageMaker lowercases the names in its ARNs.
    names = dict.fromkeys((model_name, model_name.lower()))
    filled = dict.fromkeys(resource.format(model=name) for resource in grant.resources for name in names)
    region = "" if grant.service == "iam" else stack.region
    return iam.PolicyStatement(
        actions=[f"{grant.service}:{action}" for action in grant.actions],
        resources=[
            name if name == "*" else f"arn:{stack.partition}:{grant.service}:{region}:{stack.account}:{name}"
            for name in filled
        ],
        conditions={"StringEquals": dict(grant.conditions)} if grant.conditions else None,
    )


def key_statements(key: kms.IKey | None, *actions: str, via: str, stack: cdk.Stack) -> list[iam.PolicyStatement]:
    """Returns the statement that allows a role to use a KMS key through one service; empty without a key.

    The policy of the deployment's key must delegate to the account's IAM policies, and let CloudWatch's logs and
    alarms use it: docs/security.md.

    Args:
        key: the deployment's key or the topic's.
        actions: KMS actions: ``Decrypt`` to read, ``GenerateDataKey`` to write.
        via: the service that calls KMS on the role's behalf: ``s3``, ``sns``, ``dynamodb``. It becomes the condition
            https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
        stack: gives the service's region.
    """
    if key is None:
        return []
    return [
        iam.PolicyStatement(
            actions=[f"kms:{action}" for action in actions],
            resources=[key.key_arn],
            conditions={"StringEquals": {"kms:ViaService": f"{via}.{stack.region}.{stack.url_suffix}"}},
        )
    ]


def executions_of(state_machine_arn: str, stack: cdk.Stack) -> str:
    """Returns the ARN pattern of all executions of a state machine.

    Args:
        state_machine_arn: the state machine's ARN; may be an unresolved token.
        stack: gives account and region.
    """
    return stack.format_arn(
        service="states",
        resource="execution",
        resource_name=f"{stack.split_arn(state_machine_arn, cdk.ArnFormat.COLON_RESOURCE_NAME).resource_name}:*",
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )
