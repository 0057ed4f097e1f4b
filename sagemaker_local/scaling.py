"""Application Auto Scaling of endpoints: validates and stores targets and policies; one machine has nothing to scale.

https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-prerequisites.html
"""

import re
import threading
import uuid
from typing import NamedTuple

from sagemaker_local.endpoints import Endpoints
from sagemaker_local.errors import aws_error, not_supported
from sagemaker_local.job import JobContext
from sagemaker_local.listings import Document, only, timestamp, without

_RESOURCE = re.compile(r"endpoint/(?P<endpoint>[^/]+)/variant/(?P<variant>[^/]+)")
_DIMENSIONS = ("sagemaker:variant:DesiredInstanceCount", "sagemaker:variant:DesiredProvisionedConcurrency")
_DEFAULT_POLICY_TYPE = "StepScaling"
_PAGE = 50


class ScalableTarget(NamedTuple):
    """A scalable target's identity."""

    resource: str
    dimension: str


class Scaling:
    """The endpoints' scalable targets and scaling policies. Safe to use from several threads.

    Deleting an endpoint deletes its targets and policies, as in SageMaker.

    Args:
        context: the environment that the endpoints run in.
        endpoints: the endpoints.
    """

    def __init__(self, context: JobContext, endpoints: Endpoints) -> None:
        self._context = context
        self._endpoints = endpoints
        self._targets: dict[ScalableTarget, Document] = {}
        self._policies: dict[tuple[ScalableTarget, str], Document] = {}
        self._lock = threading.Lock()
        endpoints.on_delete(self._deregister)

    def register(self, request: Document) -> Document:
        """RegisterScalableTarget: registers or updates a target.

        Raises:
            AwsError: the endpoint or variant does not exist, or the capacities are missing or invalid.
            TaskFailed: the target belongs to another service.
        """
        target = self._target(request)
        with self._lock:
            known = self._targets.get(target, self._new(request))
            changed = known | only(request, "MinCapacity", "MaxCapacity", "RoleARN", "SuspendedState")
            for name in ("MinCapacity", "MaxCapacity"):
                if name not in changed:
                    raise aws_error(f"{name} is required to register a new scalable target.")
            if changed["MinCapacity"] > changed["MaxCapacity"]:
                raise aws_error("Maximum capacity cannot be less than minimum capacity.")
            self._targets[target] = changed
        return only(changed, "ScalableTargetARN")

    def put_policy(self, request: Document) -> Document:
        """PutScalingPolicy: creates or replaces a policy.

        Raises:
            AwsError: the target does not exist, or the policy type's configuration is missing.
            TaskFailed: the target belongs to another service.
        """
        target = self._target(request)
        kind = request.get("PolicyType", _DEFAULT_POLICY_TYPE)
        if f"{kind}PolicyConfiguration" not in request:
            raise aws_error(f"PolicyType {kind} requires {kind}PolicyConfiguration.")
        with self._lock:
            if target not in self._targets:
                raise aws_error(
                    f"No scalable target registered for service namespace: {request['ServiceNamespace']}, resource ID: "
                    f"{target.resource}, scalable dimension: {target.dimension}",
                    code="ObjectNotFoundException",
                )
            key = (target, request["PolicyName"])
            kept = self._policies.get(key) or {"PolicyARN": self._policy_arn(request), "CreationTime": timestamp()}
            kept = only(kept, "PolicyARN", "CreationTime")
            self._policies[key] = {"PolicyType": kind, **request, "Alarms": [], **kept}
            return only(self._policies[key], "PolicyARN", "Alarms")

    def describe_targets(self, request: Document) -> Document:
        """DescribeScalableTargets."""
        with self._lock:
            found = [target for target in self._targets.values() if _matches(target, request)]
        names = request.get("ResourceIds")
        return _page("ScalableTargets", [one for one in found if names is None or one["ResourceId"] in names], request)

    def describe_policies(self, request: Document) -> Document:
        """DescribeScalingPolicies."""
        with self._lock:
            found = [policy for policy in self._policies.values() if _matches(policy, request)]
        names = request.get("PolicyNames")
        return _page("ScalingPolicies", [one for one in found if names is None or one["PolicyName"] in names], request)

    def _target(self, request: Document) -> ScalableTarget:
        """Returns a request's target. Raises as ``register`` does."""
        if request["ServiceNamespace"] != "sagemaker":
            raise not_supported("ServiceNamespace", request["ServiceNamespace"], "sagemaker")
        match = _RESOURCE.fullmatch(request["ResourceId"])
        if match is None or request["ScalableDimension"] not in _DIMENSIONS:
            raise aws_error("Unsupported service namespace, resource type or scalable dimension")
        endpoint = self._endpoints.find(match["endpoint"])
        if match["variant"] not in endpoint.variants:
            raise aws_error(
                f'Could not find variant "{match["variant"]}" of endpoint "{endpoint.arn}": it has '
                f"{', '.join(endpoint.variants)}."
            )
        return ScalableTarget(request["ResourceId"], request["ScalableDimension"])

    def _new(self, request: Document) -> Document:
        scope = f"{self._context.region}:{self._context.account}"
        role = "aws-service-role/sagemaker.application-autoscaling.amazonaws.com"
        return {
            "ServiceNamespace": request["ServiceNamespace"],
            "ResourceId": request["ResourceId"],
            "ScalableDimension": request["ScalableDimension"],
            "RoleARN": f"arn:aws:iam::{self._context.account}:role/{role}/"
            "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint",
            "CreationTime": timestamp(),
            "SuspendedState": dict.fromkeys(
                ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended"), False
            ),
            "ScalableTargetARN": f"arn:aws:application-autoscaling:{scope}:scalable-target/{uuid.uuid4().hex}",
        }

    def _policy_arn(self, request: Document) -> str:
        scope = f"{self._context.region}:{self._context.account}"
        resource = f"resource/sagemaker/{request['ResourceId']}:policyName/{request['PolicyName']}"
        return f"arn:aws:autoscaling:{scope}:scalingPolicy:{uuid.uuid4()}:{resource}"

    def _deregister(self, endpoint: str) -> None:
        prefix = f"endpoint/{endpoint.lower()}/"
        with self._lock:
            for target in [target for target in self._targets if target.resource.lower().startswith(prefix)]:
                del self._targets[target]
            for key in [key for key in self._policies if key[0].resource.lower().startswith(prefix)]:
                del self._policies[key]


def _matches(document: Document, request: Document) -> bool:
    """Whether a document matches a Describe request's filters."""
    wanted = only(request, "ServiceNamespace", "ResourceId", "ScalableDimension")
    return only(document, *wanted) == wanted


def _page(name: str, found: list[Document], request: Document) -> Document:
    token = request.get("NextToken", "0")
    if not token.isdecimal():
        raise aws_error("The pagination token is not valid.", code="InvalidNextTokenException")
    start = int(token)
    end = start + request.get("MaxResults", _PAGE)
    return without({name: found[start:end], "NextToken": str(end) if end < len(found) else None})
