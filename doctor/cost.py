"""Says what a run costs: the instances, which are nearly all of it (docs/performance.md)."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from doctor.instances import ENDPOINT, PROCESSING, SPOT, TRAINING, TRANSFORM, WARM_POOL, Instances
from doctor.result import Result, ok, skipped

PRICING_REGION = "us-east-1"
"""The price list has endpoints in few regions, each with the prices of all."""

DATED = {
    "ml.t3.medium": 0.055,
    "ml.m5.large": 0.128,
    "ml.m5.xlarge": 0.257,
    "ml.g4dn.xlarge": 0.822,
    "ml.g4dn.4xlarge": 1.678,
    "ml.g4dn.12xlarge": 5.453,
    "ml.g5.xlarge": 1.57,
    "ml.g5.12xlarge": 7.91,
    "ml.p3.2xlarge": 4.131,
}
"""Dollars an hour, for jobs and endpoints alike; docs/performance.md has the source, which names no other types."""
DATED_WHEN = "December 2023 in EU (Ireland)"
"""When and where :data:`DATED` held."""
_COMPONENTS = {
    PROCESSING: "processing",
    TRAINING: "training",
    SPOT: "training",
    WARM_POOL: "training",
    TRANSFORM: "batchtransform",
    ENDPOINT: "hosting",
}
"""The price list's ``component``, in lower case and without spaces."""
_SAMPLE_MINUTES = 5
_HOUR = 3600
_MONTH = 730

Prices = Mapping[tuple[str, str], float]
"""Dollars an hour by instance type and kind of use."""


def cost(pricing: Any, instances: Iterable[Instances], *, region: str) -> list[Result]:
    """Returns one line with the price of a run, from AWS's price list, or else from the dated table.

    Args:
        pricing: a client in :data:`PRICING_REGION`.
        instances: what the input asks for.
        region: the region of the run.
    """
    used = list(instances)
    if not used:
        return [ok("cost", "no stage uses an instance; Lambda and Step Functions cost below $0.01 a run")]
    found, source = prices(pricing, used, region=region)
    unknown = sorted({each.type for each in used if (each.type, each.kind) not in found})
    if unknown:
        return [skipped("cost", f"no price is known for {', '.join(unknown)}")]
    return [ok("cost", f"{_summary(used, found)} ({source})")]


def prices(pricing: Any, used: Iterable[Instances], *, region: str) -> tuple[Prices, str]:
    """Returns the prices of instances, as far as they are known, and where they are from.

    Args:
        pricing: as for ``cost``.
        used: the instances.
        region: as for ``cost``.
    """
    wanted = list(used)
    try:
        found = _listed(pricing, wanted, region)
    except (ClientError, BotoCoreError):
        found = {}
    if found or not wanted:
        return found, f"AWS's prices in {region}"
    dated = {(each.type, each.kind): DATED[each.type] for each in wanted if each.type in DATED}
    return dated, f"prices of {DATED_WHEN}, since AWS's price list could not be read"


@dataclass(frozen=True, kw_only=True)
class Bill:
    """What the instances of a stage cost."""

    dollars: float
    unpriced: tuple[str, ...]
    """The instance types without a known price, whose cost is missing."""


def billed(used: Iterable[Instances], known: Prices, seconds: Mapping[str, float]) -> dict[str, Bill]:
    """Returns what the jobs of each stage cost if they are billed for some seconds; a warm pool for its whole time.

    Args:
        used: the instances; those of endpoints cost until these are deleted, and are left out.
        known: the prices.
        seconds: of each stage; those of other stages are unknown, and have no bill.
    """
    found: dict[str, Bill] = {}
    for each in used:
        if each.kind == ENDPOINT or each.stage not in seconds:
            continue
        before = found.get(each.stage, Bill(dollars=0.0, unpriced=()))
        price = known.get((each.type, each.kind))
        duration = seconds[each.stage] if each.kind != WARM_POOL else each.most_seconds or 0
        found[each.stage] = Bill(
            dollars=before.dollars + (price or 0.0) * each.count * duration / _HOUR,
            unpriced=before.unpriced if price is not None else tuple(dict.fromkeys((*before.unpriced, each.type))),
        )
    return found


def _summary(used: list[Instances], prices: Prices) -> str:
    def hourly(each: Instances) -> float:
        return prices[each.type, each.kind] * each.count

    jobs = [each for each in used if each.most_seconds is not None]
    endpoints = [each for each in used if each.most_seconds is None]
    parts = []
    if jobs:
        sample = sum(hourly(each) * _SAMPLE_MINUTES / 60 for each in jobs)
        limit = sum(hourly(each) * (each.most_seconds or 0) / _HOUR for each in jobs)
        parts.append(
            f"${sample:.2f} a run if each job is billed {_SAMPLE_MINUTES} minutes, "
            f"${limit:,.2f} if all run to their limits"
        )
    if endpoints:
        month = sum(hourly(each) for each in endpoints) * _MONTH
        parts.append(f"the endpoint ${month:,.0f} a month until it is deleted")
    return "; ".join(parts)


def _listed(pricing: Any, used: list[Instances], region: str) -> Prices:
    """The price list's prices, as far as it has them.

    The attributes ``regionCode``, ``instanceName`` and ``component`` are those of the price list's SageMaker products;
    where none has the component, the instance's highest price counts.
    """
    found: dict[tuple[str, str], float] = {}
    for name in {each.type for each in used}:
        products = pricing.get_products(
            ServiceCode="AmazonSageMaker",
            Filters=[
                {"Type": "TERM_MATCH", "Field": field, "Value": value}
                for field, value in (("regionCode", region), ("instanceName", name))
            ],
        )["PriceList"]
        by_component = dict(filter(None, map(_price, products)))
        for kind in {each.kind for each in used if each.type == name} if by_component else ():
            found[name, kind] = by_component.get(_COMPONENTS[kind], max(by_component.values()))
    return found


def _price(text: str) -> tuple[str, float] | None:
    """A product's component and its price an hour; None if it has none."""
    product = json.loads(text)
    component = re.sub(r"\W", "", product["product"]["attributes"].get("component", "")).lower()
    dimensions = [
        dimension
        for term in product.get("terms", {}).get("OnDemand", {}).values()
        for dimension in term["priceDimensions"].values()
    ]
    dollars = [float(dimension["pricePerUnit"].get("USD", 0)) for dimension in dimensions]
    return (component, max(dollars)) if any(dollars) else None
