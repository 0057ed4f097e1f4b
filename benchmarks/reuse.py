"""Reuse: a second run of which nothing has changed, a plan with 10,000 objects, and a comparison of 100 executions."""

import json
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from benchmarks.deployed import NOTHING_RUNS, local_environment, mlops
from benchmarks.processes import BenchmarkError
from benchmarks.reference import Reference
from benchmarks.rows import LIMIT, Experiment, Experiments, Figures, Goal, Row
from benchmarks.shipped import INPUT
from executions.job_logs import LocalLogs
from executions.progress import REUSED_STAGE
from executions.start import start_execution
from executions.target import Target
from local.state import EnvironmentDir
from pipeline.input.execution import execution_input
from pipeline.input.samples import SAMPLE_TOKENS
from pipeline.reuse.decision import Record
from pipeline.reuse.key import StoredObject

_SECOND, _KEYS, _PLAN, _COMPARE = "second", "keys", "plan", "compare"
_OBJECTS = 10_000
_MANY = "demo/data/many/"
_EXECUTIONS = 100
_REUSE = ("--override", "reuse=true")

ROWS = (
    Row(name="local run, nothing changed", unit="s", figure="wall", module=_SECOND, goal=Goal(most=3)),
    Row(name="mlops compare, 100 executions", unit="s", figure="wall", module=_COMPARE, goal=Goal(most=3)),
)
KEY_ROWS = (Row(name="keys, 10,000 objects per input", unit="s", figure="wall", module=_KEYS, goal=Goal(most=2)),)
PLAN_ROWS = (
    Row(name="mlops plan, 10,000 objects; limit: S3's listing", unit="s", figure="wall", module=_PLAN),
    Row(name="the same without S3's listing", unit="s", figure="beyond", module=_PLAN, goal=Goal(most=2)),
)


class _Listed:
    """S3 with many objects below each prefix, and no records."""

    def __init__(self) -> None:
        self._objects = [StoredObject(f"part-{number}.csv", f"{number:032x}", number) for number in range(_OBJECTS)]

    def objects(self, _uri: str) -> list[StoredObject]:
        """The same objects everywhere."""
        return self._objects

    def exists(self, _uri: str) -> bool:
        """There is something everywhere."""
        return True

    def record(self, _key: str) -> Record | None:
        """There is no record."""
        return None

    def missing(self, _stage: str, _result: Mapping[str, Any]) -> str | None:
        """Nothing is missing."""
        return None


def experiments(_checkout: Reference | None) -> Experiments:
    """Yields the experiments of this family."""
    yield Experiment(rows=KEY_ROWS, subjects={_KEYS: _keys})
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        environment = folder / "environment"
        stack.enter_context(local_environment(environment))
        mlops(environment, "local", "run", "--out", str(folder / "first"), *_REUSE)
        _start(environment)
        subjects = {_SECOND: lambda: _second(environment, folder / "second"), _COMPARE: lambda: _compare(environment)}
        yield Experiment(rows=ROWS, subjects=subjects, rounds=3)
        _put(environment)
        plan = {LIMIT: lambda: {"wall": _listing(environment)}, _PLAN: lambda: _plan(environment)}
        yield Experiment(rows=PLAN_ROWS, subjects=plan, rounds=3)


def _put(environment: Path) -> None:
    """Writes many objects below one prefix."""
    state = EnvironmentDir(environment).require_live()
    s3 = state.aws.client("s3")

    def put(number: int) -> None:
        s3.put_object(Bucket=state.metadata.bucket, Key=f"{_MANY}part-{number:05}.csv", Body=b"1,2\n")

    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(put, range(_OBJECTS)))


def _listing(environment: Path) -> float:
    """The seconds that the emulator's S3 takes to list the objects, which nothing can plan without."""
    state = EnvironmentDir(environment).require_live()
    pages = state.aws.client("s3").get_paginator("list_objects_v2")
    started = time.perf_counter()
    found = sum(page["KeyCount"] for page in pages.paginate(Bucket=state.metadata.bucket, Prefix=_MANY))
    if found != _OBJECTS:
        raise BenchmarkError(f"{found} objects were listed")
    return time.perf_counter() - started


def _plan(environment: Path) -> Figures:
    """The whole command, with preprocessing reading the many objects; a listing just before it is taken off."""
    inputs = yaml.safe_load(INPUT.read_bytes())["preprocessing"]["input"]["ProcessingInputs"]
    inputs[0]["S3Input"]["S3Uri"] = f"s3://MLOPS_BUCKET/{_MANY}"
    override = f"preprocessing.input.ProcessingInputs={json.dumps(inputs)}"
    listing = _listing(environment)
    wall = mlops(environment, "plan", "--local", *_REUSE, "--override", override).wall
    return {"wall": wall, "beyond": wall - listing}


def _keys() -> Figures:
    started = time.perf_counter()
    made = execution_input(
        INPUT.read_bytes(), tokens=SAMPLE_TOKENS, event_id="bench", overrides={"reuse": True}, lookup=_Listed
    )
    wall = time.perf_counter() - started
    if not all(decision.depends_on for decision in made.decisions.values()):
        raise BenchmarkError("a stage has no key")
    return {"wall": wall}


def _start(environment: Path) -> None:
    """Starts executions that end immediately, each with another value."""
    state = EnvironmentDir(environment).require_live()
    target = Target.of(state.aws, state.metadata, logs=LocalLogs(environment / "logs"), is_local=True)
    for number in range(_EXECUTIONS):
        start_execution(target, overrides={**NOTHING_RUNS, "app_id": f"bench-{number}"})


def _second(environment: Path, folder: Path) -> Figures:
    wall = mlops(environment, "local", "run", "--out", str(folder), *_REUSE).wall
    stages = json.loads((folder / "summary.json").read_text())["stages"]
    wanted = [
        key
        for key, section in yaml.safe_load(INPUT.read_bytes()).items()
        if isinstance(section, dict) and section["run"]
    ]
    if any(stages[key]["status"] != REUSED_STAGE for key in wanted):
        raise BenchmarkError("a stage ran, although nothing had changed")
    return {"wall": wall}


def _compare(environment: Path) -> Figures:
    return {"wall": mlops(environment, "compare", "--local", "--limit", str(_EXECUTIONS), "--json").wall}
