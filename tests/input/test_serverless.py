"""A serverless variant with a feature that it lacks is refused before anything runs, by the schema and the checks."""

from typing import Any

import pytest

from pipeline.input.errors import InvalidFileError
from pipeline.input.execution import checked_input, merged
from pipeline.input.validator import problems
from tests.input.conftest import TOKENS

SERVERLESS = {"VariantName": "a", "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}}
NETWORK = {"Subnets": ["subnet-0123456789abcdef0"], "SecurityGroupIds": ["sg-0123456789abcdef0"]}
CAPTURE = {
    "EnableCapture": True,
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": "s3://bucket/capture",
    "CaptureOptions": [{"CaptureMode": "Input"}],
}
SCALING = {"min_capacity": 1, "max_capacity": 2, "invocations_per_instance": 9}


def with_endpoint(shipped: dict[str, Any], *variants: dict[str, Any], **config: Any) -> dict[str, Any]:
    """Returns the shipped input with this endpoint config."""
    given = {"ProductionVariants": list(variants), **config}
    data: dict[str, Any] = merged(shipped, {"deployment": {"input": {"EndpointConfig": given}}})
    return data


def refusals(data: dict[str, Any], *, in_vpc: bool = False) -> list[str]:
    """Returns the errors of ``mlops validate`` and the start function."""
    try:
        checked_input(data, tokens=TOKENS, event_id="event", in_vpc=in_vpc)
    except InvalidFileError as error:
        return [str(problem) for problem in error.problems]
    return []


@pytest.mark.parametrize(
    ("named", "config"),
    [
        ("EndpointConfig.VpcConfig", {"VpcConfig": NETWORK}),
        ("EndpointConfig.EnableNetworkIsolation", {"EnableNetworkIsolation": True}),
        ("EndpointConfig.DataCaptureConfig", {"DataCaptureConfig": CAPTURE}),
        ("a second variant", {}),
    ],
)
def test_a_feature_of_the_endpoint_config(named: str, config: dict[str, Any], shipped: dict[str, Any]) -> None:
    """The error names both keys and the remedy, and editors, which only know the schema, show it too."""
    variants = [SERVERLESS] if config else [SERVERLESS, {"VariantName": "b"}]
    data = with_endpoint(shipped, *variants, **config)
    (refusal,) = refusals(data)
    assert refusal.startswith("deployment.input.EndpointConfig.ProductionVariants[0].ServerlessConfig: ")
    assert f"cannot be combined with {named}" in refusal
    assert "InitialInstanceCount and InstanceType" in refusal
    assert [problem.message for problem in problems(data)] == [refusal.partition(": ")[2]]


@pytest.mark.parametrize(("field", "value"), [("VpcConfig", NETWORK), ("EnableNetworkIsolation", True)])
def test_a_feature_of_the_model(field: str, value: Any, shipped: dict[str, Any]) -> None:
    """The network of CreateModel counts, unless the variant serves another model or a stage does not run."""
    model = {"CreateModel": {"input": {field: value}}}
    data = merged(with_endpoint(shipped, SERVERLESS), model)
    (refusal,) = refusals(data)
    assert f"cannot be combined with CreateModel.input.{field}" in refusal
    assert list(problems(data))
    data["deployment"]["run"] = False
    assert not refusals(data)
    assert not list(problems(merged(with_endpoint(shipped, SERVERLESS | {"ModelName": "other"}), model)))


def test_the_network_of_the_deployment(shipped: dict[str, Any]) -> None:
    """A deployment with vpc-subnet-ids refuses serverless variants of its models; the shipped input is valid in it."""
    (refusal,) = refusals(with_endpoint(shipped, SERVERLESS), in_vpc=True)
    assert refusal.startswith("deployment.input.EndpointConfig.ProductionVariants[0].ServerlessConfig: ")
    assert "vpc-subnet-ids" in refusal
    assert not refusals(shipped, in_vpc=True)
    assert not refusals(with_endpoint(shipped, SERVERLESS))


def test_autoscaling_of_the_default_variant(shipped: dict[str, Any]) -> None:
    """The default variant scales by itself, except where it has an instance."""
    data = merged(shipped, {"deployment": {"autoscaling": SCALING}})
    (refusal,) = refusals(data)
    assert "needs a variant with instances" in refusal
    assert not refusals(data, in_vpc=True)
    assert not refusals(merged(data, {"CreateModel": {"input": {"VpcConfig": NETWORK}}}))
