"""IAM statements: for the state machine's role, made of the stages' own grants, for the KMS key, and for executions."""

from collections.abc import Iterable, Iterator
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
    records: str
    """ARNs of the gate and monitor functions, the topic, and the tables of approval requests and records for reuse."""
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
    grants = grants_of(STAGES)
    found = [grant for name in integrations(definition) for grant in grants.get(name, ())]
    named = [grant for grant in found if isinstance(grant, Grant)]
    yield from of_grants(named, model_name=targets.model_name, stack=stack)
    for grant in found:
        if isinstance(grant, OwnGrant):
            arns = getattr(targets, grant.target)
            yield iam.PolicyStatement(actions=[grant.action], resources=[arns] if isinstance(arns, str) else [*arns])


def of_grants(grants: Iterable[Grant], *, model_name: str, stack: cdk.Stack) -> Iterator[iam.PolicyStatement]:
    """Yields the statements of grants, merged by resource.

    Args:
        grants: what to allow.
        model_name: the model's identifier, part of every name that the module gives.
        stack: gives account and region.
    """
    # SageMaker lowercases the names in its ARNs.
    names = dict.fromkeys((model_name, model_name.lower()))
    merged: dict[tuple[str, tuple[str, ...], tuple[tuple[str, str], ...]], dict[str, None]] = {}
    for grant in grants:
        key = (grant.service, grant.resources, grant.conditions)
        merged.setdefault(key, {}).update(dict.fromkeys(grant.actions))
    for (service, resources, conditions), actions in merged.items():
        filled = dict.fromkeys(resource.format(model=name) for resource in resources for name in names)
        region = "" if service == "iam" else stack.region
        yield iam.PolicyStatement(
            actions=[f"{service}:{action}" for action in actions],
            resources=[
                name if name == "*" else f"arn:{stack.partition}:{service}:{region}:{stack.account}:{name}"
                for name in filled
            ],
            conditions={"StringEquals": dict(conditions)} if conditions else None,
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
