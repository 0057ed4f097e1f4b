"""Says what a run costs: the instances, which are nearly all of it (docs/performance.md)."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from doctor.instances import ENDPOINT, PROCESSING, SPOT, TRAINING, TRANSFORM, WARM_POOL, Instances
from doctor.result import Result, ok, skipped

PRICING_REGION = "us-east-1"
"""The price list has endpoints in few regions, each with the prices of all."""

DATED = {"ml.m5.xlarge": 0.257, "ml.m5.large": 0.128}
"""Dollars an hour, the same for jobs and endpoints; docs/performance.md has the source."""
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
    source = f"AWS's prices in {region}"
    try:
        prices = _listed(pricing, used, region)
    except (ClientError, BotoCoreError):
        prices = {}
    if any((each.type, each.kind) not in prices for each in used):
        prices = {(each.type, each.kind): DATED[each.type] for each in used if each.type in DATED}
        source = f"prices of {DATED_WHEN}, since AWS's price list could not be read"
    unknown = sorted({each.type for each in used if (each.type, each.kind) not in prices})
    if unknown:
        return [skipped("cost", f"no price is known for {', '.join(unknown)}")]
    return [ok("cost", f"{_summary(used, prices)} ({source})")]


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
