"""Registration: a version of the model in SageMaker's registry. States: ``states.asl.yaml``."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pipeline.input.errors import InputIssue
from pipeline.input.stage_section import REMEDY, SOURCE, StageSection
from pipeline.input.tokens import EXECUTION_TOKEN
from pipeline.stages.requests import CREATE_MODEL, TRAINING
from pipeline.stages.stage import CreatedName, Stage

if TYPE_CHECKING:
    from pipeline.asl.resources import Resources
    from pipeline.grants import Grants
    from pipeline.stages.section_schema import Requests, Schema

GROUP = "registration: group"
"""The name of its first state."""


class Registration(Stage):
    """Registers a version of the model."""

    def section(self, requests: "Requests") -> "Schema":
        """CreateModelPackage's request, which the run completes."""
        from pipeline.stages.registration.schema import registration_section  # noqa: PLC0415 - see pipeline.stages.stage

        return registration_section(requests)

    def states(self, resources: "Resources", *, following: str) -> dict[str, Any]:
        """See ``states.asl.yaml``."""
        from pipeline.stages.registration.states import registration_states  # noqa: PLC0415 - see pipeline.stages.stage

        return registration_states(resources, following=following)

    def grants(self) -> "Grants":
        """The model package group and its versions."""
        from pipeline.stages.registration.states import GRANTS  # noqa: PLC0415 - see pipeline.stages.stage

        return GRANTS

    def entry_rules(self) -> list[tuple[str, str]]:
        """Starts with the model package group."""
        return [(self.runs, GROUP)]

    def issues(self, data: Mapping[str, Any], *, in_vpc: bool = False) -> Iterator[InputIssue]:  # noqa: ARG002
        """Checks that there is a model to register."""
        own, model, training = (StageSection.of(data, stage) for stage in (self, CREATE_MODEL, TRAINING))
        if not own.runs or model.runs or own.at("input", "InferenceSpecification").get("Containers"):
            return
        if training.runs or (model.request and (data.get(SOURCE) or EXECUTION_TOKEN not in str(model.request))):
            return
        message = (
            "is true, but neither training.run nor CreateModel.run is: there is no model to register; "
            f"let training run, {REMEDY}"
        )
        yield InputIssue(path=(self.key, "run"), message=message, value=True)

    def created_names(self) -> tuple[CreatedName, ...]:
        """The name of the model package group."""
        return (CreatedName(keys=("input", "ModelPackageGroupName"), long_lived=True),)

    def summary(self, result: dict[str, Any]) -> dict[str, Any] | None:
        """The registered version."""
        return {"model_package": result.get("ModelPackageArn")} if result else None

    def summary_line(self, summary: dict[str, Any]) -> tuple[str, str]:
        """The group and the version's number."""
        return "registered", "{0[1]}, version {0[2]}".format(summary["model_package"].split("/"))

    def report_rows(self, result: dict[str, Any]) -> dict[str, Any]:
        """The registered version."""
        return {"Model package": result.get("ModelPackageArn")}


REGISTRATION = Registration(
    key="registration", kept_result=("ModelPackageArn", "ModelPackageGroupName", "report", "baseline")
)
