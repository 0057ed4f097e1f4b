"""What a check costs: the instances of its jobs, which are nearly all of it."""

from typing import Any

from doctor.cost import cost
from doctor.instances import PROCESSING, TRAINING, TRANSFORM, Instances

INSTANCE = "ml.m5.large"
"""The smallest instance that all kinds of jobs can have, and that docs/performance.md has a price for."""

_HOUR = 3600
_JOBS = (
    ("the shipped input", PROCESSING),
    ("the shipped input", TRAINING),
    ("the shipped input", PROCESSING),
    ("the shipped input", TRANSFORM),
    ("a failed job", PROCESSING),
    ("its redrive", PROCESSING),
)


def price(pricing: Any, *, region: str) -> str:
    """Returns the price of a check, on one line.

    Args:
        pricing: a client in ``doctor.cost.PRICING_REGION``.
        region: the region of the check.
    """
    used = [Instances(stage=stage, kind=kind, type=INSTANCE, count=1, most_seconds=_HOUR) for stage, kind in _JOBS]
    (result,) = cost(pricing, used, region=region)
    return result.detail
