"""Checks that the subnets of the jobs and models reach the services that they need.

Sources: https://docs.aws.amazon.com/sagemaker/latest/dg/train-vpc.html (without internet access, a job reaches S3
through a VPC endpoint only; SageMaker pulls the image itself) and .../host-vpc.html (a model needs two Availability
Zones). A job's network interface has no public address, so a route to an internet gateway does not help it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from doctor.result import Result, failure, ok, warning

_S3 = "s3"
_OTHERS = ("ecr.api", "ecr.dkr", "logs", "sts")
"""Services that scripts and SageMaker's agents use; docs/security.md asks for them."""
_WAYS_OUT = ("NatGatewayId", "TransitGatewayId", "VpcPeeringConnectionId", "NetworkInterfaceId", "CoreNetworkArn")
"""The targets of a default route that lead out, or may do so: what is behind a transit gateway cannot be seen."""
_EVERYWHERE = "0.0.0.0/0"
_ZONES = 2


@dataclass(frozen=True, kw_only=True)
class Subnet:
    """A subnet, and what it reaches."""

    id: str
    zone: str
    has_way_out: bool
    services: frozenset[str]
    """The services with a VPC endpoint that it can use, such as ``ecr.api``."""

    def reaches(self, service: str) -> bool:
        """Whether it reaches a service."""
        return self.has_way_out or service in self.services


def network(ec2: Any, subnet_ids: Iterable[str], *, region: str, serves: bool) -> list[Result]:
    """Checks the routes and VPC endpoints of subnets.

    Args:
        ec2: a client.
        subnet_ids: those in which jobs and models run.
        region: the region, which is in the names of the VPC endpoints' services.
        serves: whether the input deploys an endpoint.

    Raises:
        ClientError: AWS rejects a call.
    """
    ids = sorted(set(subnet_ids))
    if not ids:
        return [ok("network", "jobs run in SageMaker's own network; the deployment has no VPC")]
    subnets = _subnets(ec2, ids, region)
    found = [*_storage(subnets, region), *_services(subnets, region), *(_zones(subnets) if serves else ())]
    return found or [ok("network", f"{', '.join(ids)} reach S3, {', '.join(_OTHERS)}")]


def _storage(subnets: list[Subnet], region: str) -> Iterator[Result]:
    cut_off = [subnet.id for subnet in subnets if not subnet.reaches(_S3)]
    if cut_off:
        yield failure(
            "network",
            f"{', '.join(cut_off)} cannot reach S3: no VPC endpoint, and no route to a NAT gateway",
            f"add a gateway endpoint com.amazonaws.{region}.s3 to the route tables of these subnets",
        )


def _services(subnets: list[Subnet], region: str) -> Iterator[Result]:
    missing = {name: [subnet.id for subnet in subnets if not subnet.reaches(name)] for name in _OTHERS}
    lacking = [name for name, without in missing.items() if without]
    if lacking:
        where = sorted({subnet for without in missing.values() for subnet in without})
        yield warning(
            "network",
            f"{', '.join(where)} cannot reach {', '.join(lacking)}",
            f"add interface endpoints: {', '.join(f'com.amazonaws.{region}.{name}' for name in lacking)}",
        )


def _zones(subnets: list[Subnet]) -> Iterator[Result]:
    zones = {subnet.zone for subnet in subnets}
    if len(zones) < _ZONES:
        yield warning(
            "network",
            f"all subnets are in {', '.join(zones)}; an endpoint needs two Availability Zones",
            "add a subnet of another zone to vpc-subnet-ids",
        )


def _subnets(ec2: Any, ids: list[str], region: str) -> list[Subnet]:
    described = ec2.describe_subnets(SubnetIds=ids)["Subnets"]
    vpcs = sorted({subnet["VpcId"] for subnet in described})
    filters = [{"Name": "vpc-id", "Values": vpcs}]
    tables = [table for page in _pages(ec2, "describe_route_tables", filters) for table in page["RouteTables"]]
    endpoints = [each for page in _pages(ec2, "describe_vpc_endpoints", filters) for each in page["VpcEndpoints"]]
    found = []
    for subnet in described:
        table = _table(tables, subnet)
        found.append(
            Subnet(
                id=subnet["SubnetId"],
                zone=subnet["AvailabilityZone"],
                has_way_out=any(_leads_out(route) for route in table.get("Routes", ())),
                services=frozenset(
                    endpoint["ServiceName"].removeprefix("cn.").removeprefix(f"com.amazonaws.{region}.")
                    for endpoint in endpoints
                    if endpoint["VpcId"] == subnet["VpcId"] and _serves(endpoint, table)
                ),
            )
        )
    return found


def _pages(ec2: Any, operation: str, filters: list[dict[str, Any]]) -> Any:
    return ec2.get_paginator(operation).paginate(Filters=filters)


def _table(tables: list[dict[str, Any]], subnet: dict[str, Any]) -> dict[str, Any]:
    """A subnet's own route table, else the main one of its VPC."""
    main: dict[str, Any] = {}
    for table in tables:
        for association in table.get("Associations", ()):
            if association.get("SubnetId") == subnet["SubnetId"]:
                return table
            if association.get("Main") and table["VpcId"] == subnet["VpcId"]:
                main = table
    return main


def _leads_out(route: dict[str, Any]) -> bool:
    return (
        route.get("DestinationCidrBlock") == _EVERYWHERE
        and route.get("State") == "active"
        and any(route.get(target) for target in _WAYS_OUT)
    )


def _serves(endpoint: dict[str, Any], table: dict[str, Any]) -> bool:
    """Whether instances in a subnet with this route table can use a VPC endpoint."""
    if endpoint.get("State", "available").lower() != "available":
        return False
    if endpoint.get("VpcEndpointType", "Gateway") == "Gateway":
        return table.get("RouteTableId") in endpoint.get("RouteTableIds", ())
    return bool(endpoint.get("PrivateDnsEnabled"))
