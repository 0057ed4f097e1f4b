"""Approval: the gate decides by the model's metrics; then, if asked for, a person. States: ``states.asl.yaml``."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pipeline.input.errors import InputIssue, is_above
from pipeline.input.stage_section import REMEDY, SOURCE, StageSection
from pipeline.stages.registration import REGISTRATION
from pipeline.stages.requests import CREATE_MODEL, EVALUATION
from pipeline.stages.stage import Stage

if TYPE_CHECKING:
    from pipeline.asl.resources import Resources
    from pipeline.grants import Grants
    from pipeline.stages.section_schema import Requests, Schema

CHAMPIONS = "approval: champions"
"""The name of its first state if the model is registered; otherwise the gate is first."""
REJECTED = "approval: rejected"
"""The name of the state that ends the execution."""
IS_REJECTED = "$states.input.approval.result.decision = 'Rejected'"
"""The JSONata condition that ends the execution, evaluated once the decision is recorded."""

_PENDING = "PendingManualApproval"
"""The status of a model package that waits for the gate or a person."""


class Approval(Stage):
    """Approves or rejects the model: first the gate, then, if asked for, a person."""

    def section(self, requests: "Requests") -> "Schema":  # noqa: ARG002 - no request of SageMaker's is in it
        """Thresholds, the champion, and a person's answer."""
        from pipeline.stages.approval.schema import approval_section  # noqa: PLC0415 - see pipeline.stages.stage

        return approval_section()

    def states(self, resources: "Resources", *, following: str) -> dict[str, Any]:
        """See ``states.asl.yaml``."""
        from pipeline.stages.approval.states import approval_states  # noqa: PLC0415 - see pipeline.stages.stage

        return approval_states(resources, following=following)

    def grants(self) -> "Grants":
        """The gate, the announcement, the table of requests, and the registry."""
        from pipeline.stages.approval.states import GRANTS  # noqa: PLC0415 - see pipeline.stages.stage

        return GRANTS

    def entry_rules(self) -> list[tuple[str, str]]:
        """Compares only a model that this execution registered with the champion."""
        return [(f"{self.runs} and {REGISTRATION.runs}", CHAMPIONS), (self.runs, self.key)]

    def exit_rules(self) -> list[tuple[str, str]]:
        """A rejection ends the execution."""
        return [(IS_REJECTED, REJECTED)]

    def issues(self, data: Mapping[str, Any], *, in_vpc: bool = False) -> Iterator[InputIssue]:  # noqa: ARG002
        """Checks that metrics have an evaluation, the champion a registry, and that the status is left to approval."""
        own, evaluation, registration = (StageSection.of(data, stage) for stage in (self, EVALUATION, REGISTRATION))
        if not own.runs:
            return
        yield from self._status(registration)
        metrics = own.value.get("metrics")
        metrics = metrics if isinstance(metrics, list) else []
        beats = own.value.get("must_beat_champion") is True
        if (metrics or beats) and not (evaluation.runs or (evaluation.request and data.get(SOURCE))):
            message = (
                f"is true, but evaluation.run is not: approval judges the evaluation's report; let it run, {REMEDY}"
            )
            yield InputIssue(path=(self.key, "run"), message=message, value=True)
        elif (metrics or beats) and not evaluation.at("input", "ProcessingOutputConfig").get("Outputs"):
            message = "is missing; approval reads evaluation.json from the evaluation's output"
            yield InputIssue(path=(EVALUATION.key, "input", "ProcessingOutputConfig", "Outputs"), message=message)
        if beats and not registration.runs:
            message = (
                "is true, but registration.run is not: the champion is the newest approved version in the registry"
            )
            yield InputIssue(path=(self.key, "must_beat_champion"), message=message, value=True)
        if beats and not metrics and own.value.get("by") is None:
            message = "is missing, and there are no metrics: must_beat_champion needs one to compare by"
            yield InputIssue(path=(self.key, "by"), message=message)
        for number, metric in enumerate(metrics):
            yield from self._metric(metric, number)

    def warnings(self, data: Mapping[str, Any]) -> Iterator[InputIssue]:
        """Warns of a model that could be replaced between its approval and its deployment."""
        own, registration, model = (StageSection.of(data, stage) for stage in (self, REGISTRATION, CREATE_MODEL))
        if own.runs and model.runs and not registration.runs:
            message = (
                "is true, but registration.run is not: the approved model is served from where jobs can replace it "
                "(docs/security.md)"
            )
            yield InputIssue(path=(self.key, "run"), message=message, value=True)

    @staticmethod
    def _status(registration: StageSection) -> Iterator[InputIssue]:
        given = registration.request.get("ModelApprovalStatus")
        if registration.runs and given not in (None, _PENDING):
            message = (
                f"is {given!r}, and approval.run is true: approval decides; leave it out, or set approval.run to false"
            )
            path = (REGISTRATION.key, "input", "ModelApprovalStatus")
            yield InputIssue(path=path, message=message, value=given, allowed=_PENDING)

    def _metric(self, metric: Any, number: int) -> Iterator[InputIssue]:
        if not isinstance(metric, dict):
            return
        path = (self.key, "metrics", number)
        least, most = metric.get("minimum"), metric.get("maximum")
        if least is None and most is None and len(metric) > 1:
            yield InputIssue(path=path, message="has neither a minimum nor a maximum; give one, or both")
        elif is_above(least, most):
            message = f"is {least!r}, which exceeds maximum, {most!r}: no value could pass"
            yield InputIssue(path=(*path, "minimum"), message=message, value=least)

    def summary(self, result: dict[str, Any]) -> dict[str, Any] | None:
        """The decision and its reasons."""
        return {name: result[name] for name in self.kept_result if result.get(name) is not None} or None

    def summary_line(self, summary: dict[str, Any]) -> tuple[str, str]:
        """The reason."""
        how = "" if "by" in summary else "automatic: "
        return "approval", f"{how}{summary['reason']}"


APPROVAL = Approval(key="approval", kept_result=("decision", "reason", "by", "at", "report", "metrics", "champion"))
