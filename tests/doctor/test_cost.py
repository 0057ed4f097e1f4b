"""What a run costs."""

import json
from typing import Any

import pytest

from doctor.cost import DATED_WHEN, billed, cost, prices
from doctor.instances import ENDPOINT, PROCESSING, TRAINING, WARM_POOL, Instances
from doctor.result import OK, SKIPPED
from tests.doctor.conftest import Stubbed


def instances(kind: str, name: str = "ml.m5.xlarge", seconds: int | None = 3600) -> Instances:
    """One instance of a stage."""
    return Instances(stage="any", kind=kind, type=name, count=1, most_seconds=seconds)


def product(component: str, dollars: str, name: str = "ml.m5.xlarge") -> str:
    """A product as the price list has it."""
    dimension = {"unit": "Hrs", "pricePerUnit": {"USD": dollars}}
    return json.dumps(
        {
            "product": {
                "productFamily": "ML Instance",
                "attributes": {"instanceName": name, "component": component, "regionCode": "eu-west-1"},
                "sku": "1",
            },
            "terms": {"OnDemand": {"1.2": {"priceDimensions": {"1.2.3": dimension}}}},
        }
    )


def listed(*products: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """The price list's answer for the instance type in the region."""
    expected = {
        "ServiceCode": "AmazonSageMaker",
        "Filters": [
            {"Type": "TERM_MATCH", "Field": "regionCode", "Value": "eu-west-1"},
            {"Type": "TERM_MATCH", "Field": "instanceName", "Value": "ml.m5.xlarge"},
        ],
    }
    return ("get_products", {"PriceList": list(products)}, expected)


def test_prices_of_the_region(stubbed: Stubbed) -> None:
    """The price is that of the region and of the kind of use."""
    pricing = stubbed(
        "pricing", listed(product("Training", "0.6"), product("Processing", "1.2"), product("Hosting", "1"))
    )
    used = [instances(TRAINING), instances(PROCESSING), instances(ENDPOINT, seconds=None)]
    (result,) = cost(pricing, used, region="eu-west-1")
    assert result.status == OK
    assert result.detail == (
        "$0.15 a run if each job is billed 5 minutes, $1.80 if all run to their limits; "
        "the endpoint $730 a month until it is deleted (AWS's prices in eu-west-1)"
    )


def test_component_that_the_list_does_not_name(stubbed: Stubbed) -> None:
    """Where the list has no price for the kind of use, the instance's highest counts."""
    pricing = stubbed("pricing", listed(product("Notebook", "0.6"), product("Studio", "1.2"), product("Free", "0")))
    (result,) = cost(pricing, [instances(TRAINING)], region="eu-west-1")
    assert result.detail.startswith("$0.10 a run")


def test_price_list_that_may_not_be_read(stubbed: Stubbed) -> None:
    """Without the price list, the line has the table's price and its date."""
    (result,) = cost(
        stubbed("pricing", ("get_products", "AccessDeniedException")), [instances(TRAINING)], region="eu-west-1"
    )
    assert result.status == OK
    assert result.detail.startswith("$0.02 a run")
    assert "prices of December 2023" in result.detail


def test_unknown_price(stubbed: Stubbed) -> None:
    """An instance type without a price is skipped."""
    pricing = stubbed("pricing", ("get_products", {"PriceList": []}))
    (result,) = cost(pricing, [instances(TRAINING, "ml.p9.large")], region="eu-west-1")
    assert (result.status, result.detail) == (SKIPPED, "no price is known for ml.p9.large")


def test_no_instances(stubbed: Stubbed) -> None:
    """An input without instances needs no price list."""
    assert cost(stubbed("pricing"), [], region="eu-west-1")[0].status == OK


def test_price_list_without_a_type(stubbed: Stubbed) -> None:
    """Where the list can be read, its prices count, and the table fills no gap in them."""
    used = [instances(TRAINING), instances(PROCESSING, "ml.p9.large")]
    other = instances(PROCESSING, "ml.m5.large")  # which the table has
    listing = {"PriceList": [product("Training", "0.6")]}
    pricing = stubbed("pricing", ("get_products", listing), ("get_products", {"PriceList": []}))
    known, source = prices(pricing, [used[0], other], region="eu-west-1")
    assert list(known.values()) == [0.6]
    assert source == "AWS's prices in eu-west-1"
    refused = stubbed("pricing", ("get_products", "AccessDeniedException"))
    known, source = prices(refused, used, region="eu-west-1")
    assert known == {("ml.m5.xlarge", TRAINING): 0.257}
    assert DATED_WHEN in source


def test_what_the_stages_of_an_execution_cost() -> None:
    """A stage's instances are added up, a warm pool for its whole time; an unknown type is named, and costs nothing."""
    known = {("ml.m5.xlarge", TRAINING): 0.6, ("ml.m5.xlarge", WARM_POOL): 0.6, ("ml.m5.xlarge", ENDPOINT): 9.0}
    used = [
        instances(TRAINING),
        instances(TRAINING, "ml.p9.large"),
        instances(WARM_POOL, seconds=1800),
        instances(ENDPOINT, seconds=None),
    ]
    found = billed(used, known, {"any": 360.0})
    assert found["any"].dollars == pytest.approx(0.06 + 0.3)
    assert found["any"].unpriced == ("ml.p9.large",)
    assert billed(used, known, {"another": 360.0}) == {}
