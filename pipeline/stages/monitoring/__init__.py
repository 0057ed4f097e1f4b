"""Monitoring: a job that compares what was scored with the model's baseline, and what it found.

    monitoring: window      scope serving: the version in service, and what it has scored since the last window
    monitoring: scored?
    monitoring: nothing     nothing was scored: too little data, without a job
    monitoring              the processing job
    monitoring: outcome     reads the job's monitoring.json: healthy, drift or too_little_data, and the violations
    monitoring: counts?
    monitoring: decision    scope serving: counts the window, and decides whether to train again
    monitoring: retrain?
    monitoring: retrain     an event, for which a rule starts an execution of the whole pipeline

The job's state is that of any request; the others are in ``states.asl.yaml``.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pipeline.input.errors import InputIssue
from pipeline.stages.requests import RequestStage

if TYPE_CHECKING:
    from pipeline.asl.resources import Resources
    from pipeline.grants import Grants
    from pipeline.input.errors import Path
    from pipeline.input.stage_section import StageSection
    from pipeline.stages.section_schema import Requests, Schema

OUTCOME = "monitoring: outcome"
"""The name of the state after the job."""

WINDOW = "monitoring: window"
"""The name of its first state if it monitors what is in service."""

SERVING = "serving"
"""The ``scope`` in which it monitors what is in service, instead of its inputs as they stand."""

WINDOW_INPUTS = ("baseline", "records", "answers")
"""The job's inputs that a window replaces or, if it has no such files, removes."""

_MINIMUM = ("minimum_records", "MINIMUM_RECORDS")
"""The key with the number of records below which nothing is judged, and the job's variable."""

REPORT = "monitoring.json"
"""The file that the job writes: its ``outcome``, ``records`` and ``violations``."""


class Monitoring(RequestStage):
    """Monitors the model."""

    def section(self, requests: "Requests") -> "Schema":
        """The job's request, what to monitor, and when to train again."""
        from pipeline.stages.monitoring.schema import monitoring_section  # noqa: PLC0415 - see pipeline.stages.stage

        return monitoring_section(self, requests)

    def entry_rules(self) -> list[tuple[str, str]]:
        """What is in service has to be found first."""
        return [(f"{self.runs} and $states.input.{self.key}.scope = '{SERVING}'", WINDOW), (self.runs, self.key)]

    def replaced(self, section: "StageSection") -> tuple["Path", ...]:
        """The inputs that a window replaces."""
        inputs = section.request.get("ProcessingInputs")
        if section.at().get("scope") != SERVING or not isinstance(inputs, list):
            return ()
        return tuple(
            (self.key, "input", "ProcessingInputs", number)
            for number, given in enumerate(inputs)
            if isinstance(given, dict) and given.get("InputName") in WINDOW_INPUTS
        )

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
        if own.runs:
            yield from self._scope(own)
            yield from self._twice(own)

    def _twice(self, own: "StageSection") -> Iterator[InputIssue]:
        given = own.at("input", "Environment")
        for variable in self.variables(own.at()).keys() & given.keys():
            path = (self.key, "input", "Environment", variable)
            message = f"is given, and so is {self.key}.{_MINIMUM[0]}, which sets it: leave this one out"
            yield InputIssue(path=path, message=message, value=given[variable])

    def _scope(self, own: "StageSection") -> Iterator[InputIssue]:
        scope = own.at().get("scope")
        if scope != SERVING:
            if own.at().get("retrain") is True:
                message = f"is true, but monitoring.scope is not {SERVING}: only what is in service is trained again"
                yield InputIssue(path=(self.key, "retrain"), message=message, value=True)
            return
        inputs = own.request.get("ProcessingInputs")
        names = [given.get("InputName") for given in inputs or () if isinstance(given, dict)]
        for name in WINDOW_INPUTS[:2]:
            if name not in names:
                path = (self.key, "input", "ProcessingInputs")
                message = f"has no input called {name}, whose location monitoring.scope {SERVING} replaces"
                yield InputIssue(path=path, message=message)

    def summary(self, result: dict[str, Any]) -> dict[str, Any] | None:
        """The outcome, the number of records and the violations; with labels, how many records have one.

        Of a window also the decision, and notes on what was not taken.
        """
        if "outcome" not in result:
            return None
        names = ("outcome", "records", "violations")
        optional = ("labels", "decision", "notes")
        return {key: result.get(key) for key in names} | {key: result[key] for key in optional if result.get(key)}

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
    key="monitoring",
    action="createProcessingJob",
    name_field="ProcessingJobName",
    name_prefix="monitoring-",
    setting=_MINIMUM,
    publishes="MODEL",
)
