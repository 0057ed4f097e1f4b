"""What the state machine's role must be allowed, for each service integration that the definition uses.

Sources: https://docs.aws.amazon.com/step-functions/latest/dg/sagemaker-iam.html for the ``.sync`` integrations, and the
service authorization reference for the actions' resources:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

_SCALING_ROLE = (
    "aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
)


_MADE = ("{model}-*", "*-{model}-*")
"""Names of what an execution makes: ``<job_prefix>-<model_id>-...``, ``evaluation-<job_prefix>-<model_id>-...``."""
_LASTING = ("{model}", "{model}-*")
"""Names of what outlives the executions: ``<model_id>``."""
_NAMES = {
    "processing-job": _MADE,
    "training-job": _MADE,
    "transform-job": _MADE,
    "model": _MADE,
    "endpoint-config": _MADE,
    "endpoint": _LASTING,
    "model-package-group": _LASTING,
    # <group>/<version>
    "model-package": ("{model}/*", "{model}-*"),
}
"""The names that the module gives, by kind of resource. pipeline.input.resource_names refuses an input with others."""

_SCALING_ALARMS = ("alarm:TargetTracking-endpoint/{model}/*", "alarm:TargetTracking-endpoint/{model}-*")
"""https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html"""


@dataclass(frozen=True)
class Grant:
    """Actions of one service, all on the same kinds of resources."""

    service: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    """As in the resource part of an ARN, where ``{model}`` stands for the model's name: ``training-job/{model}-*``."""
    conditions: tuple[tuple[str, str], ...] = ()
    """Condition keys and what each must be."""


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


def _job(noun: str, resource: str) -> tuple[Grant, ...]:
    """A ``.sync`` integration: waits by an EventBridge rule of Step Functions' own, stops what it has started."""
    rule = f"rule/StepFunctionsGetEventsForSageMaker{noun}sRule"
    actions = (f"Create{noun}", f"Describe{noun}", f"Stop{noun}", "AddTags")
    return (
        *_sagemaker(actions, resource),
        Grant("events", ("PutTargets", "PutRule", "DescribeRule"), (rule,)),
    )


def _sagemaker(actions: str | tuple[str, ...], *resources: str) -> tuple[Grant, ...]:
    named = (actions,) if isinstance(actions, str) else actions
    return (
        Grant("sagemaker", named, tuple(f"{resource}/{name}" for resource in resources for name in _NAMES[resource])),
    )


def _scaling(action: str) -> Grant:
    # A scalable target's ARN has an id of AWS's making.
    conditions = (("application-autoscaling:service-namespace", "sagemaker"),)
    return Grant("application-autoscaling", (action,), ("scalable-target/*",), conditions)


GRANTS: dict[str, tuple[Grant, ...]] = {
    "sagemaker:createProcessingJob.sync": _job("ProcessingJob", "processing-job"),
    "sagemaker:createTrainingJob.sync": _job("TrainingJob", "training-job"),
    "sagemaker:createTransformJob.sync": _job("TransformJob", "transform-job"),
    "sagemaker:createModel": _sagemaker(("CreateModel", "AddTags"), "model"),
    "aws-sdk:sagemaker:createModelPackageGroup": _sagemaker("CreateModelPackageGroup", "model-package-group"),
    "aws-sdk:sagemaker:createModelPackage": _sagemaker(
        ("CreateModelPackage", "AddTags"), "model-package", "model-package-group"
    ),
    "aws-sdk:sagemaker:listModelPackages": _sagemaker("ListModelPackages", "model-package", "model-package-group"),
    "aws-sdk:sagemaker:describeModelPackage": _sagemaker("DescribeModelPackage", "model-package"),
    "aws-sdk:sagemaker:updateModelPackage": _sagemaker("UpdateModelPackage", "model-package"),
    "aws-sdk:sagemaker:createEndpointConfig": _sagemaker(("CreateEndpointConfig", "AddTags"), "endpoint-config"),
    "aws-sdk:sagemaker:deleteEndpointConfig": _sagemaker("DeleteEndpointConfig", "endpoint-config"),
    "aws-sdk:sagemaker:createEndpoint": _sagemaker(("CreateEndpoint", "AddTags"), "endpoint", "endpoint-config"),
    "aws-sdk:sagemaker:updateEndpoint": (
        *_sagemaker("UpdateEndpoint", "endpoint", "endpoint-config"),
        # A DeploymentConfig may name alarms that roll the update back.
        Grant("cloudwatch", ("DescribeAlarms",), ("alarm:*",)),
    ),
    "aws-sdk:sagemaker:describeEndpoint": _sagemaker("DescribeEndpoint", "endpoint"),
    "aws-sdk:sagemaker:deleteEndpoint": _sagemaker("DeleteEndpoint", "endpoint"),
    "aws-sdk:sagemakerruntime:invokeEndpoint": _sagemaker("InvokeEndpoint", "endpoint"),
    "aws-sdk:applicationautoscaling:registerScalableTarget": (
        _scaling("RegisterScalableTarget"),
        *_sagemaker("DescribeEndpoint", "endpoint"),
        *_sagemaker("DescribeEndpointConfig", "endpoint-config"),
        *_sagemaker("UpdateEndpointWeightsAndCapacities", "endpoint"),
    ),
    "aws-sdk:applicationautoscaling:putScalingPolicy": (
        _scaling("PutScalingPolicy"),
        Grant("cloudwatch", ("PutMetricAlarm", "DescribeAlarms", "DeleteAlarms"), _SCALING_ALARMS),
    ),
}
"""Integrations on SageMaker's resources, whose names the user's input gives, and what belongs to them."""


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
    for grant in (grant for name in used for grant in GRANTS.get(name, ())):
        key = (grant.service, grant.resources, grant.conditions)
        merged.setdefault(key, {}).update(dict.fromkeys(grant.actions))
    for (service, resources, conditions), actions in merged.items():
        filled = dict.fromkeys(resource.format(model=name) for resource in resources for name in names)
        yield iam.PolicyStatement(
            actions=[f"{service}:{action}" for action in actions],
            resources=[f"arn:{stack.partition}:{service}:{stack.region}:{stack.account}:{name}" for name in filled],
            conditions={"StringEquals": dict(conditions)} if conditions else None,
        )
    own = {
        "lambda:invoke": ("lambda:InvokeFunction", targets.gate),
        "sns:publish": ("sns:Publish", targets.topic),
        "aws-sdk:dynamodb:putItem.waitForTaskToken": ("dynamodb:PutItem", targets.approvals),
        "aws-sdk:s3:getObject": ("s3:GetObject", targets.objects),
    }
    for name in used:
        if name in own:
            action, resource = own[name]
            yield iam.PolicyStatement(actions=[action], resources=[resource])
    if any(name.startswith("aws-sdk:applicationautoscaling:") for name in used):
        # Application Auto Scaling makes its role in the account the first time.
        yield iam.PolicyStatement(
            actions=["iam:CreateServiceLinkedRole"],
            resources=[f"arn:{stack.partition}:iam::{stack.account}:role/{_SCALING_ROLE}"],
            conditions={"StringEquals": {"iam:AWSServiceName": "sagemaker.application-autoscaling.amazonaws.com"}},
        )
