"""``mlops doctor`` for a user with few permissions, on the emulator that enforces them."""

import json
from typing import Any

import pytest

from local.emulator import ACCOUNT
from tests.e2e.conftest import DeployedStack
from tests.e2e.doctor_command import doctor

pytestmark = pytest.mark.emulator


def policy(statement: dict[str, Any]) -> str:
    """A policy with one statement."""
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_user_who_may_nothing(secure_stack: DeployedStack) -> None:
    """For a user who may only see the stack, what is not allowed is skipped, and nothing fails."""
    iam = secure_stack.emulator.client("iam")
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
    sees = {"Effect": "Allow", "Action": "cloudformation:DescribeStacks", "Resource": "*"}
    role = iam.create_role(RoleName="ann", AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName="ann", PolicyName="sees", PolicyDocument=policy(sees))
    sts = secure_stack.emulator.client("sts")
    key = sts.assume_role(RoleArn=role, RoleSessionName="ann")["Credentials"]
    ann = {
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        "AWS_SESSION_TOKEN": key["SessionToken"],
    }
    found = doctor(secure_stack, credentials=ann)
    skipped = {name for name, result in found.items() if result["status"] == "skipped"}
    assert {"bootstrap", "permissions", "data", "network", "failures"} <= skipped
    assert found["credentials"]["detail"].endswith("assumed-role/ann/ann in us-east-1")
    assert found["stack"]["status"] == "ok"
    assert found["permissions"]["detail"].startswith("access denied: ")
    assert found["input.yaml"]["detail"] == "scripts/input.yaml is valid"
