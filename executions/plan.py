"""Says before a start which stages would run, which would be reused, and why, as the start function decides."""

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from executions.errors import ExecutionsError
from executions.overrides import leaves
from executions.progress import REUSED_STAGE, SUCCEEDED, progress_of
from executions.start import function_variables
from executions.target import Target
from executions.text import one_line
from pipeline.bundle import etag
from pipeline.input.execution import ExecutionInput, execution_input
from pipeline.input.tokens import EXECUTION_TOKEN, TOKENS
from pipeline.places import SCRIPTS
from pipeline.reuse import DEPENDS, RECORD, UNRECORDED
from pipeline.reuse.key import StoredObject
from pipeline.reuse.lookup import AwsLookup
from pipeline.s3_uri import bucket_and_key
from pipeline.stages import STAGES

RUN, REUSE, SKIP = "run", "reuse", "skip"

RECENT = 10
"""How many executions to compare with, and to take the stages' seconds from."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """What would happen to a stage."""

    stage: str
    action: str
    """``run``, ``reuse`` or ``skip``."""
    why: str = ""
    reused: str | None = None
    """The execution whose results would be reused."""
    seconds: float | None = None
    """How long it last took; None if no recent execution has run it, or if it does not run now."""
    depends_on: dict[str, Any] | None = None
    """What is in its key; None if it has none."""
    not_recorded: str = ""
    """Why the newest execution with a key for it could not record it; empty if it could."""


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """What a recent execution says about its stages."""

    name: str
    started: datetime
    status: str
    depends_on: dict[str, dict[str, Any]]
    """What is in the key of each stage that it ran with reuse."""
    seconds: dict[str, float]
    """How long each stage took that succeeded."""
    finished: frozenset[str]
    """The stages that succeeded or were reused."""
    not_recorded: dict[str, str]
    """The error for which a stage could not be recorded."""


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """What the start function knows from its configuration."""

    target: Target
    variables: Mapping[str, str]

    @classmethod
    def of(cls, target: Target) -> "Deployment":
        """Reads the start function's configuration.

        Raises:
            ExecutionsError: the deployment is older than reuse.
            ClientError: AWS rejects the call.
        """
        found = function_variables(target)
        if "RECORDS_TABLE" not in found:
            raise ExecutionsError(f"the stack {target.stack.name} cannot reuse stages yet; deploy the module again")
        return cls(target=target, variables=found | {"AWS_REGION_NAME": target.aws.client("lambda").meta.region_name})

    @property
    def scripts(self) -> str:
        """The prefix of the scripts in the deployment's bucket."""
        return f"{self.variables['MODEL_NAME']}/{SCRIPTS}"

    def planned(
        self, file: bytes, *, overrides: Mapping[str, Any], unpublished: Mapping[str, bytes] | None = None
    ) -> ExecutionInput:
        """Returns the execution that the start function would start now.

        Args:
            file: ``input.yaml``.
            overrides: merged over the file.
            unpublished: the scripts by name that are to be published first; None if those in the bucket are used.

        Raises:
            InvalidFileError: the file is invalid.
        """
        clients: dict[str, Any] = {}

        def client(service: str) -> Any:
            return clients.setdefault(service, self.target.aws.client(service))

        lookup = _Published(
            client=client,
            errors=(ClientError, BotoCoreError),
            table=self.variables["RECORDS_TABLE"],
            prefix=f"s3://{self.target.stack.bucket}/{self.scripts}",
            files=unpublished,
        )
        return execution_input(
            file,
            tokens={name: self.variables[name] for name in TOKENS if name != EXECUTION_TOKEN},
            event_id=f"plan-{secrets.token_hex(8)}",
            overrides=overrides,
            in_vpc=self.variables["IN_VPC"] == "true",
            lookup=lambda: lookup,
        )


@dataclass(frozen=True, kw_only=True)
class _Published(AwsLookup):
    """Sees S3 as it will be once the scripts are published."""

    prefix: str
    files: Mapping[str, bytes] | None

    def objects(self, uri: str) -> list[StoredObject]:
        """See :class:`pipeline.reuse.decision.Lookup`."""
        found = super().objects(uri)
        if self.files is None:
            return found
        bucket, below = bucket_and_key(self.prefix)
        new = [
            StoredObject(below + name, etag(content), len(content))
            for name, content in self.files.items()
            if f"{self.prefix}{name}".startswith(uri)
        ]
        in_bucket = uri.startswith(f"s3://{bucket}/")
        kept = [each for each in found if not (in_bucket and each.key.startswith(below))]
        return [*kept, *new]


