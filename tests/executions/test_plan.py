"""What ``mlops plan`` says about each stage."""

import copy
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.stub import Stubber

from executions.aws import Aws
from executions.job_logs import LocalLogs
from executions.plan import Earlier, Step, earlier, first_difference, steps
from executions.stack import Stack
from executions.target import Target
from local.connection import Connection
from pipeline.reuse import DEPENDS, RECORD, UNRECORDED
from pipeline.reuse.decision import Record, UnavailableError
from tests.input.test_reuse import ALL, CENSUS, DATA, SCRIPTS, Memory, started

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:machine"
EXECUTIONS = MACHINE.replace(":stateMachine:", ":execution:")
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
SECONDS = {"preprocessing": 3.0, "training": 10.0}


def planned(
    memory: Memory,
    before: Any,
    status: str = "SUCCEEDED",
    not_recorded: dict[str, str] | None = None,
    **changes: Any,
) -> dict[str, Step]:
    """The steps of an execution after an earlier one."""
    depends = {
        key: section["depends_on"]
        for key, section in before.content.items()
        if isinstance(section, dict) and "depends_on" in section
    }
    past = Earlier(
        name=before.name,
        started=datetime.now(UTC),
        status=status,
        depends_on=depends,
        seconds=SECONDS,
        finished=frozenset(ALL if status == "SUCCEEDED" else ()),
        not_recorded=not_recorded or {},
    )
    return {step.stage: step for step in steps(started(memory, **changes), [past])}


def test_an_unchanged_input_reuses_every_stage() -> None:
    """Each stage that runs is reused from the execution that recorded it; monitoring does not run."""
    memory = Memory()
    first = memory.run()
    found = planned(memory, first)
    assert {step.action for key, step in found.items() if key != "monitoring"} == {"reuse"}
    assert {step.reused for key, step in found.items() if key != "monitoring"} == {first.name}
    assert (found["monitoring"].action, found["monitoring"].why) == ("skip", "run is not true")


def test_the_first_difference_is_named() -> None:
    """A script, a new file of the data, and a value of the request; later stages name the stage that runs."""
    memory = Memory()
    first = memory.run()
    memory.stored[SCRIPTS + "evaluation.py"] = "edited"
    found = planned(memory, first)
    assert found["training"].action == "reuse"
    assert found["evaluation"].why == "scripts/evaluation.py changed"
    assert found["registration"].why == "evaluation runs"
    assert found["batchTransform"].why == "CreateModel runs"
    memory.stored |= {f"{CENSUS}more-{number}.csv": "1" for number in range(3)}
    found = planned(memory, first)
    assert found["preprocessing"].why == f"3 new objects under {CENSUS.rstrip('/')}"
    assert found["preprocessing"].seconds == SECONDS["preprocessing"]
    assert found["training"].why == "preprocessing runs"


def test_a_changed_value_is_shown_with_the_old_one() -> None:
    """The path in the request, the value before and the value now."""
    memory = Memory()
    first = memory.run()
    training = copy.deepcopy(DATA["training"])
    training["input"]["HyperParameters"]["max_iter"] = "40"
    found = planned(memory, first, training=training)
    assert found["training"].why == "HyperParameters.max_iter 100 -> 40"


def test_a_stage_that_did_not_finish_says_so() -> None:
    """With an equal key and no record, the earlier execution is named with its status."""
    memory = Memory()
    first = memory.run(fails="training")
    found = planned(memory, first, status="FAILED")
    assert found["preprocessing"].action == "reuse"
    # Its key names this execution's preprocessing in the one, and the reused one in the other: both are the first.
    assert found["training"].why == f"{first.name} did not finish it (FAILED)"


def test_a_stage_that_could_not_be_recorded_says_why() -> None:
    """The error of the earlier execution is shown, also if something else has changed since, which comes first."""
    memory = Memory()
    first = memory.run()
    memory.records.pop(_key(first, "training"))
    error = {"training": "DynamoDB.ResourceNotFoundException: no table"}
    said = f"{first.name} ran it, but could not record it: {error['training']}"
    found = planned(memory, first, not_recorded=error)
    assert (found["training"].action, found["training"].why) == ("run", said)
    assert found["preprocessing"].not_recorded == ""
    training = copy.deepcopy(DATA["training"])
    training["input"]["HyperParameters"]["max_iter"] = "40"
    found = planned(memory, first, not_recorded=error, training=training)
    assert found["training"].why == "HyperParameters.max_iter 100 -> 40"
    assert found["training"].not_recorded == said


