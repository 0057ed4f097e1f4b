"""A stage is an object and a line in the list: a ninth stage only needs to be registered."""

import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cli.local_run import show_summary
from executions.results import last_steps
from pipeline.asl.resources import PLACEHOLDERS
from pipeline.definition import definition
from pipeline.diagram import pipeline_diagram, stage_diagram
from pipeline.grants import integrations
from pipeline.input.errors import InvalidFileError
from pipeline.stages import Stage, stage_of_state
from report import origin
from report.facts import Facts
from tests.pipeline.machine import run
from tests.pipeline.ninth_stage import content, registered

NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
def ninth(tmp_path: Path) -> Iterator[Stage]:
    """The stage, added to the list."""
    with registered(tmp_path) as stage:
        yield stage


def refused(**announcement: Any) -> str:
    """Returns why a file with this section is rejected."""
    with pytest.raises(InvalidFileError) as raised:
        content(**announcement)
    return str(raised.value)


@pytest.mark.usefixtures("ninth")
def test_its_section_is_validated() -> None:
    """The schema, the stage's own checks and the rules on names cover it."""
    assert content(run=True, text="SFN_EXECUTION_ID")["announcement"]["text"].startswith("mlops-demo-")
    assert "announcement.text: is 1 (a whole number); expected a string" in refused(run=True, text=1)
    assert "announcement.texd: is not a known key; did you mean text?" in refused(run=True, texd="a")
    assert "announcement.text: is empty: leave it out" in refused(run=True, text="")
    assert "announcement.topic: is 'other'; the pipeline may use only names with" in refused(run=True, topic="other")


def test_an_unregistered_stage_is_unknown() -> None:
    """Without its line in the list, the same section is rejected."""
    assert "announcement: is not a known key" in refused(run=True)


def test_its_states_run(ninth: Stage) -> None:
    """The definition leads to its states after the last stage, and an execution succeeds."""
    machine = definition(PLACEHOLDERS)
    assert [name for name in machine["States"] if stage_of_state(name) == ninth.key] == [
        "announcement: text?",
        "announcement",
    ]
    assert machine["States"]["After deployment"]["Choices"][-1]["Next"] == "announcement: text?"
    ended = run(content(run=True, text="Hello"), {"publish": lambda _: {"MessageId": "7"}}, machine=machine)
    assert (ended.status, ended.output["announcement"]["result"]) == ("SUCCEEDED", {"MessageId": "7"})
    assert ended.requests == [("publish", {"TopicArn": "TOPIC", "Message": "Hello"})]
    assert run(content(run=True), {}, machine=machine).requests == []
    assert 'announcement["announcement<br/><code>publish</code>"]' in pipeline_diagram(machine)
    assert "announcement__text_" in stage_diagram(ninth.key, machine)


@pytest.mark.usefixtures("ninth")
def test_the_role_may_do_what_it_does() -> None:
    """For a definition with only its states, the role's policy has its grant and nothing else."""
    import aws_cdk as cdk  # noqa: PLC0415 - slow to import

    from infrastructure.permissions import Targets, statements  # noqa: PLC0415 - as above

    machine = definition(PLACEHOLDERS)
    states = {name: state for name, state in machine["States"].items() if stage_of_state(name) == "announcement"}
    alone = {"States": states}
    targets = Targets(
        gate="gate",
        monitor="monitor",
        topic="arn:topic",
        records="RECORDS",
        approvals="table",
        objects="objects",
        images=("i",),
        model_name="demo",
    )
    made = [each.to_json() for each in statements(alone, targets=targets, stack=cdk.Stack())]
    assert integrations(alone) == ["sns:publish"]
    assert made == [{"Action": "sns:Publish", "Effect": "Allow", "Resource": "arn:topic"}]


@pytest.mark.usefixtures("ninth")
def test_its_summary_is_shown() -> None:
    """Its result is in the summary of a run, on the screen and in the report."""
    output = {"announcement": {"result": {"MessageId": "7"}}}
    summary = last_steps(output)
    others = dict.fromkeys(("registration", "approval", "deployment", "monitoring"))
    assert summary == others | {"announcement": {"message": "7"}}
    screen = io.StringIO()
    console = Console(file=screen, width=200)
    seconds = dict.fromkeys(("execution", "jobs", "setup", "deploy"), 1.0)
    files = dict.fromkeys(("model", "predictions", "evaluation"))
    show_summary(
        console, {"execution": "e", "status": "SUCCEEDED", "seconds": seconds, "metrics": {}} | files | summary
    )
    assert re.search(r"announced +message 7", screen.getvalue())
    facts = Facts(
        arn="arn", name="e", status="SUCCEEDED", started=NOW, stopped=NOW, made=NOW, stages={}, content=output
    )
    assert origin.model(facts) == [("Announcement", "7")]
