"""How costs grow with the number of records, the number of executions and the size of the input file."""

import json
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from benchmarks.deployed import NOTHING_RUNS, local_environment, mlops
from benchmarks.reference import Reference
from benchmarks.rows import MODULE, Experiment, Experiments, Figures, Goal, Measure, Row
from benchmarks.script_runs import census
from benchmarks.scripts import three_scripts
from benchmarks.shipped import INPUT, checked
from local.state import EnvironmentDir

_COPIES = (1, 2, 4, 8)
_EXECUTIONS = (10, 100, 1000)
_KILOBYTES = (10, 100, 250)
_MOST_FOR_EIGHT = 8.5


def experiments(_checkout: Reference | None) -> Experiments:
    """Yields the experiments of this family."""
    yield from _input_sizes()
    yield from _executions()
    yield from _records()


def _records() -> Experiments:
    """Preprocessing, training and evaluation on multiples of the shipped records."""
    with ExitStack() as stack:
        files = {copies: stack.enter_context(census(copies)) for copies in _COPIES}
        rows = tuple(
            Row(
                name=f"the three scripts, records × {copies}",
                unit="s",
                figure="wall",
                module=f"× {copies}",
                limit="× 1",
                goal=Goal(most=_MOST_FOR_EIGHT, of_limit=True) if copies == max(_COPIES) else None,
            )
            for copies in _COPIES
        )
        subjects: dict[str, Measure] = {f"× {copies}": partial(three_scripts, file) for copies, file in files.items()}
        yield Experiment(rows=rows, subjects=subjects, rounds=2)


def _executions() -> Experiments:
    """Response times in an environment with many past executions."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        stack.enter_context(local_environment(folder))
        state = EnvironmentDir(folder).require_live()
        step_functions = state.connection.client("stepfunctions")
        started = 0

        def start() -> Figures:
            nonlocal started
            began = time.perf_counter()
            step_functions.start_execution(
                stateMachineArn=state.metadata.state_machine,
                name=f"by-hand-demo-{started}",
                input=json.dumps(NOTHING_RUNS),
            )
            started += 1
            return {"wall": (time.perf_counter() - began) * 1000}

        for number in _EXECUTIONS:
            while started < number:
                start()
            for name, unit, measure in (
                (f"mlops runs, of {number:,} executions", "s", lambda: mlops(folder, "runs", "--local").figures),
                (f"start of one after {number:,} executions", "ms", start),
            ):
                yield Experiment(rows=(Row(name=name, unit=unit, figure="wall"),), subjects={MODULE: measure})


def _input_sizes() -> Experiments:
    """Validation of inputs of different sizes: the shipped input with more and more thresholds."""
    files = {f"{size} kB": _file_of(size * 1000) for size in _KILOBYTES}
    subjects: dict[str, Measure] = {name: partial(_check, file) for name, file in files.items()}
    smallest = next(iter(files))
    yield Experiment(
        rows=tuple(
            Row(name=f"check of an input of {name}", unit="ms", figure="wall", module=name, limit=smallest)
            for name in files
        ),
        subjects=subjects,
    )


def _file_of(size: int) -> bytes:
    data: dict[str, Any] = yaml.safe_load(INPUT.read_bytes())
    metrics = data["approval"]["metrics"]
    number = 0
    while (missing := size - len(json.dumps(data))) > 0:
        for _ in range(missing // 100 + 1):
            metrics.append({"name": f"binary_classification_metrics.metric_{number:05}.value", "minimum": 0.85})
            number += 1
    return yaml.safe_dump(data).encode()


def _check(file: bytes) -> Figures:
    began = time.perf_counter()
    checked(file)
    return {"wall": (time.perf_counter() - began) * 1000}
