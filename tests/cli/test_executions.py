"""Executions of a state machine, found and looked at."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.stub import Stubber
from rich.console import Console

from cli.logs import print_logs
from cli.overview import overview, table
from cli.watch import watch_to_end
from executions.aws import Aws
from executions.display import stage_table
from executions.errors import ExecutionsError
from executions.job_logs import LocalLogs
from executions.stack import Stack
from executions.state_machine import Executions
from executions.target import Target
from executions.watch import PERSON, Viewer
from local.connection import Connection
from pipeline.asl.resources import PLACEHOLDERS
from pipeline.definition import definition

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:machine"
EXECUTIONS = MACHINE.replace(":stateMachine:", ":execution:")
START = datetime(2026, 11, 23, 10, tzinfo=UTC)


class StepFunctions:
    """A Step Functions whose answers are queued; each call must be the one that is expected next."""

    def __init__(self) -> None:
        self.client = Connection(endpoint="http://127.0.0.1:1", key="key").client("stepfunctions")
        self.stub = Stubber(self.client)
        self.stub.activate()
        self.executions = Executions(step_functions=self.client, state_machine=MACHINE)

    def describes(self, status: str = "RUNNING", name: str = "one", **more: Any) -> None:
        """Answers DescribeExecution."""
        ended = {} if status == "RUNNING" else {"stopDate": START + timedelta(seconds=90)}
        answer = {"executionArn": f"{EXECUTIONS}:{name}", "stateMachineArn": MACHINE, "name": name, "status": status}
        self.stub.add_response("describe_execution", answer | {"startDate": START, "input": "{}"} | ended | more)

    def tells(self, *states: str, entered: dict[str, Any] | None = None, ends: bool = False) -> None:
        """Answers GetExecutionHistory: these states in turn; whether the last has ended."""
        events: list[dict[str, Any]] = []
        for index, name in enumerate(states):
            at = START + timedelta(seconds=10 * index)
            details = {"name": name} | ({"input": json.dumps(entered)} if entered else {})
            kind = {"type": "TaskStateEntered", "id": 2 * index + 1}
            events.append(kind | {"timestamp": at, "stateEnteredEventDetails": details})
            if ends or index < len(states) - 1:
                left = {"type": "TaskStateExited", "id": 2 * index + 2, "timestamp": at + timedelta(seconds=10)}
                events.append(left | {"stateExitedEventDetails": {"name": name}})
        self.stub.add_response("get_execution_history", {"events": events})

    def lists(self, *names: str) -> None:
        """Answers ListExecutions."""
        common = {"stateMachineArn": MACHINE, "status": "RUNNING", "startDate": START}
        found = [common | {"executionArn": f"{EXECUTIONS}:{name}", "name": name} for name in names]
        self.stub.add_response("list_executions", {"executions": found})

    def target(self, logs: Path) -> Target:
        """A deployment with it."""
        stack = Stack(name="mlops-demo", state_machine=MACHINE, function="", bucket="", approval_table=None)
        aws = Aws(client=lambda _: self.client, default_stack=stack.name, where="here")
        common: dict[str, Any] = {"step_functions": self.client, "executions": self.executions}
        return Target(aws=aws, stack=stack, logs=LocalLogs(logs), is_local=True, **common)


@pytest.fixture
def states() -> StepFunctions:
    """A Step Functions."""
    return StepFunctions()


@pytest.mark.parametrize("given", ["one", f"{EXECUTIONS}:one"])
def test_by_name_or_arn(given: str, states: StepFunctions) -> None:
    """An execution is found by its name and by its ARN."""
    states.describes()
    assert states.executions.describe(given)["name"] == "one"


def test_latest(states: StepFunctions) -> None:
    """``latest`` is the one that was started last; where there is none, that is said."""
    states.lists("two", "one")
    states.describes(name="two")
    assert states.executions.describe("latest")["name"] == "two"
    states.lists()
    with pytest.raises(ExecutionsError, match="there is no execution yet; start one: mlops start"):
        states.executions.describe("latest")


def test_execution_of_another_machine(states: StepFunctions) -> None:
    """An execution of another state machine is refused, with the option that would help."""
    with pytest.raises(ExecutionsError, match=r"is not an execution of the state machine machine; .*--stack NAME"):
        states.executions.describe(f"{EXECUTIONS}s:one")


def test_no_such_execution(states: StepFunctions) -> None:
    """An execution that is not there is named."""
    states.stub.add_client_error("describe_execution", "ExecutionDoesNotExist")
    states.lists("another")
    with pytest.raises(ExecutionsError, match="there is no execution one of the state machine machine; mlops runs"):
        states.executions.describe("one")


def test_by_the_beginning_of_its_name(states: StepFunctions) -> None:
    """The beginning of a name will do, if no other execution's name begins so."""
    states.stub.add_client_error("describe_execution", "ExecutionDoesNotExist")
    states.lists("mlops-b7", "mlops-a2", "mlops-a1")
    states.describes(name="mlops-b7")
    assert states.executions.describe("mlops-b")["name"] == "mlops-b7"


