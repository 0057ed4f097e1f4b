"""Monitoring: a job that compares what was scored with the model's baseline, and what it found.

    monitoring              the processing job
    monitoring: outcome     reads the job's monitoring.json: healthy, drift or too_little_data, and the violations

The first state is that of any request; the other is in ``states.asl.yaml``.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pipeline.input.errors import InputIssue
from pipeline.stages.requests import RequestStage

if TYPE_CHECKING:
    from pipeline.asl.resources import Resources
    from pipeline.grants import Grants

OUTCOME = "monitoring: outcome"
"""The name of its last state."""

REPORT = "monitoring.json"
"""The file that the job writes: its ``outcome``, ``records`` and ``violations``."""


class Monitoring(RequestStage):
    """Monitors the model."""

    def states(self, resources: "Resources", *, following: str) -> dict[str, Any]:
        """The job, and the reading of its report."""
        from pipeline.stages.monitoring.states import monitoring_states  # noqa: PLC0415 - see pipeline.stages.stage

        return monitoring_states(self, resources, following=following)

    def grants(self) -> "Grants":
        """The job, and its report in the bucket."""
        from pipeline.stages.monitoring.states import GRANTS  # noqa: PLC0415 - see pipeline.stages.stage

        return {**super().grants(), **GRANTS}

    def issues(self, data: Mapping[str, Any], *, in_vpc: bool = False) -> Iterator[InputIssue]:
        """Checks that the job's report is uploaded."""
        from pipeline.input.stage_section import StageSection  # noqa: PLC0415 - see pipeline.stages.stage

        yield from super().issues(data, in_vpc=in_vpc)
        own = StageSection.of(data, self)
        outputs = own.at("input", "ProcessingOutputConfig").get("Outputs")
        if own.runs and not outputs:
            path = (self.key, "input", "ProcessingOutputConfig", "Outputs")
            yield InputIssue(path=path, message=f"is missing: the state machine reads {REPORT} from the first output")

    def summary(self, result: dict[str, Any]) -> dict[str, Any] | None:
        """The outcome, the number of records and the violations."""
        if "outcome" not in result:
            return None
        return {key: result.get(key) for key in ("outcome", "records", "violations")}

    def summary_line(self, summary: dict[str, Any]) -> tuple[str, str]:
        """The outcome, and the features that drifted."""
        features = list(dict.fromkeys(str(violation["feature"]) for violation in summary["violations"]))
        named = f": {', '.join(features)}" if features else ""
        return "monitoring", f"{summary['outcome'].replace('_', ' ')}, {summary['records']:,} records{named}"

    def report_rows(self, result: dict[str, Any]) -> dict[str, Any]:
        """The outcome."""
        summary = self.summary(result)
        return {"Monitoring": self.summary_line(summary)[1] if summary else None}


MONITORING = Monitoring(
    key="monitoring", action="createProcessingJob", name_field="ProcessingJobName", name_prefix="monitoring-"
)
