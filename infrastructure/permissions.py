"""The policy of the state machine's role, made of the stages' own grants (``pipeline.grants``)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from pipeline.grants import OwnGrant, grants_of
from pipeline.stages import STAGES


@dataclass(frozen=True, kw_only=True)
class Targets:
    """The deployment's own resources that integrations work on."""

    gate: str
    topic: str
    approvals: str
    """ARNs of the gate's function, the topic and the table of requests."""
    objects: str
    """All objects of the bucket."""
    model_name: str
    """The model's identifier, which is in the names of all that the module makes."""


def integrations(definition: dict[str, Any]) -> list[str]:
    """The service integrations that a definition uses, such as ``sagemaker:createTrainingJob.sync``, sorted."""
    resources = (state.get("Resource", "") for state in definition["States"].values())
    return sorted({resource.partition(":states:::")[2] for resource in resources if resource})


def statements(definition: dict[str, Any], *, targets: Targets, stack: cdk.Stack) -> Iterator[iam.PolicyStatement]:
    """One statement for each kind of resource that the definition's integrations work on.

    Args:
        definition: the state machine's.
        targets: the deployment's own resources.
        stack: whose account and region the resources are in.
    """
    used = integrations(definition)
    # SageMaker's ARNs have names in small letters.
    names = dict.fromkeys((targets.model_name, targets.model_name.lower()))
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
        filled = dict.fromkeys(resource.format(model=name) for resource in resources for name in names)
        region = "" if service == "iam" else stack.region
        yield iam.PolicyStatement(
            actions=[f"{service}:{action}" for action in actions],
            resources=[f"arn:{stack.partition}:{service}:{region}:{stack.account}:{name}" for name in filled],
            conditions={"StringEquals": dict(conditions)} if conditions else None,
        )
    for grant in own:
        yield iam.PolicyStatement(actions=[grant.action], resources=[getattr(targets, grant.target)])
