"""Summarises each execution on one line of a table."""

import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from executions.display import MARKS
from executions.history import outcome_word
from executions.kind import ONLY_MONITORING, PIPELINE, kind
from executions.overrides import overridden
from executions.progress import FAILED, PENDING, REUSED_STAGE, RUNNING, SKIPPED, SUCCEEDED, progress_of
from executions.state_machine import Executions
from executions.text import iso, printable
from pipeline.stages import STAGES
from report.outcome import metric_of_approval, short_name

STATE_STYLES = {
    RUNNING: "bold cyan",
    SUCCEEDED: "green",
    FAILED: "bold red",
    "TIMED_OUT": "bold red",
    "ABORTED": "yellow",
    "rejected": "bold yellow",
}

_IS_OF_KIND = re.compile(r"\.run$|\.input\.")


@dataclass(frozen=True, kw_only=True)
class Overview:
    """An execution's summary."""

    name: str
    arn: str
    status: str
    word: str
    """The status for people: ``rejected`` if the model was rejected."""
    started: datetime
    stopped: datetime | None
    stages: dict[str, str]
    """The state of each stage."""
    reused: dict[str, str]
    """The executions whose results take the place of stages."""
    metric: tuple[str, float] | None
    """The path and the value of the model's main metric."""
    overrides: dict[str, str]
    """The values of the input that its event has overridden, by their dotted paths."""
    kind: str
    """What it is for: ``pipeline``, ``monitoring`` or ``retraining``."""

    def seconds(self, now: datetime) -> float:
        """Seconds from its start to its end, or to now."""
        return ((self.stopped or now) - self.started).total_seconds()

    def as_json(self, now: datetime) -> dict[str, Any]:
        """Returns the summary for programs; times are in ISO 8601, UTC."""
        return {
            "name": self.name,
            "arn": self.arn,
            "kind": self.kind,
            "status": self.status,
            "started": iso(self.started),
            "stopped": iso(self.stopped) if self.stopped else None,
            "seconds": round(self.seconds(now), 3),
            "stages": self.stages,
            "reused": self.reused,
            "metric": {"name": self.metric[0], "value": self.metric[1]} if self.metric else None,
            "overrides": self.overrides,
        }


def overview(executions: Executions, listed: dict[str, Any]) -> Overview:
    """Summarises an execution.

    Args:
        executions: the executions of its state machine.
        listed: the execution as ListExecutions returns it.
    """
    execution = executions.describe(listed["executionArn"])
    events = executions.history(listed["executionArn"])
    progress = progress_of(execution, events)
    content = executions.data(execution)
    return Overview(
        name=execution["name"],
        arn=execution["executionArn"],
        status=execution["status"],
        word=outcome_word(execution),
        started=execution["startDate"],
        stopped=execution.get("stopDate"),
        stages={key: stage.status for key, stage in progress.items()},
        reused={key: stage.source for key, stage in progress.items() if stage.source},
        metric=metric_of_approval(content),
        overrides=overridden(content),
        kind=kind(content),
    )


def table(overviews: list[Overview], now: datetime) -> Table:
    """Returns a table with one row per execution."""
    shown = Table(box=None, pad_edge=False, header_style="dim")
    # Names are there to be copied, so a narrow terminal wraps the other columns.
    shown.add_column("execution", no_wrap=True, min_width=max((len(each.name) for each in overviews), default=0))
    shown.add_column("state", no_wrap=True, min_width=max((len(each.word) for each in overviews), default=0))
    shown.add_column("started, UTC", no_wrap=True, min_width=len("started, UTC"))
    shown.add_column("seconds", justify="right", no_wrap=True, min_width=len("seconds"))
    shown.add_column("stages", min_width=len(STAGES))
    shown.add_column("metric")
    has_reused = any(each.reused for each in overviews)
    if has_reused:
        shown.add_column("reused", overflow="fold")
    has_kinds = any(each.kind != PIPELINE for each in overviews)
    if has_kinds:
        shown.add_column("kind", no_wrap=True)
    has_overrides = any(map(_shown_overrides, overviews))
    if has_overrides:
        shown.add_column("overrides", overflow="fold")
    for each in overviews:
        shown.add_row(
            each.name,
            Text(each.word, STATE_STYLES.get(each.word, "")),
            each.started.astimezone(UTC).strftime("%m-%d %H:%M"),
            f"{each.seconds(now):.1f}",
            _stages(each.stages),
            Text(f"{printable(short_name(each.metric[0]))} {each.metric[1]:.4f}" if each.metric else ""),
            *([Text(_reused(each.reused))] if has_reused else []),
            *([each.kind] if has_kinds else []),
            *([Text(_overrides(_shown_overrides(each)))] if has_overrides else []),
        )
    return shown


def _stages(stages: dict[str, str]) -> Text:
    """A symbol for each stage, and the name of the one that is running or failed."""
    text = Text.assemble(*(MARKS[status] for status in stages.values()))
    named = [key for key, status in stages.items() if status not in {PENDING, REUSED_STAGE, SKIPPED, SUCCEEDED}]
    return text.append(f" {named[0]}") if named else text


def _reused(reused: dict[str, str]) -> str:
    """The executions of which stages are reused, each with their number."""
    counts = Counter(reused.values())
    return printable(", ".join(f"{number} of {name}" for name, number in counts.items()))


def _shown_overrides(overview: Overview) -> dict[str, str]:
    """The overridden values, without what the kind already says: which stages run, and on which inputs."""
    if overview.kind != ONLY_MONITORING:
        return overview.overrides
    return {path: value for path, value in overview.overrides.items() if not _IS_OF_KIND.search(path)}


def _overrides(overrides: dict[str, str]) -> str:
    """The overridden values; of each path only the last two parts, since the first are long and mostly the same."""
    return printable(", ".join(f"{'.'.join(path.split('.')[-2:])}={value}" for path, value in overrides.items()))