@pytest.mark.parametrize("depends", [{DEPENDS: {"reads": {}}, RECORD: {"key": "k", "replaces": ""}}, {}])
def test_an_earlier_execution_says_what_it_could_not_record(depends: dict[str, Any]) -> None:
    """The error is read from its data; an execution of a release without reuse has neither keys nor errors."""
    section = {"run": True, **depends}
    ended = {UNRECORDED: "DynamoDB.ResourceNotFoundException: no\ntable"} if depends else {}
    found = earlier(_ended(section, {"run": True, "result": {}, **ended}), {"executionArn": f"{EXECUTIONS}:one"})
    assert found.finished == {"training"}
    assert found.seconds == {"training": 10.0}
    assert set(found.depends_on) == ({"training"} if depends else set())
    noted = {"training": "DynamoDB.ResourceNotFoundException: no table"} if depends else {}
    assert found.not_recorded == noted


def _ended(section: dict[str, Any], result: dict[str, Any]) -> Target:
    """A deployment with one execution, which has ended."""
    client = Connection(endpoint="http://127.0.0.1:1", key="key").client("stepfunctions")
    stub = Stubber(client)
    described = {
        "executionArn": f"{EXECUTIONS}:one",
        "stateMachineArn": MACHINE,
        "name": "one",
        "status": "SUCCEEDED",
        "startDate": NOON,
        "stopDate": NOON + timedelta(seconds=10),
        "input": json.dumps({"training": section}),
        "output": json.dumps({"training": section | result}),
    }
    entered = {"name": "training"}
    events = [
        {"timestamp": NOON, "type": "TaskStateEntered", "id": 1, "stateEnteredEventDetails": entered},
        {
            "timestamp": NOON + timedelta(seconds=10),
            "type": "TaskStateExited",
            "id": 2,
            "stateExitedEventDetails": entered,
        },
    ]
    stub.add_response("describe_execution", described)
    stub.add_response("get_execution_history", {"events": events})
    stub.activate()
    stack = Stack(name="mlops-demo", state_machine=MACHINE, function="", bucket="", approval_table=None)
    aws = Aws(client=lambda _: client, default_stack=stack.name, where="here")
    return Target.of(aws, stack, logs=LocalLogs(Path()), is_local=True)


def test_a_record_that_has_expired_is_gone() -> None:
    """A stage that the earlier execution finished and recorded, whose record is there no longer, says so."""
    memory = Memory()
    first = memory.run()
    memory.records.pop(_key(first, "preprocessing"))
    found = planned(memory, first)
    assert found["preprocessing"].why == f"the record that {first.name} made or used is gone"


def _key(made: Any, stage: str) -> str:
    key: str = made.content[stage]["record"]["key"]
    return key


def test_records_that_cannot_be_reached_are_the_reason() -> None:
    """Every stage runs, and says which service did not answer."""

    class Unreachable(Memory):
        def record(self, key: str) -> Record | None:  # noqa: ARG002
            raise UnavailableError("the table of records: no answer")

    found = steps(started(Unreachable()), [])
    assert {step.why for step in found if step.action == "run"} == {"the table of records: no answer"}
    assert {step.stage for step in found if step.action == "run"} == set(ALL)


def test_without_reuse_every_stage_runs() -> None:
    """The reason is that the input does not turn it on; without an earlier execution there is none to compare with."""
    memory = Memory()
    assert {step.why for step in steps(started(memory, reuse=False), [])} == {"reuse is not true", "run is not true"}
    assert steps(started(memory), [])[0].why == "no recent execution has run it with reuse"


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ({"objects": 100, "hash": "a"}, {"objects": 103, "hash": "b"}, "3 more objects under s3://b/x"),
        ({"objects": 100, "hash": "a"}, {"objects": 99, "hash": "b"}, "1 fewer object under s3://b/x"),
        ({"objects": 100, "hash": "a"}, {"objects": 100, "hash": "b"}, "s3://b/x changed"),
        ({"objects": 1, "hash": "a", "names": {"": "1"}}, {"objects": 1, "hash": "b", "names": {"": "2"}}, "x changed"),
        (
            {"objects": 2, "hash": "a", "names": {"a": "1", "b": "1"}},
            {"objects": 1, "hash": "b", "names": {"a": "1"}},
            "1 fewer object under s3://b/x",
        ),
        ({"objects": 2, "hash": "a"}, {"objects": 2, "hash": "a"}, ""),
    ],
)
def test_a_difference_of_files(before: dict[str, Any], now: dict[str, Any], said: str) -> None:
    """With the names of a few files, the file; otherwise how many more or fewer there are."""

    def content(read: dict[str, Any]) -> dict[str, Any]:
        return {"section": {}, "reads": {"s3://b/x": read}, "sources": {}}

    assert first_difference(content(before), content(now)) == said
