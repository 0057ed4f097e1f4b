"""``mlops approve`` and ``reject`` on the emulator, with a small state machine that waits as the pipeline's does."""

import io
import json
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner, Result
from rich.console import Console

from cli.main import main
from executions.job_logs import LocalLogs
from executions.stack import Stack
from executions.target import Target
from executions.watch import PERSON, Viewer
from local.emulator import Emulator
from local.run import follow_or_stop
from local.state import State

pytestmark = pytest.mark.emulator

STACK = "mlops-demo"
ROLE = "arn:aws:iam::000000000000:role/anybody"
REQUEST = {
    "metrics": [
        {"name": "auc.value", "value": 0.95, "minimum": 0.9, "maximum": None, "champion": 0.94, "passed": True}
    ],
    "champion": {"ModelPackageArn": "arn:aws:sagemaker:us-east-1:000000000000:model-package/demo/6", "report": None},
    "report": "s3://bucket/evaluation.json",
    "model_package": "arn:aws:sagemaker:us-east-1:000000000000:model-package/demo/7",
}
DEFINITION: dict[str, Any] = {
    "QueryLanguage": "JSONata",
    "StartAt": "Sleeps?",
    "States": {
        "Sleeps?": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% $exists($states.input.sleep) %}", "Next": "Sleep"}],
            "Default": PERSON,
        },
        "Sleep": {"Type": "Wait", "Seconds": 60, "End": True},
        PERSON: {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:dynamodb:putItem.waitForTaskToken",
            "Arguments": {
                "TableName": "requests",
                "Item": {
                    "execution": {"S": "{% $states.context.Execution.Name %}"},
                    "token": {"S": "{% $states.context.Task.Token %}"},
                    "requested": {"S": "{% $states.context.State.EnteredTime %}"},
                    "answer_by": {"N": "{% $string($states.input.answer_by) %}"},
                    "expires": {"N": "{% $string($states.input.answer_by) %}"},
                    "request": {"S": json.dumps(REQUEST)},
                },
            },
            "TimeoutSeconds": 30,
            "End": True,
        },
    },
}
TEMPLATE: dict[str, Any] = {
    "Resources": {
        "Requests": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "TableName": "requests",
                "KeySchema": [{"AttributeName": "execution", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "execution", "AttributeType": "S"}],
                "BillingMode": "PAY_PER_REQUEST",
            },
        },
        "Machine": {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {"DefinitionString": json.dumps(DEFINITION), "RoleArn": ROLE},
        },
    },
    "Outputs": {
        "metadata": {"Value": {"Fn::Sub": '{"StateMachine": "${Machine}"}'}},
        "ApprovalTable": {"Value": {"Ref": "Requests"}},
    },
}


