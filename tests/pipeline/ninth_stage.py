"""A ninth stage, with several states, and its registration."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pipeline import schema
from pipeline.asl.resources import Resources
from pipeline.asl.states_file import read_states
from pipeline.grants import Grants, OwnGrant
from pipeline.input import validator
from pipeline.input.errors import InputIssue
from pipeline.input.execution import execution_input
from pipeline.input.samples import SAMPLE_TOKENS
from pipeline.input.stage_section import StageSection
from pipeline.stages import STAGES, Stage
from pipeline.stages.section_schema import Requests, Schema, section
from pipeline.stages.stage import CreatedName

_STATES_FILE = Path(__file__).with_suffix(".asl.yaml")
SHIPPED = (Path(__file__).parent.parent.parent / "scripts" / "input.yaml").read_bytes()


class Announcement(Stage):
    """Announces the new model if it has a text."""

    def section(self, requests: Requests) -> Schema:  # noqa: ARG002 - no request of SageMaker's is in it
        """A text and a topic."""
        return section("Tells people of the new model.", text={"type": "string"}, topic={"type": "string"})

    def states(self, resources: Resources, *, following: str) -> dict[str, Any]:
        """Publishes the text, if there is one."""
        return read_states(_STATES_FILE, resources.substitutions(), following=following)

    def grants(self) -> Grants:
        """The topic."""
        return {"sns:publish": (OwnGrant("sns:Publish", "topic"),)}

    def entry_rules(self) -> list[tuple[str, str]]:
        """Starts with a Choice."""
        return [(self.runs, "announcement: text?")]

    def issues(self, data: Mapping[str, Any], *, in_vpc: bool = False) -> Iterator[InputIssue]:  # noqa: ARG002
        """Checks that the text is not empty."""
        own = StageSection.of(data, self)
        if own.runs and own.value.get("text") == "":
            yield InputIssue(path=(self.key, "text"), message="is empty: leave it out", value="")

    def created_names(self) -> tuple[CreatedName, ...]:
        """The topic's name."""
        return (CreatedName(keys=("topic",), long_lived=True),)

    def summary(self, result: dict[str, Any]) -> dict[str, Any] | None:
        """The message."""
        return {"message": result["MessageId"]} if result else None

    def summary_line(self, summary: dict[str, Any]) -> tuple[str, str]:
        """The message."""
        return "announced", f"message {summary['message']}"

    def report_rows(self, result: dict[str, Any]) -> dict[str, Any]:
        """The message."""
        return {"Announcement": result.get("MessageId")}


@contextmanager
def registered(folder: Path) -> Iterator[Stage]:
    """Adds the stage to the list and generates the schema's file again, like `make schema`."""
    stage = Announcement(key="announcement")
    file = folder / "input.schema.json"
    STAGES.append(stage)
    try:
        file.write_text(schema.schema_text(), encoding="utf-8")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(validator, "_SCHEMA_FILE", file)
            validator.input_schema.cache_clear()
            yield stage
    finally:
        STAGES.remove(stage)
        validator.input_schema.cache_clear()


def content(**announcement: Any) -> dict[str, Any]:
    """Returns an execution's input in which only the announcement runs."""
    idle = {stage.key: {"run": False} for stage in STAGES}
    overrides = idle | {"announcement": announcement}
    return execution_input(SHIPPED, tokens=SAMPLE_TOKENS, event_id="event", overrides=overrides).content
