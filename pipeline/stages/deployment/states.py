"""Deployment's states, which are in ``states.asl.yaml``, and their grants."""

import json
from pathlib import Path
from typing import Any

from pipeline.asl.resources import Resources
from pipeline.asl.states_file import read_states
from pipeline.grants import Grant, Grants, OwnGrant, sagemaker
from pipeline.stages.deployment import DEFAULT_TIMEOUT, DEFAULT_VARIANT, INSTANCE, SERVERLESS

_FILE = Path(__file__).with_suffix(".asl.yaml")


def deployment_states(resources: Resources, *, following: str) -> dict[str, Any]:
    """The stage's states.

    Args:
        resources: the deployment's resources.
        following: the name of the state to continue with.
    """
    return read_states(
        _FILE,
        resources.substitutions() | {"instance": json.dumps(INSTANCE), "serverless": json.dumps(SERVERLESS)},
        following=following,
        default_timeout=DEFAULT_TIMEOUT,
        default_variant=json.dumps(DEFAULT_VARIANT),
        default_hosting="${instance}" if resources.subnets else "${hosting}",
        default_variant_name=DEFAULT_VARIANT["VariantName"],
    )


_SCALING_ROLE = (
    "role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
)

_SCALING_ALARMS = ("alarm:TargetTracking-endpoint/{model}/*", "alarm:TargetTracking-endpoint/{model}-*")
"""https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html"""


def _scaling(action: str) -> Grant:
    # AWS generates the ID in a scalable target's ARN.
    conditions = (("application-autoscaling:service-namespace", "sagemaker"),)
    return Grant("application-autoscaling", (action,), ("scalable-target/*",), conditions)


GRANTS: Grants = {
    "aws-sdk:sagemaker:createEndpointConfig": sagemaker(("CreateEndpointConfig", "AddTags"), "endpoint-config"),
    "aws-sdk:sagemaker:deleteEndpointConfig": sagemaker("DeleteEndpointConfig", "endpoint-config"),
    "aws-sdk:sagemaker:createEndpoint": sagemaker(("CreateEndpoint", "AddTags"), "endpoint", "endpoint-config"),
    "aws-sdk:sagemaker:updateEndpoint": (
        *sagemaker("UpdateEndpoint", "endpoint", "endpoint-config"),
        # A DeploymentConfig may name alarms that roll the update back.
        Grant("cloudwatch", ("DescribeAlarms",), ("alarm:*",)),
    ),
    "aws-sdk:sagemaker:describeEndpoint": sagemaker("DescribeEndpoint", "endpoint"),
    "aws-sdk:sagemaker:deleteEndpoint": sagemaker("DeleteEndpoint", "endpoint"),
    "aws-sdk:sagemakerruntime:invokeEndpoint": sagemaker("InvokeEndpoint", "endpoint"),
    "aws-sdk:applicationautoscaling:registerScalableTarget": (
        _scaling("RegisterScalableTarget"),
        # Application Auto Scaling creates its role in the account the first time.
        Grant(
            "iam",
            ("CreateServiceLinkedRole",),
            (_SCALING_ROLE,),
            (("iam:AWSServiceName", "sagemaker.application-autoscaling.amazonaws.com"),),
        ),
        *sagemaker("DescribeEndpoint", "endpoint"),
        *sagemaker("DescribeEndpointConfig", "endpoint-config"),
        *sagemaker("UpdateEndpointWeightsAndCapacities", "endpoint"),
    ),
    "aws-sdk:applicationautoscaling:putScalingPolicy": (
        _scaling("PutScalingPolicy"),
        Grant("cloudwatch", ("PutMetricAlarm", "DescribeAlarms", "DeleteAlarms"), _SCALING_ALARMS),
    ),
    "aws-sdk:s3:getObject": (OwnGrant("s3:GetObject", "objects"),),
}
