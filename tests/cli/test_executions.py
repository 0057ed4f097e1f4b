"""Finding, listing and watching executions."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.stub import Stubber
from rich.console import Console

from cli.local_run import show_summary
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
    """A stub of Step Functions with a queue of responses; each call must match the next one."""

    def __init__(self) -> None:
        self.client = Connection(endpoint="http://127.0.0.1:1", key="key").client("stepfunctions")
        self.stub = Stubber(self.client)
        self.stub.activate()
        self.executions = Executions(step_functions=self.client, state_machine=MACHINE)

    def describes(self, status: str = "RUNNING", name: str = "one", **more: Any) -> None:
        """Queues a response to DescribeExecution."""
        ended = {} if status == "RUNNING" else {"stopDate": START + timedelta(seconds=90)}
        answer = {"executionArn": f"{EXECUTIONS}:{name}", "stateMachineArn": MACHINE, "name": name, "status": status}
        self.stub.add_response("describe_execution", answer | {"startDate": START, "input": "{}"} | ended | more)

    def enters(self, *states: str, entered: dict[str, Any] | None = None, ends: bool = False) -> None:
        """Queues a response to GetExecutionHistory with these states; ``ends`` if the last has ended."""
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

    def lists(self, *names: str, started: tuple[int, ...] = ()) -> None:
        """Queues a response to ListExecutions; ``started`` has the seconds of the starts."""
        common = {"stateMachineArn": MACHINE, "status": "RUNNING"}
        found = [
            common
            | {"executionArn": f"{EXECUTIONS}:{name}", "name": name, "startDate": START + timedelta(seconds=seconds)}
            for name, seconds in zip(names, started or (0,) * len(names), strict=True)
        ]
        self.stub.add_response("list_executions", {"executions": found})

    def target(self, logs: Path) -> Target:
        """A deployment with this stub."""
        stack = Stack(name="mlops-demo", state_machine=MACHINE, function="", bucket="", approval_table=None)
        aws = Aws(client=lambda _: self.client, default_stack=stack.name, where="here")
        common: dict[str, Any] = {"step_functions": self.client, "executions": self.executions}
        return Target(aws=aws, stack=stack, logs=LocalLogs(logs), is_local=True, **common)


@pytest.fixture
def states() -> StepFunctions:
    """A stub of Step Functions."""
    return StepFunctions()


@pytest.mark.parametrize("given", ["one", f"{EXECUTIONS}:one"])
def test_by_name_or_arn(given: str, states: StepFunctions) -> None:
    """An execution is found by its name and by its ARN."""
    states.describes()
    assert states.executions.describe(given)["name"] == "one"


def test_latest(states: StepFunctions) -> None:
    """``latest`` is the execution that started last, not the one that ended last; without executions, an error."""
    states.lists("ended last", "two", "one", started=(1, 2, 0))
    states.describes(name="two")
    assert states.executions.describe("latest")["name"] == "two"
    states.lists()
    with pytest.raises(ExecutionsError, match="there is no execution yet; start one: mlops start"):
        states.executions.describe("latest")


def test_execution_of_another_machine(states: StepFunctions) -> None:
    """An execution of another state machine is rejected; the error has the option that helps."""
    with pytest.raises(ExecutionsError, match=r"is not an execution of the state machine machine; .*--stack NAME"):
        states.executions.describe(f"{EXECUTIONS}s:one")


def test_no_such_execution(states: StepFunctions) -> None:
    """The error for a missing execution names it."""
    states.stub.add_client_error("describe_execution", "ExecutionDoesNotExist")
    states.lists("another")
    with pytest.raises(
        ExecutionsError, match="there is no execution one of the state machine machine; list them: mlops runs"
    ):
        states.executions.describe("one")


def test_by_unique_prefix(states: StepFunctions) -> None:
    """An execution is found by a prefix of its name that no other execution shares."""
    states.stub.add_client_error("describe_execution", "ExecutionDoesNotExist")
    states.lists("mlops-b7", "mlops-a2", "mlops-a1")
    states.describes(name="mlops-b7")
    assert states.executions.describe("mlops-b")["name"] == "mlops-b7"


def test_ambiguous_prefix(states: StepFunctions) -> None:
    """If several executions share the prefix, the error names the newest of them."""
    states.stub.add_client_error("describe_execution", "ExecutionDoesNotExist")
    states.lists("b", *(f"a{number}" for number in range(7)))
    message = "7 executions of the state machine machine begin with a: a0, a1, a2, a3, a4 and 2 more; use a longer"
    with pytest.raises(ExecutionsError, match=message):
        states.executions.describe("a")


def test_logs_of_one_stage_end_with_it(
    states: StepFunctions, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Following the logs of one stage ends with the stage, even if the execution is still running."""
    (tmp_path / "TrainingJobs").mkdir()
    (tmp_path / "TrainingJobs" / "one.log").write_text("first\nlast")
    for reached in (("training",), ("training", "evaluation")):
        states.describes()
        states.enters(*reached)
    jobs = {"training": ("createTrainingJob", "one")}
    assert print_logs(states.target(tmp_path), f"{EXECUTIONS}:one", jobs, follow=True)
    assert capsys.readouterr().out == "first\nlast\n"
    states.stub.assert_no_pending_responses()


