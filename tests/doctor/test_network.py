"""What the subnets of a VPC reach."""

from typing import Any

import pytest

from doctor.network import network
from doctor.result import FAILURE, OK, WARNING
from tests.doctor.conftest import Stubbed, make_client
from tests.policies.references import REGION

OTHERS = ("ecr.api", "ecr.dkr", "logs", "sts")


@pytest.fixture
def ec2(moto: None) -> Any:  # noqa: ARG001 - the account in memory
    """An account without anything of ours."""
    return make_client("ec2")


@pytest.fixture
def vpc(ec2: Any) -> str:
    """A VPC without a way out."""
    return str(ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"])


def subnet(ec2: Any, vpc: str, number: int = 0, zone: str = "a") -> str:
    """A subnet of the VPC, with its main route table."""
    made = ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{REGION}{zone}")
    return str(made["Subnet"]["SubnetId"])


def main_table(ec2: Any, vpc: str) -> str:
    """The VPC's main route table."""
    filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "association.main", "Values": ["true"]}]
    return str(ec2.describe_route_tables(Filters=filters)["RouteTables"][0]["RouteTableId"])


def gateway_endpoint(ec2: Any, vpc: str, table: str) -> None:
    """S3's endpoint for a route table."""
    ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=f"com.amazonaws.{REGION}.s3", RouteTableIds=[table])


def test_no_vpc(stubbed: Stubbed) -> None:
    """Without a VPC, no call is made."""
    assert network(stubbed("ec2"), [], region=REGION, serves=True)[0].status == OK


def test_subnet_without_a_way_out(ec2: Any, vpc: str) -> None:
    """A subnet without routes and endpoints fails for S3; the other services are a warning."""
    found = network(ec2, [subnet(ec2, vpc)], region=REGION, serves=False)
    assert [result.status for result in found] == [FAILURE, WARNING]
    assert "cannot reach S3" in found[0].detail
    assert found[0].remedy.startswith("add a gateway endpoint com.amazonaws.us-east-1.s3")
    assert found[1].detail.endswith("cannot reach ecr.api, ecr.dkr, logs, sts")


def test_subnet_with_a_nat_gateway(ec2: Any, vpc: str) -> None:
    """Through a NAT gateway, everything is reached."""
    inside, public = subnet(ec2, vpc), subnet(ec2, vpc, 1)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    gateway = ec2.create_nat_gateway(SubnetId=public, AllocationId=address)["NatGateway"]["NatGatewayId"]
    ec2.create_route(RouteTableId=main_table(ec2, vpc), DestinationCidrBlock="0.0.0.0/0", NatGatewayId=gateway)
    (result,) = network(ec2, [inside], region=REGION, serves=False)
    assert result.status == OK


def test_subnet_with_an_internet_gateway(ec2: Any, vpc: str) -> None:
    """An internet gateway does not help, since a job's interface has no public address."""
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.create_route(RouteTableId=main_table(ec2, vpc), DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    assert network(ec2, [subnet(ec2, vpc)], region=REGION, serves=False)[0].status == FAILURE


def test_subnet_with_endpoints(ec2: Any, vpc: str) -> None:
    """With an endpoint for each service, everything is reached."""
    inside = subnet(ec2, vpc)
    gateway_endpoint(ec2, vpc, main_table(ec2, vpc))
    for name in OTHERS:
        ec2.create_vpc_endpoint(
            VpcId=vpc,
            ServiceName=f"com.amazonaws.{REGION}.{name}",
            VpcEndpointType="Interface",
            SubnetIds=[inside],
            PrivateDnsEnabled=True,
        )
    (result,) = network(ec2, [inside], region=REGION, serves=False)
    assert result.status == OK


def test_gateway_endpoint_of_another_table(ec2: Any, vpc: str) -> None:
    """An endpoint counts only for the subnets whose route table it is in."""
    inside, other = subnet(ec2, vpc), subnet(ec2, vpc, 1)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=other)
    gateway_endpoint(ec2, vpc, table)
    result = network(ec2, [inside, other], region=REGION, serves=False)[0]
    assert result.detail == f"{inside} cannot reach S3: no VPC endpoint, and no route to a NAT gateway"


def test_endpoint_in_one_zone(ec2: Any, vpc: str) -> None:
    """A model that serves needs subnets in two zones."""
    gateway_endpoint(ec2, vpc, main_table(ec2, vpc))
    one, two = subnet(ec2, vpc), subnet(ec2, vpc, 1, "b")
    assert "two Availability Zones" in network(ec2, [one], region=REGION, serves=True)[-1].detail
    assert "Zones" not in network(ec2, [one, two], region=REGION, serves=True)[-1].detail
