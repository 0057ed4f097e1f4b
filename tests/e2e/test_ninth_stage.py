"""An additional stage, on the emulator."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.asl.resources import PLACEHOLDERS
from pipeline.definition import definition
from tests.e2e.pipeline_emulator import ROLE, pipeline_emulator
from tests.pipeline.ninth_stage import content, registered

pytestmark = pytest.mark.emulator


def test_a_stage_that_was_only_registered_runs(tmp_path: Path, free_port: Callable[[], int]) -> None:
    """The emulator accepts the definition with a ninth stage, and a run of that stage publishes its message."""
    with registered(tmp_path), pipeline_emulator(tmp_path, free_port()) as there:
        topic = there.emulator.client("sns").create_topic(Name="demo")["TopicArn"]
        there.state_machine = there.step_functions.create_state_machine(
            name="Pipeline", definition=json.dumps(definition(replace(PLACEHOLDERS, topic=topic))), roleArn=ROLE
        )["stateMachineArn"]
        ended = there.finish(there.start(content(run=True, text="Hello")))
    assert ended["status"] == "SUCCEEDED", ended
    assert json.loads(ended["output"])["announcement"]["result"]["MessageId"]