def test_logs_of_all_stages_end_with_the_execution(
    states: StepFunctions, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Following the logs of all stages ends with the execution; each line names its stage."""
    for kind, text in (("TrainingJobs", "a\n"), ("ProcessingJobs", "b\n")):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "one.log").write_text(text)
    states.describes()
    states.describes("SUCCEEDED")
    jobs = {"training": ("createTrainingJob", "one"), "evaluation": ("createProcessingJob", "one")}
    assert print_logs(states.target(tmp_path), f"{EXECUTIONS}:one", jobs, follow=True)
    assert capsys.readouterr().out == "  training | a\nevaluation | b\n"
    states.stub.assert_no_pending_responses()


def test_logs_of_an_execution_without_jobs(states: StepFunctions, tmp_path: Path) -> None:
    """An execution whose input is not an object has no jobs and no logs."""
    assert not print_logs(states.target(tmp_path), f"{EXECUTIONS}:one", {}, follow=False)


def test_history_of_many_pages(states: StepFunctions) -> None:
    """All pages of a history are read."""
    event = {"type": "TaskStateEntered", "id": 1, "timestamp": START, "stateEnteredEventDetails": {"name": "training"}}
    states.stub.add_response("get_execution_history", {"events": [event], "nextToken": "more"})
    states.stub.add_response("get_execution_history", {"events": [event]})
    assert len(states.executions.history(f"{EXECUTIONS}:one")) == 2


def test_overview_of_a_failed_execution(states: StepFunctions) -> None:
    """The overview has the state, the seconds, the failed stage, and the metric that the approval has checked."""
    judged = {"approval": {"result": {"metrics": [{"name": "g.auc.value", "value": 0.95}]}}}
    states.describes("FAILED")
    states.enters("preprocessing", "training")
    states.enters("training", entered=judged)
    found = overview(states.executions, {"executionArn": f"{EXECUTIONS}:one"})
    shown = found.as_json(START)
    assert (shown["status"], shown["seconds"], shown["started"]) == ("FAILED", 90.0, "2026-11-23T10:00:00+00:00")
    assert (shown["stages"]["preprocessing"], shown["stages"]["training"]) == ("SUCCEEDED", "FAILED")
    assert shown["metric"] == {"name": "g.auc.value", "value": 0.95}
    console = Console(width=200)
    with console.capture() as capture:
        console.print(table([found], START))
    line = capture.get().splitlines()[1]
    assert line.split() == ["one", "FAILED", "11-23", "10:00", "90.0", "✓✗·······", "training", "auc", "0.9500"]


def test_view_of_a_running_execution(states: StepFunctions, tmp_path: Path) -> None:
    """The view has the job and the last line of its log for each stage that has started."""
    states.describes(input=json.dumps({"evaluation": {"input": {"ProcessingJobName": "mine"}}}))
    states.enters("training", "evaluation")
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
    """Watching prints each change once, how to answer a pending approval, and the outcome; the exit code tells it."""
    states.describes()
    states.enters("training", PERSON)
    states.describes()
    states.enters("training", PERSON)
    states.describes(status, **({} if code == 0 else {"error": "Oops", "cause": "so it is"}))
    states.enters("training", PERSON, ends=code == 0)
    target = states.target(tmp_path)
    assert watch_to_end(target, f"{EXECUTIONS}:one", as_json=False, options=" --local") == code
    printed = capsys.readouterr().out
    assert printed.count("training: SUCCEEDED 10.0 s") == printed.count("approval: RUNNING") == 1
    assert printed.count("waits for an answer: mlops approve one --local") == 1
    assert f"execution one {status} in 90.0 s" in printed
    assert ("Oops: so it is" in printed) == (code == 1)


@pytest.mark.parametrize("as_json", [True, False])
def test_watch_of_a_rejected_request(
    as_json: bool,  # noqa: FBT001 - pytest passes it by name
    states: StepFunctions,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A stage whose request SageMaker rejected has failed with SageMaker's error, not with the one that carries it."""
    name = "training: refused?"
    assert name in definition(PLACEHOLDERS)["States"]
    message = "SageMaker.AmazonSageMakerException: no such instance type"
    states.describes(
        "FAILED", error="States.QueryEvaluationError", cause=f"The JSONata expression '...'. D3137: {message}"
    )
    states.enters("preprocessing", "training", name)
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
        assert message in printed
        assert "QueryEvaluation" not in printed


def test_rejection_is_no_crash(states: StepFunctions, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``watch`` and ``runs`` show an execution whose model was rejected as rejected, not as failed."""
    for _ in range(2):
        states.describes("FAILED", error="ModelRejected", cause="auc 0.5 < 0.85")
        states.enters("evaluation", "approval", "approval: rejected")
    states.enters("approval: rejected", entered={})
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


HOSTILE = "\x1b[2J\x1b]0;title\x07no\r\n\x9bdata"
SHOWN = "\\x1b[2J\\x1b]0;title\\x07no\n\\x9bdata\n"


@pytest.mark.parametrize("cause", [HOSTILE, json.dumps({"TrainingJobStatus": "Failed", "FailureReason": HOSTILE})])
def test_cause_cannot_control_the_terminal(
    cause: str, states: StepFunctions, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Control characters in an execution's error and cause are shown as text; line breaks are kept."""
    states.describes("FAILED", error="Custom\x1b[1m", cause=cause)
    states.enters("training")
    watch_to_end(states.target(tmp_path), f"{EXECUTIONS}:one", as_json=False, options="")
    assert f"Custom\\x1b[1m: {SHOWN}" in capsys.readouterr().out


def test_summary_cannot_control_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """The summary of a failed local run shows control characters as text."""
    seconds = dict.fromkeys(("execution", "jobs", "setup", "deploy"), 1.0)
    failed = {"execution": "one", "status": "FAILED", "seconds": seconds, "stages": {}}
    show_summary(Console(), failed | {"error": "Custom\x1b[1m", "cause": HOSTILE})
    assert capsys.readouterr().err == f"error: Custom\\x1b[1m: {SHOWN}"


DIFFERENCES = [
    {"stage": "preprocessing", "field": "AppSpecification.ImageUri", "here": "Python 3.11", "on_aws": "Python 3.9"},
    {
        "stage": "training",
        "field": "AlgorithmSpecification.TrainingImage",
        "here": "Python 3.11",
        "on_aws": "Python 3.9",
    },
    {"stage": "training", "field": "ResourceConfig.InstanceCount", "here": "one [bold]\x1b", "on_aws": "2 hosts"},
]


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED"])
def test_summary_shows_differences(status: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The end of a local run lists each difference from AWS once, with its stages, whether it succeeded or not."""
    seconds = dict.fromkeys(("execution", "jobs", "setup", "deploy"), 1.0)
    summary = {"execution": "one", "status": status, "seconds": seconds, "stages": {}, "metrics": {}}
    files = dict.fromkeys(("model", "predictions", "evaluation"))
    show_summary(Console(), summary | files | {"differences": DIFFERENCES})
    assert (
        "This run differs from AWS in:\n"
        "  ImageUri, TrainingImage (preprocessing, training)\n"
        "    here:   Python 3.11\n"
        "    on AWS: Python 3.9\n"
        "  InstanceCount (training)\n"
        "    here:   one [bold]\\x1b\n"
        "    on AWS: 2 hosts\n"
    ) in capsys.readouterr().out


def test_the_next_step_is_the_users_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The summary names the scripts that ran, and what deploys them: of a repository's own, its make deploy."""
    seconds = dict.fromkeys(("execution", "jobs", "setup", "deploy"), 1.0)
    summary = {"execution": "one", "status": "SUCCEEDED", "seconds": seconds, "stages": {}, "metrics": {}}
    scripts = tmp_path / "scripts"
    show_summary(Console(), summary, scripts=scripts)
    assert f"-c scripts-folder={scripts}  (see README.md)" in capsys.readouterr().out
    (tmp_path / "module.mk").write_text("")
    show_summary(Console(), summary, scripts=scripts)
    assert 'Deploy the same to AWS: make deploy SCHEDULE="0 6 * * ? *"' in capsys.readouterr().out


def test_summary_without_differences(capsys: pytest.CaptureFixture[str]) -> None:
    """A run that does not differ from AWS lists nothing."""
    seconds = dict.fromkeys(("execution", "jobs", "setup", "deploy"), 1.0)
    failed = {"execution": "one", "status": "FAILED", "seconds": seconds, "stages": {}, "differences": []}
    show_summary(Console(), failed)
    assert "differs" not in capsys.readouterr().out


def test_overview_cannot_control_the_terminal(states: StepFunctions) -> None:
    """A metric's name in the list of executions is shown as text, without markup."""
    judged = {"approval": {"result": {"metrics": [{"name": "[red]\x1b[2J", "value": 0.5}]}}}
    states.describes("SUCCEEDED", output=json.dumps(judged))
    states.enters("training", ends=True)
    console = Console(width=200)
    with console.capture() as capture:
        console.print(table([overview(states.executions, {"executionArn": f"{EXECUTIONS}:one"})], START))
    assert "[red]\\x1b[2J 0.5000" in capture.get()


@pytest.mark.parametrize(
    ("content", "kind", "overrides"),
    [
        ({"monitoring": {"run": True}, "training": {"run": False}}, "monitoring", []),
        ({"monitoring": {"run": True}, "training": {"run": True}}, "pipeline", ["training.run=true"]),
        ({"training": {"run": True}}, "retraining", ["training.run=true", "reason=drift"]),
    ],
    ids=["monitoring", "pipeline", "retraining"],
)
def test_overview_says_what_an_execution_is_for(
    content: dict[str, Any], kind: str, overrides: list[str], states: StepFunctions
) -> None:
    """Which stages run is in its kind; what else was overridden is shown. A reason comes from monitoring."""
    given = content | ({"reason": "drift"} if kind == "retraining" else {})
    states.describes("SUCCEEDED", output=json.dumps(content | {"overrides": given}))
    states.enters("monitoring", ends=True)
    found = overview(states.executions, {"executionArn": f"{EXECUTIONS}:one"})
    assert found.as_json(START)["kind"] == kind
    console = Console(width=200)
    with console.capture() as capture:
        console.print(table([found], START))
    line = capture.get().splitlines()[1].replace(",", "").split()
    assert (kind in line) == (kind != "pipeline")
    assert all(value in line for value in overrides)
    assert ("monitoring.run=true" in line) == (kind == "pipeline")


@pytest.mark.parametrize(
    ("entered", "locally", "on_aws"), [("training", 0.25, 2.0), ("CreateModel", 0.05, 2.0), (PERSON, 0.25, 2.0)]
)
def test_seconds_between_two_looks(
    entered: str, locally: float, on_aws: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS is asked every two seconds; this machine more often, and most often while no job and no person works."""
    slept: list[float] = []
    monkeypatch.setattr("executions.watch.time.sleep", slept.append)
    for is_local in (True, False):
        states = StepFunctions()
        states.describes()
        states.enters("preprocessing", entered)
        states.describes("SUCCEEDED")
        states.enters("preprocessing", entered, ends=True)
        target = replace(states.target(tmp_path), is_local=is_local)
        assert [view.status for view in Viewer(target, f"{EXECUTIONS}:one").until_end()] == ["RUNNING", "SUCCEEDED"]
    assert slept == [locally, on_aws]


def test_waiting_state_is_in_the_definition() -> None:
    """The state that the commands recognise as waiting for a person exists in the state machine."""
    assert PERSON in definition(PLACEHOLDERS)["States"]


@pytest.mark.parametrize(("width", "has_jobs"), [(80, False), (120, True)])
def test_table_of_a_watched_execution(width: int, has_jobs: bool, states: StepFunctions, tmp_path: Path) -> None:  # noqa: FBT001 - pytest passes it by name
    """Each stage has one line with its whole name and state; wide terminals also show the job's name."""
    states.describes(name="mlops-demo-0123456789abcdef")
    states.enters("training", "evaluation")
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
