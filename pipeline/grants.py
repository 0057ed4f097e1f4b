"""The permissions that the state machine's role needs for the stages' service integrations.

Each stage lists its grants with the functions of this module; ``infrastructure.permissions`` turns them into IAM
statements.

Sources: https://docs.aws.amazon.com/step-functions/latest/dg/sagemaker-iam.html for the ``.sync`` integrations, and the
service authorization reference for the actions' resources:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.stages.stage import Stage

_PER_EXECUTION = ("{model}-*", "*-{model}-*")
"""Names of resources of one execution: ``<job_prefix>-<model_id>-...``, ``evaluation-<job_prefix>-<model_id>-...``."""
_LONG_LIVED = ("{model}", "{model}-*")
"""Names of resources that outlive the executions: ``<model_id>``."""
_NAMES = {
    "processing-job": _PER_EXECUTION,
    "training-job": _PER_EXECUTION,
    "transform-job": _PER_EXECUTION,
    "model": _PER_EXECUTION,
    "endpoint-config": _PER_EXECUTION,
    "endpoint": _LONG_LIVED,
    "model-package-group": _LONG_LIVED,
    # <group>/<version>
    "model-package": ("{model}/*", "{model}-*"),
}
"""The names that the role may use, by kind of resource; ``pipeline.input.resource_names`` rejects all others."""


@dataclass(frozen=True)
class Grant:
    """Actions of one service on the same resources."""

    service: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    """The resource part of the ARNs, with ``{model}`` for the model's name: ``training-job/{model}-*``; or ``*``."""
    conditions: tuple[tuple[str, str], ...] = ()
    """Condition keys with their required values."""


@dataclass(frozen=True)
class OwnGrant:
    """An action on a resource of the deployment itself."""

    action: str
    """With its service: ``lambda:InvokeFunction``."""
    target: str
    """The resource's name in ``infrastructure.permissions.Targets``: ``gate``."""


_LIST_TAGS = Grant("sagemaker", ("ListTags",), ("*",))
"""On all resources, as in each of AWS's policies for the optimized integrations, and in the CDK's tasks.

https://docs.aws.amazon.com/step-functions/latest/dg/sagemaker-iam.html
"""

Grants = Mapping[str, tuple[Grant | OwnGrant, ...]]
"""Grants by the integration that needs them, such as ``aws-sdk:sagemaker:createEndpoint``."""


def sagemaker(actions: str | tuple[str, ...], *resources: str) -> tuple[Grant, ...]:
    """Returns a grant of SageMaker actions on resources with the module's names.

    Args:
        actions: the actions' names, such as ``DescribeEndpoint``.
        resources: the kinds of resources, such as ``endpoint``.
    """
    named = (actions,) if isinstance(actions, str) else actions
    return (
        Grant("sagemaker", named, tuple(f"{resource}/{name}" for resource in resources for name in _NAMES[resource])),
    )


def creation(noun: str) -> tuple[Grant, ...]:
    """Returns the grants to create a resource with its tags.

    Args:
        noun: the resource as in the API's action names: ``Model``.
    """
    return (*sagemaker((f"Create{noun}", "AddTags"), _kind(noun)), _LIST_TAGS)


def job(noun: str) -> tuple[Grant, ...]:
    """Returns the grants of a ``.sync`` integration, which waits by Step Functions' own EventBridge rule."""
    rule = f"rule/StepFunctionsGetEventsForSageMaker{noun}sRule"
    actions = (f"Create{noun}", f"Describe{noun}", f"Stop{noun}", "AddTags")
    return (
        *sagemaker(actions, _kind(noun)),
        _LIST_TAGS,
        Grant("events", ("PutTargets", "PutRule", "DescribeRule"), (rule,)),
    )


def _kind(noun: str) -> str:
    """Returns the kind of resource as in ARNs: ``training-job`` for ``TrainingJob``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", noun).lower()


_RECORDING: Grants = {"dynamodb:putItem": (OwnGrant("dynamodb:PutItem", "records"),)}
"""Of every stage that can be reused (``pipeline.asl.recording``)."""


def grants_of(stages: Iterable[Stage]) -> Grants:
    """Returns the grants of all these stages without duplicates."""
    found: dict[str, dict[Grant | OwnGrant, None]] = {}
    for stage in stages:
        for integration, grants in ({**stage.grants(), **_RECORDING} if stage.kept_result else stage.grants()).items():
            found.setdefault(integration, {}).update(dict.fromkeys(grants))
    return {integration: tuple(grants) for integration, grants in found.items()}


def integrations(definition: dict[str, Any]) -> list[str]:
    """Returns the service integrations of a definition, such as ``sagemaker:createTrainingJob.sync``, sorted."""
    resources = (state.get("Resource", "") for state in definition["States"].values())
    return sorted({resource.partition(":states:::")[2] for resource in resources if resource})
