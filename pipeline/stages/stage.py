"""A stage: everything that the rest of the module needs to know about one, in one class.

The start Lambda and the failure announcer import every stage, and Lambda compiles the source at each cold start. So a
stage's schema, states and grants, which only synthesis needs, are imported when they are asked for. In a stage that is
a package they are in other modules than ``__init__``, which the functions' archives leave out.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.asl.resources import Resources
    from pipeline.grants import Grants
    from pipeline.input.errors import InputIssue, Path
    from pipeline.input.stage_section import StageSection
    from pipeline.stages.section_schema import Requests, Schema


@dataclass(frozen=True, kw_only=True)
class CreatedName:
    """The name of something that a stage creates in SageMaker."""

    keys: tuple[str, ...]
    """Where the stage's section may give it: ``("input", "EndpointName")``."""
    prefix: str = ""
    """Prefix of the default name, before the execution's name."""
    long_lived: bool = False
    """Whether it outlives the execution; its default name is then ``model_id``."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Stage(ABC):
    """One stage of the pipeline."""

    key: str
    """Its key in ``input.yaml``; its states are named after it: ``<key>`` or ``<key>: ...``."""

    @abstractmethod
    def section(self, requests: "Requests") -> "Schema":
        """The JSON Schema of its section of ``input.yaml``."""

    @abstractmethod
    def states(self, resources: "Resources", *, following: str) -> dict[str, Any]:
        """Its states in Amazon States Language.

        Args:
            resources: the deployment's resources.
            following: the name of the state to continue with.
        """

    @abstractmethod
    def grants(self) -> "Grants":
        """What the state machine's role must be allowed, for each service integration that the states use."""

    @property
    def runs(self) -> str:
        """The JSONata condition under which it runs."""
        return f"$states.input.{self.key}.run = true"

    def entry_rules(self) -> list[tuple[str, str]]:
        """JSONata conditions, each with the state that the stage begins with if the condition holds."""
        return [(self.runs, self.key)]

    def exit_rules(self) -> list[tuple[str, str]]:
        """JSONata conditions, each with a state that ends the execution after this stage if the condition holds."""
        return []

    def issues(self, data: Mapping[str, Any]) -> Iterator["InputIssue"]:  # noqa: ARG002 - most stages have none
        """What is wrong with the file beyond the schema: keys that contradict each other or another stage.

        Args:
            data: the parsed file, its tokens not filled in; it may have any shape below its top.
        """
        yield from ()

    def created_names(self) -> tuple[CreatedName, ...]:
        """The names of what it creates, which the state machine's role must be allowed to use."""
        return ()

    def model_fields(self, section: "StageSection") -> list[tuple["Path", dict[str, Any]]]:  # noqa: ARG002
        """Where its section names the model that it uses: the name's path, and the mapping that has the name."""
        return []

    def add_default_model_field(self, section: dict[str, Any]) -> None:  # noqa: B027 - most stages use none
        """Adds, in place, the mapping that names the model by default, if the section has none."""

    def summary(self, result: dict[str, Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """The result in the summary of a run; None if it came to nothing.

        Args:
            result: ``<key>.result`` of the execution's data; empty if the stage did not run.
        """
        return None

    def summary_line(self, summary: dict[str, Any]) -> tuple[str, str] | None:  # noqa: ARG002
        """The summary as a name and a text for people."""
        return None

    def report_rows(self, result: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """The report's lines about the model, by their names; values of None are left out."""
        return {}
