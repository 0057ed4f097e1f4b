"""Checks that the account's quotas allow the instances that the input asks for.

The quotas' names are those of Service Quotas, ``ml.m5.xlarge for training job usage``, the ones that SageMaker's
ResourceLimitExceeded names; the number of instances of an endpoint counts towards ``... for endpoint usage``.
"""

from collections.abc import Iterable
from typing import Any

from doctor.instances import Instances
from doctor.result import Result, failure, ok, warning

_PAGE = 100


def quotas(service_quotas: Any, instances: Iterable[Instances]) -> list[Result]:
    """Checks the quota of each instance type and kind of use. Other jobs' use of it is not known.

    Args:
        service_quotas: a client.
        instances: what the input asks for. Stages run one after the other, so the largest counts; the variants of an
            endpoint run together.

    Raises:
        ClientError: AWS rejects a call.
    """
    needed: dict[str, int] = {}
    for each in instances:
        together = each.most_seconds is None
        before = needed.get(each.quota, 0)
        needed[each.quota] = before + each.count if together else max(before, each.count)
    if not needed:
        return [ok("quotas", "no stage uses an instance of its own")]
    values = _values(service_quotas, "list_service_quotas", set(needed))
    values |= _values(service_quotas, "list_aws_default_service_quotas", set(needed) - set(values))
    found = [_result(name, count, values.get(name)) for name, count in needed.items()]
    fine = [result.detail for result in found if result.status == "ok"]
    rest = [result for result in found if result.status != "ok"]
    return [*rest, *([ok("quotas", "; ".join(fine))] if fine else [])]


def _values(client: Any, operation: str, names: set[str]) -> dict[str, float]:
    """The values of quotas by name. SageMaker has thousands, so the search ends when all are found."""
    found: dict[str, float] = {}
    if not names:
        return found
    pages = client.get_paginator(operation).paginate(ServiceCode="sagemaker", PaginationConfig={"PageSize": _PAGE})
    for page in pages:
        found |= {quota["QuotaName"]: quota["Value"] for quota in page["Quotas"] if quota["QuotaName"] in names}
        if len(found) == len(names):
            break
    return found


def _result(name: str, count: int, value: float | None) -> Result:
    if value is None:
        return warning(
            "quotas",
            f"there is no quota {name}; is the instance type right, and is there one in this region?",
            "use another InstanceType in input.yaml",
        )
    if value < count:
        return failure(
            "quotas",
            f"{name} is {value:g}; input.yaml needs {count}",
            f"request {count} of it in Service Quotas, Amazon SageMaker, or use another InstanceType in input.yaml",
        )
    return ok("quotas", f"{name}: {value:g}")
