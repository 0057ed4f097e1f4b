"""IAM statements: for each service integration of the state machine, for the KMS key, and for executions.

Sources: https://docs.aws.amazon.com/step-functions/latest/dg/sagemaker-iam.html for the ``.sync`` integrations, and the
service authorization reference for the actions' resources:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

_SCALING_ROLE = (
    "aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
)

_PER_EXECUTION = ("{model}-*", "*-{model}-*")
"""What each execution creates anew: ``<job_prefix>-<model_id>-...``, ``evaluation-<job_prefix>-<model_id>-...``."""
_LONG_LIVED = ("{model}", "{model}-*")
"""What outlives the executions: ``<model_id>``."""
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
"""The names that the role may use, by kind of resource; pipeline.contract.names rejects inputs with other names."""

_SCALING_ALARMS = ("alarm:TargetTracking-endpoint/{model}/*", "alarm:TargetTracking-endpoint/{model}-*")
"""https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html"""


@dataclass(frozen=True)
class Grant:
    """Actions of one service on the same resources."""

    service: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    """The resource part of their ARNs, with ``{model}`` for the model's name: ``training-job/{model}-*``."""
    conditions: tuple[tuple[str, str], ...] = ()
    """Condition keys with their required values."""


@dataclass(frozen=True, kw_only=True)
class Targets:
    """The deployment's own resources that the integrations use."""

    gate: str
    topic: str
    approvals: str
    """ARNs of the gate function, the topic and the table of approval requests."""
    objects: str
    """The ARN pattern of all objects in the bucket."""
    model_name: str
    """The model's identifier, part of every name that the module gives."""


def _job(noun: str, resource: str) -> tuple[Grant, ...]:
    """The grants of a ``.sync`` integration, which waits through an EventBridge managed rule and can stop its job."""
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
    # AWS generates the ID in a scalable target's ARN.
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
"""The grants of each integration with SageMaker, whose resources are named in the user's input."""


def integrations(definition: dict[str, Any]) -> list[str]:
    """Returns the service integrations of a definition, such as ``sagemaker:createTrainingJob.sync``, sorted."""
    resources = (state.get("Resource", "") for state in definition["States"].values())
    return sorted({resource.partition(":states:::")[2] for resource in resources if resource})


def statements(definition: dict[str, Any], *, targets: Targets, stack: cdk.Stack) -> Iterator[iam.PolicyStatement]:
    """Yields the statements that the definition's integrations need, merged by resource.

    Args:
        definition: the state machine's definition.
        targets: the deployment's own resources.
        stack: gives account and region.
    """
    used = integrations(definition)
    # SageMaker lowercases the names in its ARNs.
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
        # Application Auto Scaling creates its service-linked role on first use in an account.
        yield iam.PolicyStatement(
            actions=["iam:CreateServiceLinkedRole"],
            resources=[f"arn:{stack.partition}:iam::{stack.account}:role/{_SCALING_ROLE}"],
            conditions={"StringEquals": {"iam:AWSServiceName": "sagemaker.application-autoscaling.amazonaws.com"}},
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
