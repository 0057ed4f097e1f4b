"""What the state machine's role must be allowed for the service integrations that the stages use.

Each stage has its own grants; this module has the words for them. ``infrastructure.permissions`` makes IAM statements
of them.

Sources: https://docs.aws.amazon.com/step-functions/latest/dg/sagemaker-iam.html for the ``.sync`` integrations, and the
service authorization reference for the actions' resources:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pipeline.stages.stage import Stage

_PER_EXECUTION = ("{model}-*", "*-{model}-*")
"""Names of what an execution creates: ``<job_prefix>-<model_id>-...``, ``evaluation-<job_prefix>-<model_id>-...``."""
_LONG_LIVED = ("{model}", "{model}-*")
"""Names of what outlives the executions: ``<model_id>``."""
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
"""The names that the module gives, by kind of resource. ``pipeline.input.resource_names`` refuses all others."""


@dataclass(frozen=True)
class Grant:
    """Actions of one service, all on the same kinds of resources."""

    service: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    """The resource part of ARNs, in which ``{model}`` is the model's name: ``training-job/{model}-*``."""
    conditions: tuple[tuple[str, str], ...] = ()
    """Condition keys, each with the value it must have."""


@dataclass(frozen=True)
class OwnGrant:
    """An action on a resource of the deployment itself."""

    action: str
    """With its service: ``lambda:InvokeFunction``."""
    target: str
    """The resource's name in ``infrastructure.permissions.Targets``: ``gate``."""


Grants = Mapping[str, tuple[Grant | OwnGrant, ...]]
"""Grants by the integration that needs them, such as ``aws-sdk:sagemaker:createEndpoint``."""


def sagemaker(actions: str | tuple[str, ...], *resources: str) -> tuple[Grant, ...]:
    """Actions of SageMaker on resources of the module's names.

    Args:
        actions: their names: ``DescribeEndpoint``.
        resources: the kinds of the resources: ``endpoint``.
    """
    named = (actions,) if isinstance(actions, str) else actions
    return (
        Grant("sagemaker", named, tuple(f"{resource}/{name}" for resource in resources for name in _NAMES[resource])),
    )


def creation(noun: str) -> tuple[Grant, ...]:
    """Creates a resource with its tags.

    Args:
        noun: what is created, as in the API's action names: ``Model``.
    """
    return sagemaker((f"Create{noun}", "AddTags"), _kind(noun))


def job(noun: str) -> tuple[Grant, ...]:
    """A ``.sync`` integration: waits by an EventBridge rule of Step Functions' own, stops what it has started."""
    rule = f"rule/StepFunctionsGetEventsForSageMaker{noun}sRule"
    actions = (f"Create{noun}", f"Describe{noun}", f"Stop{noun}", "AddTags")
    return (
        *sagemaker(actions, _kind(noun)),
        Grant("events", ("PutTargets", "PutRule", "DescribeRule"), (rule,)),
    )


def _kind(noun: str) -> str:
    """The kind of resource in ARNs: ``training-job`` for ``TrainingJob``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", noun).lower()


def grants_of(stages: Iterable[Stage]) -> Grants:
    """The grants of several stages, each once."""
    found: dict[str, dict[Grant | OwnGrant, None]] = {}
    for stage in stages:
        for integration, grants in stage.grants().items():
            found.setdefault(integration, {}).update(dict.fromkeys(grants))
    return {integration: tuple(grants) for integration, grants in found.items()}
