"""``make aws-check`` in a running environment, as a team's CI runs it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.connection import Connection
from tests.e2e.checkout import PROJECT, Checkout
from tests.e2e.conftest import FirstRun

pytestmark = pytest.mark.emulator

NAME = "aws-check"
OTHER = f"{NAME}-2"
"""The name of another pipeline."""


@pytest.fixture
def connection(checkout: Checkout, first_run: FirstRun) -> Iterator[Connection]:  # noqa: ARG001 - it loads the small sample
    """The running environment, with what an interrupted check left, and with another pipeline's group."""
    state = json.loads((checkout.folder / "out" / "local" / "state.json").read_text())
    made = Connection(endpoint=state["endpoint"], key=state["key"])
    sagemaker = made.client("sagemaker")
    for name in (NAME, OTHER):
        sagemaker.create_model_package_group(ModelPackageGroupName=name)
    yield made
    sagemaker.delete_model_package_group(ModelPackageGroupName=OTHER)


def resources(connection: Connection) -> dict[str, list[str]]:
    """What the account has, by kind."""
    client = connection.client
    sagemaker = client("sagemaker")
    stacks = client("cloudformation").list_stacks()["StackSummaries"]
    return {
        "stacks": [each["StackName"] for each in stacks if each["StackStatus"] != "DELETE_COMPLETE"],
        "buckets": [each["Name"] for each in client("s3").list_buckets()["Buckets"]],
        "endpoints": [each["EndpointName"] for each in sagemaker.list_endpoints()["Endpoints"]],
        "configs": [each["EndpointConfigName"] for each in sagemaker.list_endpoint_configs()["EndpointConfigs"]],
        "models": [each["ModelName"] for each in sagemaker.list_models()["Models"]],
        "groups": [
            each["ModelPackageGroupName"]
            for each in sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]
        ],
        "log groups": [each["logGroupName"] for each in client("logs").describe_log_groups()["logGroups"]],
        "tables": client("dynamodb").list_tables()["TableNames"],
        "functions": [each["FunctionName"] for each in client("lambda").list_functions()["Functions"]],
        "roles": [each["RoleName"] for each in client("iam").list_roles()["Roles"]],
    }


def test_it_goes_through_and_leaves_nothing(connection: Connection, tmp_path: Path) -> None:
    """What an interrupted check left is removed first; what is possible here passes, and nothing is left.

    No assumption is refuted, and only what the emulator answers itself is settled.
    """
    before = resources(connection)
    assert {NAME, OTHER} <= {*before["groups"]}
    out = tmp_path / "aws-check.json"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    run = subprocess.run(
        [sys.executable, "-m", "aws_check", "--yes", "--out", str(out)],
        env=clean | connection.variables,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"model package group {NAME}" in run.stdout.partition("deployment with the CDK CLI")[0]
    before["groups"].remove(NAME)
    assert resources(connection) == before
    found: dict[str, Any] = json.loads(out.read_text())
    assert found["on_emulator"] is True
    assert found["left"] == []
    assert {each["name"] for each in found["scenarios"] if each["status"] == "passed"} >= {
        "the shipped input",
        "a rejected model",
        "a duplicate event",
        "an endpoint's update",
        "its rollback",
    }
    verdicts = {each["number"]: each["verdict"] for each in found["assumptions"]}
    assert [number for number, verdict in verdicts.items() if verdict != "not settled"] == [14, 17]
    evidence = {each["number"]: each["evidence"] for each in found["assumptions"]}
    assert "Could not find endpoint" in evidence[2]
    assert "received aws-check" in evidence[5]
    assert "the emulator cannot redrive" in evidence[4]