def earlier(target: Target, listed: Mapping[str, Any]) -> Earlier:
    """Reads what an execution says about its stages.

    Args:
        target: its deployment.
        listed: the execution as ListExecutions returns it.
    """
    execution = target.executions.describe(listed["executionArn"])
    content = json.loads(execution.get("input") or "{}")
    progress = progress_of(execution, target.executions.history(listed["executionArn"]))
    sections = {key: section for key, section in content.items() if isinstance(section, dict)}
    finished = frozenset(key for key, stage in progress.items() if stage.status in {SUCCEEDED, REUSED_STAGE})
    # Only a stage that was to be recorded has the error, and only once it has ended.
    recorded = any(RECORD in sections.get(key, {}) for key in finished)
    data = target.executions.data(execution) if recorded else {}
    return Earlier(
        name=execution["name"],
        started=execution["startDate"],
        status=execution["status"],
        depends_on={key: section[DEPENDS] for key, section in sections.items() if DEPENDS in section},
        seconds={
            key: (stage.ended - stage.started).total_seconds()
            for key, stage in progress.items()
            if stage.status == SUCCEEDED and stage.started and stage.ended
        },
        finished=finished,
        not_recorded={
            key: one_line(section[UNRECORDED])
            for key, section in data.items()
            if isinstance(section, dict) and UNRECORDED in section
        },
    )


def steps(made: ExecutionInput, recent: Iterable[Earlier]) -> list[Step]:
    """Returns what would happen to each stage.

    Args:
        made: the execution that would be started.
        recent: earlier executions, newest first.
    """
    past = list(recent)
    running = {key for key, decision in made.decisions.items() if not decision.reused}
    found = []
    for stage in STAGES:
        section = made.content.get(stage.key) or {}
        decision = made.decisions.get(stage.key)
        depends = decision.depends_on.as_json() if decision and decision.depends_on else None
        if decision and decision.reused:
            name = decision.reused.execution
            step = Step(stage=stage.key, action=REUSE, reused=name, why="nothing has changed", depends_on=depends)
        elif not section.get("run"):
            step = Step(stage=stage.key, action=SKIP, why="run is not true")
        else:
            why = decision.why if decision else made.reuse_error or "reuse is not true"
            step = Step(
                stage=stage.key,
                action=RUN,
                why=why or _new(stage.key, depends or {}, past, running),
                seconds=next((each.seconds[stage.key] for each in past if stage.key in each.seconds), None),
                depends_on=depends,
                not_recorded=_not_recorded(stage.key, past) if depends else "",
            )
        found.append(step)
    return found


def _new(stage: str, now: Mapping[str, Any], past: list[Earlier], running: set[str]) -> str:
    """Why a stage's key is new: what differs first from the newest execution that had one."""
    before = _last(stage, past)
    if before is None:
        return "no recent execution has run it with reuse"
    difference = first_difference(before.depends_on[stage], now, running)
    if difference:
        return difference
    if stage not in before.finished:
        return f"{before.name} did not finish it ({before.status})"
    return _not_recorded(stage, past) or f"the record that {before.name} made or used is gone"


def _last(stage: str, past: list[Earlier]) -> Earlier | None:
    """The newest execution that had a key for a stage."""
    return next((each for each in past if stage in each.depends_on), None)


def _not_recorded(stage: str, past: list[Earlier]) -> str:
    before = _last(stage, past)
    error = before.not_recorded.get(stage) if before else None
    return f"{before.name} ran it, but could not record it: {error}" if before and error else ""


def first_difference(before: Mapping[str, Any], now: Mapping[str, Any], running: Iterable[str] = ()) -> str:
    """Says what differs first: a file, a value of the section, or an execution that it reads from; empty if nothing.

    Args:
        before: what was in a stage's key, as the execution's input has it.
        now: the same, of the execution to be started.
        running: the keys of the stages that run.
    """
    return _files(before["reads"], now["reads"]) or _values(before, now) or _sources(before, now, set(running))


def _files(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    for uri, read in now.items():
        old = before.get(uri)
        if old is None or old["hash"] == read["hash"]:
            continue
        names, were = read.get("names"), old.get("names")
        if names is None or were is None:
            more = read["objects"] - old["objects"]
            return f"{_count(abs(more), 'more' if more > 0 else 'fewer')} under {uri}" if more else f"{uri} changed"
        changed = [name for name in names if name in were and names[name] != were[name]]
        added, gone = [name for name in names if name not in were], [name for name in were if name not in names]
        if changed:
            last = uri.rstrip("/").rpartition("/")[2]
            return f"{last}/{changed[0]} changed" if changed[0] else f"{last} changed"
        if added or gone:
            some, word = (added, "new") if added else (gone, "fewer")
            return f"{_count(len(some), word)} under {uri}"
        return f"{uri} changed"
    return ""


def _count(number: int, word: str) -> str:
    return f"{number:,} {word} object{'' if number == 1 else 's'}"


def _values(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    old, new = dict(leaves(before["section"])), dict(leaves(now["section"]))
    for path in dict.fromkeys([*new, *old]):
        if old.get(path) != new.get(path):
            return f"{path} {old.get(path, 'none')} -> {new.get(path, 'none')}"
    return ""


def _sources(before: Mapping[str, Any], now: Mapping[str, Any], running: set[str]) -> str:
    old, new = before["sources"], now["sources"]
    for stage, execution in new.items():
        if stage in running:
            return f"{stage} runs"
        if old.get(stage) != execution:
            return f"{stage} is reused from {execution}"
    return "" if old.keys() == new.keys() else "it reads other stages"
