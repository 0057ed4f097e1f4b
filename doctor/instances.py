"""Lists the instances that an execution's input asks for."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

PROCESSING, TRAINING, TRANSFORM, ENDPOINT = "processing job", "training job", "transform job", "endpoint"
SPOT, WARM_POOL = "spot training job", "training warm pool"
"""Kinds of use, as the names of SageMaker's quotas have them: ``ml.m5.xlarge for processing job usage``."""

_TRANSFORM_SECONDS = 5 * 24 * 3600
"""A transform job has no stopping condition; the state machine stops it after five days."""


@dataclass(frozen=True, kw_only=True)
class Instances:
    """Instances of one type that a stage uses at the same time."""

    stage: str
    kind: str
    type: str
    count: int
    most_seconds: int | None
    """How long they may run at most; None for an endpoint's, which run until the endpoint is deleted."""

    @property
    def quota(self) -> str:
        """The name of the quota that limits them."""
        return f"{self.type} for {self.kind} usage"


def instances_of(content: dict[str, Any]) -> list[Instances]:
    """Returns the instances of every stage that runs.

    Args:
        content: an execution's input.
    """
    found: list[Instances] = []
    for stage, read in _READERS.items():
        section = content.get(stage) or {}
        if section.get("run"):
            found += read(stage, section)
    return found


def _processing(stage: str, section: dict[str, Any]) -> Iterator[Instances]:
    request = section["input"]
    cluster = request["ProcessingResources"]["ClusterConfig"]
    yield Instances(
        stage=stage,
        kind=PROCESSING,
        type=cluster["InstanceType"],
        count=cluster["InstanceCount"],
        most_seconds=_limit(request),
    )


def _training(stage: str, section: dict[str, Any]) -> Iterator[Instances]:
    request = section["input"]
    resources = request["ResourceConfig"]
    kinds = [SPOT if request.get("EnableManagedSpotTraining") else TRAINING]
    if resources.get("KeepAlivePeriodInSeconds"):
        kinds.append(WARM_POOL)
    for group in resources.get("InstanceGroups") or [resources]:
        for kind in kinds if group.get("InstanceType") else ():
            yield Instances(
                stage=stage,
                kind=kind,
                type=group["InstanceType"],
                count=group.get("InstanceCount") or 1,
                most_seconds=_limit(request) if kind != WARM_POOL else resources["KeepAlivePeriodInSeconds"],
            )


def _transform(stage: str, section: dict[str, Any]) -> Iterator[Instances]:
    resources = section["input"]["TransformResources"]
    yield Instances(
        stage=stage,
        kind=TRANSFORM,
        type=resources["InstanceType"],
        count=resources["InstanceCount"],
        most_seconds=_TRANSFORM_SECONDS,
    )


def _endpoint(stage: str, section: dict[str, Any]) -> Iterator[Instances]:
    config = section["input"]["EndpointConfig"]
    most = (section.get("autoscaling") or {}).get("max_capacity") or 0
    for variant in (*config.get("ProductionVariants", ()), *(config.get("ShadowProductionVariants") or ())):
        if variant.get("InstanceType"):
            count = max(variant.get("InitialInstanceCount") or 1, most)
            yield Instances(stage=stage, kind=ENDPOINT, type=variant["InstanceType"], count=count, most_seconds=None)


def _limit(request: dict[str, Any]) -> int:
    """The job's limit in seconds; one day if the request has none, SageMaker's default.

    (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StoppingCondition.html)
    """
    return int((request.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds") or 24 * 3600)


_READERS = {
    "preprocessing": _processing,
    "training": _training,
    "evaluation": _processing,
    "batchTransform": _transform,
    "deployment": _endpoint,
    "monitoring": _processing,
}