def test_ambiguous_beginning(states: StepFunctions) -> None:
    """If several begin so, the error names the newest of them."""
    states.stub.add_client_error("describe_execution", "ExecutionDoesNotExist")
    states.lists("b", *(f"a{number}" for number in range(7)))
    said = "7 executions of the state machine machine begin with a: a0, a1, a2, a3, a4 and 2 more; give more"
    with pytest.raises(ExecutionsError, match=said):
        states.executions.describe("a")


def test_logs_of_one_stage_end_with_it(
    states: StepFunctions, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Followed logs of one stage end with the stage, though the execution is still running."""
    (tmp_path / "TrainingJobs").mkdir()
    (tmp_path / "TrainingJobs" / "one.log").write_text("first\nlast")
    for reached in (("training",), ("training", "evaluation")):
        states.describes()
        states.tells(*reached)
    jobs = {"training": ("createTrainingJob", "one")}
    assert print_logs(states.target(tmp_path), f"{EXECUTIONS}:one", jobs, follow=True)
    assert capsys.readouterr().out == "first\nlast\n"
    states.stub.assert_no_pending_responses()


def test_history_of_many_pages(states: StepFunctions) -> None:
    """The whole history is read, however long it is."""
    event = {"type": "TaskStateEntered", "id": 1, "timestamp": START, "stateEnteredEventDetails": {"name": "training"}}
    states.stub.add_response("get_execution_history", {"events": [event], "nextToken": "more"})
    states.stub.add_response("get_execution_history", {"events": [event]})
    assert len(states.executions.history(f"{EXECUTIONS}:one")) == 2


def test_overview_of_a_failed_execution(states: StepFunctions) -> None:
    """It says state, seconds, which stage failed, and the metric that its approval knew by then."""
    judged = {"approval": {"result": {"metrics": [{"name": "g.auc.value", "value": 0.95}]}}}
    states.describes("FAILED")
    states.tells("preprocessing", "training")
    states.tells("training", entered=judged)
    found = overview(states.executions, {"executionArn": f"{EXECUTIONS}:one"})
    shown = found.as_json(START)
    assert (shown["status"], shown["seconds"], shown["started"]) == ("FAILED", 90.0, "2026-11-23T10:00:00+00:00")
    assert (shown["stages"]["preprocessing"], shown["stages"]["training"]) == ("SUCCEEDED", "FAILED")
    assert shown["metric"] == {"name": "g.auc.value", "value": 0.95}
    console = Console(width=200)
    with console.capture() as capture:
        console.print(table([found], START))
    line = capture.get().splitlines()[1]
    assert line.split() == ["one", "FAILED", "11-23", "10:00", "90.0", "✓✗······", "training", "auc", "0.9500"]


def test_look_at_a_running_execution(states: StepFunctions, tmp_path: Path) -> None:
    """It has the job and the last line of its log for each stage that has begun."""
    states.describes(input=json.dumps({"evaluation": {"input": {"ProcessingJobName": "mine"}}}))
    states.tells("training", "evaluation")
    for kind, name in (("TrainingJobs", "one"), ("ProcessingJobs", "mine")):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / f"{name}.log").write_text(f"first\nlast of {name}\n")
    shown = Viewer(states.target(tmp_path), f"{EXECUTIONS}:one").look().as_json(START + timedelta(seconds=15))
    assert shown["stages"]["training"] == {
        "status": "SUCCEEDED",
        "seconds": 10.0,
        "job": "one",
        "last_log_line": "last of one",
    }
    evaluation = shown["stages"]["evaluation"]
    assert (evaluation["status"], evaluation["job"], evaluation["seconds"]) == ("RUNNING", "mine", 5.0)
    assert evaluation["last_log_line"] == "last of mine"
    assert shown["stages"]["deployment"]["job"] is None
    assert shown["waits_for_answer"] is False


@pytest.mark.parametrize(("status", "code"), [("SUCCEEDED", 0), ("FAILED", 1), ("ABORTED", 1), ("TIMED_OUT", 1)])
def test_watch_to_the_end(
    status: str, code: int, states: StepFunctions, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says each change once, how to answer where an answer is waited for, and the outcome by its exit code."""
    states.describes()
    states.tells("training", PERSON)
    states.describes()
    states.tells("training", PERSON)
    states.describes(status, **({} if code == 0 else {"error": "Oops", "cause": "so it is"}))
    states.tells("training", PERSON, ends=code == 0)
    target = states.target(tmp_path)
    assert watch_to_end(target, f"{EXECUTIONS}:one", as_json=False, options=" --local") == code
    printed = capsys.readouterr().out
    assert printed.count("training: SUCCEEDED 10.0 s") == printed.count("approval: RUNNING") == 1
    assert printed.count("waits for an answer: mlops approve one --local") == 1
    assert f"execution one {status} in 90.0 s" in printed
    assert ("Oops: so it is" in printed) == (code == 1)


@pytest.mark.parametrize("as_json", [True, False])
def test_watch_of_a_refusal(
    as_json: bool,  # noqa: FBT001 - pytest passes it by name
    states: StepFunctions,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The stage that SageMaker refused has failed, with SageMaker's error, and not with the one by which it is told."""
    name = "training: refused?"
    assert name in definition(PLACEHOLDERS)["States"]
    said = "SageMaker.AmazonSageMakerException: no such instance type"
    states.describes(
        "FAILED", error="States.QueryEvaluationError", cause=f"The JSONata expression '...'. D3137: {said}"
    )
    states.tells("preprocessing", "training", name)
    assert watch_to_end(states.target(tmp_path), f"{EXECUTIONS}:one", as_json=as_json, options="") == 1
    printed = capsys.readouterr().out
    if as_json:
        shown = json.loads(printed)
        assert shown["error"] == "SageMaker.AmazonSageMakerException"
        assert (shown["stages"]["preprocessing"]["status"], shown["stages"]["training"]["status"]) == (
            "SUCCEEDED",
            "FAILED",
        )
    else:
        assert said in printed
        assert "QueryEvaluation" not in printed


def test_rejection_is_no_crash(states: StepFunctions, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A model that was rejected is shown as rejected by watch and runs, though the execution counts as failed."""
    for _ in range(2):
        states.describes("FAILED", error="ModelRejected", cause="auc 0.5 < 0.85")
        states.tells("evaluation", "approval", "approval: rejected")
    states.tells("approval: rejected", entered={})
    assert watch_to_end(states.target(tmp_path), f"{EXECUTIONS}:one", as_json=False, options="") == 1
    printed = capsys.readouterr().out
    assert "approval: REJECTED" in printed
    assert "execution one rejected in 90.0 s\nModelRejected: auc 0.5 < 0.85\n" in printed
    assert "FAILED" not in printed
    console = Console(width=200)
    with console.capture() as capture:
        console.print(table([overview(states.executions, {"executionArn": f"{EXECUTIONS}:one"})], START))
    assert capture.get().splitlines()[1].split()[1] == "rejected"
    assert "FAILED" not in capture.get()


def test_state_that_waits_is_one_of_the_definition() -> None:
    """The state that is told by its name is in the state machine."""
    assert PERSON in definition(PLACEHOLDERS)["States"]


@pytest.mark.parametrize(("width", "has_jobs"), [(80, False), (120, True)])
def test_table_of_a_watched_execution(width: int, has_jobs: bool, states: StepFunctions, tmp_path: Path) -> None:  # noqa: FBT001 - pytest passes it by name
    """Each stage has one line with its name and state whole, and the job's name where the terminal is wide."""
    states.describes(name="mlops-demo-0123456789abcdef")
    states.tells("training", "evaluation")
    (tmp_path / "TrainingJobs").mkdir()
    (tmp_path / "TrainingJobs" / "mlops-demo-0123456789abcdef.log").write_text("a long line " * 20)
    view = Viewer(states.target(tmp_path), f"{EXECUTIONS}:mlops-demo-0123456789abcdef").look()
    console = Console(width=width)
    with console.capture() as capture:
        console.print(stage_table(view, START, width=width))
    lines = capture.get().splitlines()
    assert [line.split()[1] for line in lines[1:]] == list(view.progress)
    assert lines[2].split()[2] == "SUCCEEDED"
    assert ("evaluation-mlops-demo-0123456789abcdef" in lines[3]) == has_jobs
    assert "a long line" in lines[2]
