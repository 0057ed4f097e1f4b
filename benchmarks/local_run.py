"""The whole pipeline on this machine, cold and in an environment that is up, against the scripts run by hand."""

import json
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.by_hand import by_hand, census
from benchmarks.deployed import free_port
from benchmarks.processes import PROJECT, PYTHON, Usage, environment, usage
from benchmarks.reference import Reference
from benchmarks.rows import LIMIT, Experiment, Experiments, Figures, Goal, Row

_COLD, _SECOND = "cold", "second"

ROWS = (
    Row(name="local run, cold", unit="s", figure="wall", module=_COLD),
    Row(name="local run, cold: overhead over its jobs", unit="s", figure="overhead", module=_COLD),
    Row(name="local run, second", unit="s", figure="wall", module=_SECOND),
    Row(name="local run, second: its jobs", unit="s", figure="jobs", module=_SECOND),
    Row(
        name="local run, second: overhead over its jobs", unit="s", figure="overhead", module=_SECOND, goal=Goal(most=5)
    ),
    Row(name="local run, second: execution / its jobs", unit="×", figure="ratio", module=_SECOND, goal=Goal(most=1.08)),
)


def experiments(_checkout: Reference | None) -> Experiments:
    """The experiments of this family."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        data = stack.enter_context(census())
        _mlops(folder, "local", "up", "--port", str(free_port()))
        stack.callback(_mlops, folder, "local", "down")
        _run(folder, "second")  # the first one in an environment: what it downloads is kept for those after it
        yield Experiment(
            rows=ROWS,
            subjects={
                _COLD: lambda: _run(folder, "cold", "--port", str(free_port())),
                _SECOND: lambda: _run(folder, "second"),
                LIMIT: lambda: _hand(data),
            },
            rounds=3,
        )


def _mlops(folder: Path, *arguments: str) -> Usage:
    command: list[str | Path] = [PYTHON.with_name("mlops"), *arguments]
    return usage(command, cwd=PROJECT, variables=environment(MLOPS_LOCAL_FOLDER=str(folder / "environment")))


def _run(folder: Path, name: str, *options: str) -> Figures:
    wall = _mlops(folder, "local", "run", "--out", str(folder / name), *options).wall
    seconds = json.loads((folder / name / "summary.json").read_text())["seconds"]
    jobs, execution = seconds["jobs"], seconds["execution"]
    return {"wall": wall, "jobs": jobs, "overhead": wall - jobs, "ratio": execution / jobs}


def _hand(data: Path) -> Figures:
    wall = sum(each.wall for each in by_hand(data).usages)
    return {"wall": wall, "jobs": wall}
