"""What the states of the deployment share: their names, and how they keep what they learn."""

from typing import Any

from pipeline.asl.jsonata import CAUGHT, jsonata, number_or, with_more
from pipeline.asl.resources import Resources
from pipeline.grants import Grant, Grants, OwnGrant, sagemaker

CONFIG = "deployment: endpoint config"
CREATE_OR_UPDATE = "deployment: create or update?"
CREATE = "deployment: create"
UPDATE = "deployment: update"
WAIT = "deployment: wait"
LOOK = "deployment: look"
IN_SERVICE = "deployment: in service?"
RECORD = "deployment: record"
SMOKE_TEST = "deployment: smoke test"
TARGET = "deployment: scalable target"
POLICY = "deployment: scaling policy"
UNDO = "deployment: undo?"
DELETE = "deployment: delete endpoint"
PUT_BACK = "deployment: put back"
DELETE_CONFIG = "deployment: delete endpoint config"
FAILED = "deployment: failed"

DEFAULT_TIMEOUT = 3600
"""Seconds within which the endpoint must be in service."""

SECTION = "$states.input.deployment"
RESULT = f"{SECTION}.result"
TIMEOUT = number_or(f"{SECTION}.timeout_seconds", DEFAULT_TIMEOUT)
UNDER_WAY = "['Creating', 'Updating', 'SystemUpdating', 'RollingBack']"


def task(resources: Resources, action: str, arguments: Any, output: str, after: str, **fields: Any) -> dict[str, Any]:
    """A Task of an AWS SDK integration.

    Args:
        resources: what of the deployment it refers to.
        action: service and action: ``sagemaker:describeEndpoint``.
        arguments: the request.
        output: the expression of what the next state gets.
        after: the name of the next state.
        fields: further fields of the state, such as Retry.
    """
    return {
        "Type": "Task",
        "Resource": resources.integration(f"aws-sdk:{action}"),
        "Arguments": arguments,
        "Output": jsonata(output),
        **fields,
        "Next": after,
    }


def more(learnt: str) -> str:
    """The data with what was learnt in the stage's result."""
    return with_more("deployment", learnt)


def caught(failure: str, after: str) -> list[dict[str, Any]]:
    """A Catch of every error that keeps it as the reason of the failure."""
    output = jsonata(more(f"{{'failure': '{failure}: ' & {CAUGHT}}}"))
    return [{"ErrorEquals": ["States.ALL"], "Output": output, "Next": after}]


_SCALING_ROLE = (
    "role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
)

_SCALING_ALARMS = ("alarm:TargetTracking-endpoint/{model}/*", "alarm:TargetTracking-endpoint/{model}-*")
"""https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html"""


def _scaling(action: str) -> Grant:
    # A scalable target's ARN has an id of AWS's making.
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
