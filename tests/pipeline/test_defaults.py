"""The deployment's defaults in the requests: its network, role and key."""

from typing import Any

import pytest

from pipeline.asl.resources import Resources
from pipeline.definition import definition
from pipeline.stages import REQUEST_STAGES
from sagemaker_local.requests import check_request
from tests.pipeline.machine import evaluated

KEY = "arn:aws:kms:us-east-1:123456789012:key/0123abcd-0000-0000-0000-000000000000"
ROLE = "arn:aws:iam::123456789012:role/Serving"
VPC = {"SecurityGroupIds": ["sg-0123456789abcdef0"], "Subnets": ["subnet-0123456789abcdef0"]}
DEPLOYED = Resources(
    gate="GATE",
    monitor="MONITOR",
    topic="TOPIC",
    records="RECORDS",
    approvals="APPROVALS",
    serving_role=ROLE,
    key=KEY,
    subnets=("subnet-0123456789abcdef0",),
    security_groups=("sg-0123456789abcdef0",),
)
OTHERS: dict[str, Any] = {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}


def request(shipped: dict[str, Any], key: str, resources: Resources = DEPLOYED) -> Any:
    """Returns the stage's request."""
    return evaluated(definition(resources)["States"][key]["Arguments"], shipped)


@pytest.mark.parametrize(
    ("key", "network", "results"),
    [
        ("preprocessing", ("NetworkConfig", "VpcConfig"), "ProcessingOutputConfig"),
        ("training", ("VpcConfig",), "OutputDataConfig"),
        ("evaluation", ("NetworkConfig", "VpcConfig"), "ProcessingOutputConfig"),
        ("CreateModel", ("VpcConfig",), None),
        ("batchTransform", None, "TransformOutput"),
    ],
)
def test_network_and_key_are_filled_in(
    shipped: dict[str, Any], key: str, network: tuple[str, ...] | None, results: str | None
) -> None:
    """Each request has the deployment's subnets, security groups and its key for the results, and nothing else new."""
    plain = Resources(
        gate="GATE", monitor="MONITOR", topic="TOPIC", records="RECORDS", approvals="APPROVALS", serving_role=ROLE
    )
    filled, without = request(shipped, key), request(shipped, key, plain)
    (stage,) = (stage for stage in REQUEST_STAGES if stage.key == key)
    check_request(stage.action, filled)
    found: Any = filled
    for part in network or ():
        found = found[part]
    assert network is None or found == VPC
    if results:
        assert filled[results].pop("KmsKeyId") == KEY
    if network:
        del filled[network[0]]
    assert filled == without


def test_the_users_own_network_and_key_win(shipped: dict[str, Any]) -> None:
    """Values in the input take precedence; the other defaults remain."""
    shipped["training"]["input"] |= {"VpcConfig": OTHERS}
    shipped["training"]["input"]["OutputDataConfig"]["KmsKeyId"] = "alias/own"
    shipped["preprocessing"]["input"]["NetworkConfig"] = {"EnableNetworkIsolation": True}
    shipped["evaluation"]["input"]["NetworkConfig"] = {"VpcConfig": OTHERS}
    assert request(shipped, "training")["VpcConfig"] == OTHERS
    assert request(shipped, "training")["OutputDataConfig"]["KmsKeyId"] == "alias/own"
    assert request(shipped, "preprocessing")["NetworkConfig"] == {"EnableNetworkIsolation": True, "VpcConfig": VPC}
    assert request(shipped, "evaluation")["NetworkConfig"] == {"VpcConfig": OTHERS}


def test_a_model_runs_under_the_role_that_only_reads(shipped: dict[str, Any]) -> None:
    """CreateModel gets the deployment's role for models, unless the input names one."""
    assert request(shipped, "CreateModel")["ExecutionRoleArn"] == ROLE
    shipped["CreateModel"]["input"]["ExecutionRoleArn"] = own = ROLE.replace("Serving", "Own")
    assert request(shipped, "CreateModel")["ExecutionRoleArn"] == own


def test_a_job_without_outputs_gets_none(shipped: dict[str, Any]) -> None:
    """ProcessingOutputConfig requires outputs, so the key alone does not create one."""
    del shipped["preprocessing"]["input"]["ProcessingOutputConfig"]
    assert "ProcessingOutputConfig" not in request(shipped, "preprocessing")