class ApprovalStack:
    """A deployment whose executions wait for an answer."""

    def __init__(self, emulator: Emulator) -> None:
        self._step_functions = emulator.client("stepfunctions")
        cloudformation = emulator.client("cloudformation")
        for name, template in (
            (STACK, TEMPLATE),
            ("other", {"Resources": {"Machine": TEMPLATE["Resources"]["Machine"]}}),
        ):
            cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template))
            cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 0.1})
        (found,) = cloudformation.describe_stacks(StackName=STACK)["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}
        self.machine: str = json.loads(outputs["metadata"])["StateMachine"]
        self._dynamodb = emulator.client("dynamodb")

    def start(self, **content: Any) -> str:
        """Starts an execution; returns its name."""
        name = f"mlops-demo-{uuid.uuid4().hex[:8]}"
        content = {"answer_by": time.time() + 600} | content
        self._step_functions.start_execution(stateMachineArn=self.machine, name=name, input=json.dumps(content))
        return name

    def ask(self, **content: Any) -> str:
        """Starts an execution and waits until it waits for an answer; returns its name."""
        name = self.start(**content)
        self._until(lambda: "token" in self.item(name))
        return name

    def arn(self, name: str) -> str:
        """The execution's ARN."""
        return self.machine.replace(":stateMachine:", ":execution:") + f":{name}"

    def item(self, name: str) -> dict[str, Any]:
        """The execution's request in the table; empty if there is none."""
        found = self._dynamodb.get_item(TableName="requests", Key={"execution": {"S": name}})
        return dict(found.get("Item", {}))

    def finish(self, name: str) -> dict[str, Any]:
        """Waits for the execution to end; returns its description."""
        self._until(lambda: self._describe(name)["status"] != "RUNNING")
        return self._describe(name)

    def stop(self, name: str) -> None:
        """Stops the execution."""
        self._step_functions.stop_execution(executionArn=self.arn(name))

    def _describe(self, name: str) -> dict[str, Any]:
        return dict(self._step_functions.describe_execution(executionArn=self.arn(name)))

    @staticmethod
    def _until(holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not holds():
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[Emulator]:
    """An empty emulator."""
    with Emulator(port=free_port(), log=tmp_path_factory.mktemp("answers") / "emulator.log") as running:
        yield running


@pytest.fixture(scope="module")
def deployed(emulator: Emulator) -> ApprovalStack:
    """The deployment, once for all tests."""
    return ApprovalStack(emulator)


@pytest.fixture
def approval_stack(
    emulator: Emulator, deployed: ApprovalStack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> ApprovalStack:
    """The deployment, with the SDK's variables set to use it as AWS."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    for name, value in emulator.connection.variables.items():
        monkeypatch.setenv(name, value)
    return deployed


def mlops(*arguments: str) -> Result:
    """Runs a command in this process."""
    return CliRunner().invoke(main, list(arguments))


def failure(*arguments: str) -> str:
    """The message of a command that fails, which must be one line."""
    result = mlops(*arguments)
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    return line.removeprefix("error: ")


def test_approval_reaches_the_execution(approval_stack: ApprovalStack) -> None:
    """The execution resumes with the caller, the time and the reason; the command shows what was approved."""
    name = approval_stack.ask()
    result = mlops("approve", name, "--reason", "better than\nthe champion")
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[:6] == [
        f"approved: execution {name}",
        "  model package  arn:aws:sagemaker:us-east-1:000000000000:model-package/demo/7",
        "  report         s3://bucket/evaluation.json",
        "  champion       arn:aws:sagemaker:us-east-1:000000000000:model-package/demo/6",
        "  metric     value  threshold  champion",
        "  auc.value  0.95   >= 0.9     0.94",
    ]
    execution = approval_stack.finish(name)
    assert execution["status"] == "SUCCEEDED", execution
    output = json.loads(execution["output"])
    assert output.pop("at").endswith("+00:00")
    assert output == {
        "decision": "Approved",
        "by": "arn:aws:iam::000000000000:root",
        "reason": "better than the champion",
    }
    assert approval_stack.item(name)["decision"] == {"S": "Approved"}
    assert approval_stack.item(name)["reason"] == {"S": "better than the champion"}


def test_watching_shows_how_to_answer(approval_stack: ApprovalStack, emulator: Emulator, tmp_path: Path) -> None:
    """Watching an execution that starts to wait shows the commands for an answer, once, and then its end."""
    name = approval_stack.ask()
    state = State(
        pid=0,
        started="",
        endpoint=emulator.endpoint,
        key=emulator.connection.key,
        sagemaker=None,
        metadata=Stack(
            name=STACK, bucket="", state_machine=approval_stack.machine, function="", approval_table="requests"
        ),
        folder=str(tmp_path),
        log="",
        template="",
        data="",
    )
    shown = io.StringIO()
    target = Target.of(state.aws, state.metadata, logs=LocalLogs(tmp_path), is_local=True)
    viewer, console = Viewer(target, approval_stack.arn(name)), Console(file=shown, width=200)
    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(follow_or_stop, viewer, console, folder=tmp_path)
        while f"mlops approve {name} --local --folder {tmp_path}" not in shown.getvalue():
            assert not watching.done()
            time.sleep(0.05)
        time.sleep(1.5)  # long enough for another poll
        assert mlops("approve", name).exit_code == 0
        assert watching.result().status == "SUCCEEDED"
    assert shown.getvalue().count("mlops approve") == 1


def test_rejection_reaches_the_execution(approval_stack: ApprovalStack) -> None:
    """The rejection's reason reaches an execution named by its ARN."""
    name = approval_stack.ask()
    result = mlops("reject", approval_stack.arn(name), "--reason", "too few records")
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"rejected: execution {name}\n")
    output = json.loads(approval_stack.finish(name)["output"])
    assert (output["decision"], output["reason"]) == ("Rejected", "too few records")


def test_answer_by_prefix_and_latest(approval_stack: ApprovalStack) -> None:
    """An execution may be named by a prefix of its name, or as latest; the output has its whole name."""
    name = approval_stack.ask()
    assert mlops("approve", name[:-1]).output.startswith(f"approved: execution {name}\n")
    latest = approval_stack.ask()
    assert mlops("reject", "latest", "--reason", "no").output.startswith(f"rejected: execution {latest}\n")


def test_shell_completes_executions(approval_stack: ApprovalStack) -> None:
    """The shell offers matching names, and latest."""
    name = approval_stack.start(sleep=True)
    shell = ShellComplete(main, {}, "mlops", "_MLOPS_COMPLETE")
    assert [item.value for item in shell.get_completions(["logs"], name[:-1])] == [name]
    assert [item.value for item in shell.get_completions(["watch"], "la")] == ["latest"]


def test_second_answer_is_rejected(approval_stack: ApprovalStack) -> None:
    """A second answer changes nothing; its error has the first answer."""
    name = approval_stack.ask()
    mlops("reject", name, "--reason", "no")
    at = approval_stack.item(name)["at"]["S"]
    expected = f"execution {name} was already Rejected by arn:aws:iam::000000000000:root at {at} (no)"
    assert failure("approve", name) == expected
    assert approval_stack.item(name)["decision"] == {"S": "Rejected"}


def test_answer_after_the_end(approval_stack: ApprovalStack) -> None:
    """An answer to a stopped execution fails; the error says when and how it ended."""
    name = approval_stack.ask()
    approval_stack.stop(name)
    line = failure("approve", name)
    assert line.startswith(f"the request of {name} ended at 20")
    assert line.endswith(": ABORTED")


def test_execution_that_never_waited(approval_stack: ApprovalStack) -> None:
    """An answer to an execution that never waited for one fails."""
    name = approval_stack.start(sleep=True)
    approval_stack.finish(name)  # the emulator's Wait states take no time
    assert failure("approve", name).startswith(f"the execution {name} asks for no approval; it ended at 20")


@pytest.mark.parametrize("name", ["mlops-demo-nobody", "no such/name"])
def test_no_such_execution(approval_stack: ApprovalStack, name: str) -> None:
    """The error for a missing execution names it."""
    assert failure("approve", name).startswith(f"there is no execution {name} of the state machine {STACK}")
    assert approval_stack.item(name) == {}


@pytest.mark.usefixtures("approval_stack")
def test_execution_of_another_state_machine() -> None:
    """The ARN of another state machine's execution is rejected."""
    arn = "arn:aws:states:us-east-1:000000000000:execution:churn:one"
    assert failure("approve", arn).startswith(f"{arn} is not an execution of the state machine {STACK}")


@pytest.mark.usefixtures("approval_stack")
def test_no_such_stack() -> None:
    """The error for a missing stack has its name and region."""
    line = failure("approve", "one", "--stack", "mlops-churn")
    assert line.startswith("there is no stack mlops-churn in us-east-1; ")


@pytest.mark.usefixtures("approval_stack")
def test_stack_of_another_module() -> None:
    """A stack of another module is rejected."""
    assert failure("approve", "one", "--stack", "other").startswith(
        "the stack other in us-east-1 is not a deployment of this module"
    )
