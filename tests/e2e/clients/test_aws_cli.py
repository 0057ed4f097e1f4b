"""Starting the pipeline with the real AWS CLI and docs/deploy.md's commands."""

import json
import shutil
import subprocess
from typing import Any

import pytest

from tests.e2e.clients.conftest import ClientSetup
from tests.e2e.clients.deploy_guide import START, commands
from tests.e2e.clients.machine import PROJECT

pytestmark = [pytest.mark.emulator, pytest.mark.clients]


def test_lambda_is_invoked(demo: ClientSetup) -> None:
    """The aws lambda invoke with the sample event starts an execution of the published input.yaml."""
    look_up, invoke, _, _ = commands(START)
    demo.machine.run(look_up + invoke, demo.checkout)
    answer = json.loads((demo.checkout / "answer.json").read_text())
    assert answer["started"] is True, answer
    demo.manual_executions.add(answer["name"])
    (execution,) = (run for run in executions(demo) if run["executionArn"] == answer["executionArn"])
    assert execution["name"] == answer["name"]
    content = json.loads(execution["input"])
    assert content["training"]["run"] is True
    assert f"s3://{demo.account.metadata('mlops-demo')['MlOpsBucket']}/" in execution["input"]


def test_state_machine_is_started(demo: ClientSetup, seed_input: dict[str, Any]) -> None:
    """The aws stepfunctions start-execution starts an execution under the given name, its input the sample input."""
    look_up, _, start, _ = commands(START)
    shutil.copy(PROJECT / "tests" / "data" / "seed-input.json", demo.checkout / "input.json")
    demo.machine.run(look_up + start, demo.checkout)
    (execution,) = (run for run in executions(demo) if run["name"] == "by-hand-demo-1")
    assert json.loads(execution["input"]) == seed_input


def executions(client_setup: ClientSetup) -> list[dict[str, Any]]:
    return client_setup.account.executions(client_setup.account.metadata("mlops-demo")["StateMachine"])


def test_file_is_validated() -> None:
    """The last command in that section of docs/deploy.md finds no error in the shipped input.yaml."""
    *_, validate = commands(START)
    completed = subprocess.run(["bash", "-c", validate], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stderr
