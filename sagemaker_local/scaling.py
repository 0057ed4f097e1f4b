"""Application Auto Scaling of endpoints: what is registered is checked and kept; one machine has nothing to scale.

https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-prerequisites.html
"""

import re
import threading
import uuid
from typing import NamedTuple

from sagemaker_local.endpoints import Endpoints
from sagemaker_local.errors import not_supported, refused
from sagemaker_local.job import JobContext
from sagemaker_local.listings import Document, only, timestamp, without

_RESOURCE = re.compile(r"endpoint/(?P<endpoint>[^/]+)/variant/(?P<variant>[^/]+)")
_DIMENSIONS = ("sagemaker:variant:DesiredInstanceCount", "sagemaker:variant:DesiredProvisionedConcurrency")
_DEFAULT_POLICY_TYPE = "StepScaling"
_PAGE = 50


class ScalableTarget(NamedTuple):
    """What names a scalable target."""

    resource: str
    dimension: str


class Scaling:
    """The scalable targets and the scaling policies of this machine's endpoints. Safe to use from several threads.

    Those of an endpoint go with it, as SageMaker deregisters them in DeleteEndpoint.

    Args:
        context: where the endpoints run.
        endpoints: whose endpoints.
    """

    def __init__(self, context: JobContext, endpoints: Endpoints) -> None:
        self._context = context
        self._endpoints = endpoints
        self._targets: dict[ScalableTarget, Document] = {}
        self._policies: dict[tuple[ScalableTarget, str], Document] = {}
        self._lock = threading.Lock()
        endpoints.on_delete(self._forget)

    def register(self, request: Document) -> Document:
        """RegisterScalableTarget: registers one, or changes what the request says of it.

        Raises:
            Refused: there is no such endpoint or variant, or a capacity is missing or out of order.
            JobFailed: it is not an endpoint's.
        """
        target = self._target(request)
        with self._lock:
            known = self._targets.get(target, self._new(request))
            changed = known | only(request, "MinCapacity", "MaxCapacity", "RoleARN", "SuspendedState")
            for name in ("MinCapacity", "MaxCapacity"):
                if name not in changed:
                    raise refused(f"{name} is required to register a new scalable target.")
            if changed["MinCapacity"] > changed["MaxCapacity"]:
                raise refused("Maximum capacity cannot be less than minimum capacity.")
            self._targets[target] = changed
        return only(changed, "ScalableTargetARN")

    def put_policy(self, request: Document) -> Document:
        """PutScalingPolicy: makes one, or replaces the one of its name.

        Raises:
            Refused: there is no such scalable target, or its policy type lacks its configuration.
            JobFailed: it is not an endpoint's.
        """
        target = self._target(request)
        kind = request.get("PolicyType", _DEFAULT_POLICY_TYPE)
        if f"{kind}PolicyConfiguration" not in request:
            raise refused(f"PolicyType {kind} requires {kind}PolicyConfiguration.")
        with self._lock:
            if target not in self._targets:
                raise refused(
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
            found = [target for target in self._targets.values() if _is_asked(target, request)]
        names = request.get("ResourceIds")
        return _page("ScalableTargets", [one for one in found if names is None or one["ResourceId"] in names], request)

    def describe_policies(self, request: Document) -> Document:
        """DescribeScalingPolicies."""
        with self._lock:
            found = [policy for policy in self._policies.values() if _is_asked(policy, request)]
        names = request.get("PolicyNames")
        return _page("ScalingPolicies", [one for one in found if names is None or one["PolicyName"] in names], request)

    def _target(self, request: Document) -> ScalableTarget:
        """What a request is about. Raises as ``register`` does."""
        if request["ServiceNamespace"] != "sagemaker":
            raise not_supported("ServiceNamespace", request["ServiceNamespace"], "sagemaker")
        match = _RESOURCE.fullmatch(request["ResourceId"])
        if match is None or request["ScalableDimension"] not in _DIMENSIONS:
            raise refused("Unsupported service namespace, resource type or scalable dimension")
        endpoint = self._endpoints.find(match["endpoint"])
        if match["variant"] not in endpoint.variants:
            raise refused(
                f'Could not find variant "{match["variant"]}" of endpoint "{endpoint.arn}": it has '
                f"{', '.join(endpoint.variants)}."
            )
        return ScalableTarget(request["ResourceId"], request["ScalableDimension"])

    def _new(self, request: Document) -> Document:
        place = f"{self._context.region}:{self._context.account}"
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
            "ScalableTargetARN": f"arn:aws:application-autoscaling:{place}:scalable-target/{uuid.uuid4().hex}",
        }

    def _policy_arn(self, request: Document) -> str:
        place = f"{self._context.region}:{self._context.account}"
        resource = f"resource/sagemaker/{request['ResourceId']}:policyName/{request['PolicyName']}"
        return f"arn:aws:autoscaling:{place}:scalingPolicy:{uuid.uuid4()}:{resource}"

    def _forget(self, endpoint: str) -> None:
        prefix = f"endpoint/{endpoint.lower()}/"
        with self._lock:
            for target in [target for target in self._targets if target.resource.lower().startswith(prefix)]:
                del self._targets[target]
            for key in [key for key in self._policies if key[0].resource.lower().startswith(prefix)]:
                del self._policies[key]


def _is_asked(document: Document, request: Document) -> bool:
    """Whether a document is one of those that a Describe request names by these of its members."""
    asked = only(request, "ServiceNamespace", "ResourceId", "ScalableDimension")
    return only(document, *asked) == asked


def _page(name: str, found: list[Document], request: Document) -> Document:
    token = request.get("NextToken", "0")
    if not token.isdecimal():
        raise refused("The pagination token is not valid.", code="InvalidNextTokenException")
    start = int(token)
    end = start + request.get("MaxResults", _PAGE)
    return without({name: found[start:end], "NextToken": str(end) if end < len(found) else None})
