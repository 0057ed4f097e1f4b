"""The base class of the stages, with everything that the rest of the module needs to know about one.

The start Lambda and the failure announcer import every stage, and Lambda compiles the source at each cold start. So a
stage's schema, states and grants, which only synthesis needs, are imported on demand. In a stage that is
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
    """The name of a resource that a stage creates in SageMaker."""

    keys: tuple[str, ...]
    """The name's path in the stage's section: ``("input", "EndpointName")``."""
    prefix: str = ""
    """The default name's prefix, before the execution's name."""
    long_lived: bool = False
    """Whether the resource outlives the execution; its default name is then ``model_id``."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Stage(ABC):
    """One stage of the pipeline."""

    key: str
    """Its key in ``input.yaml``; its states are named after it: ``<key>`` or ``<key>: ...``."""
    kept_result: tuple[str, ...] = ()
    """The fields of its result that later stages and the commands read if it is reused; empty if it never is."""

    @abstractmethod
    def section(self, requests: "Requests") -> "Schema":
        """Returns the JSON Schema of its section of ``input.yaml``."""

    @abstractmethod
    def states(self, resources: "Resources", *, following: str) -> dict[str, Any]:
        """Returns its states in Amazon States Language.

        Args:
            resources: the deployment's resources.
            following: the name of the state to continue with.
        """

    @abstractmethod
    def grants(self) -> "Grants":
        """Returns the grants that the state machine's role needs, by service integration."""

    @property
    def runs(self) -> str:
        """The JSONata condition for the stage to run."""
        return f"$states.input.{self.key}.run = true"

    def entry_rules(self) -> list[tuple[str, str]]:
        """Returns JSONata conditions, each with the stage's first state if the condition holds."""
        return [(self.runs, self.key)]

    def exit_rules(self) -> list[tuple[str, str]]:
        """Returns JSONata conditions, each with a state that then ends the execution after this stage."""
        return []

    def rules(self) -> "Schema":
        """Returns a JSON Schema of the whole file, for what its section and another stage's rule out together."""
        return {}

    def issues(
        self,
        data: Mapping[str, Any],  # noqa: ARG002 - most stages have none
        *,
        in_vpc: bool = False,  # noqa: ARG002
    ) -> Iterator["InputIssue"]:
        """Yields what the schema cannot find: keys that contradict each other or another stage.

        Args:
            data: the parsed file before tokens are filled in; below the top level it may have any shape.
            in_vpc: whether the deployment's models run in a VPC by default.
        """
        yield from ()

    def warnings(self, data: Mapping[str, Any]) -> Iterator["InputIssue"]:  # noqa: ARG002 - most stages have none
        """Yields what is allowed, but probably not meant. ``mlops validate`` shows it.

        Args:
            data: the execution's input.
        """
        yield from ()

    def created_names(self) -> tuple[CreatedName, ...]:
        """Returns the names of the resources that it creates, which the state machine's role must be allowed to use."""
        return ()

    def replaced(self, section: "StageSection") -> tuple["Path", ...]:  # noqa: ARG002 - most stages have none
        """Returns the paths in its section whose values its own states replace before they are read."""
        return ()

    def model_fields(self, section: "StageSection") -> list[tuple["Path", dict[str, Any]]]:  # noqa: ARG002
        """Returns the path of each model name in its section, with the mapping that contains the name."""
        return []

    def add_default_model_field(self, section: dict[str, Any]) -> None:  # noqa: B027 - most stages use none
        """Adds the mapping that names the model by default, in place, if the section has none."""

    def summary(self, result: dict[str, Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """Returns the stage's entry in the summary of a run, or None.

        Args:
            result: ``<key>.result`` of the execution's data; empty if the stage did not run.
        """
        return None

    def summary_line(self, summary: dict[str, Any]) -> tuple[str, str] | None:  # noqa: ARG002
        """Returns the summary for people, as a label and a text."""
        return None

    def report_rows(self, result: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """Returns the report's rows about the model, by their labels; values of None are left out."""
        return {}
