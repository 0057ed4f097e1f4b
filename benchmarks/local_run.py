"""The whole pipeline on this machine, cold and in a running environment, against the scripts alone."""

import json
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from benchmarks.deployed import free_port, local_environment, mlops
from benchmarks.reference import Reference
from benchmarks.rows import LIMIT, Experiment, Experiments, Figures, Goal, Row
from benchmarks.script_runs import census, run_scripts
from benchmarks.shipped import INPUT
from benchmarks.transitions import FIVE
from pipeline.stages import STAGES

_COLD, _SECOND, _FIVE = "cold", "second", "five stages"
_ENVIRONMENT = "environment"
"""The folder of the running environment, inside the temporary one."""

ROWS = (
    Row(name="local run, cold", unit="s", figure="wall", module=_COLD),
    Row(name="local run, cold: overhead over its jobs", unit="s", figure="overhead", module=_COLD),
    Row(name="local run, second", unit="s", figure="wall", module=_SECOND),
    Row(name="local run, second: its jobs", unit="s", figure="jobs", module=_SECOND),
    Row(
        name="local run, second: overhead over its jobs", unit="s", figure="overhead", module=_SECOND, goal=Goal(most=3)
    ),
    Row(name="local run, second: execution / its jobs", unit="×", figure="ratio", module=_SECOND, goal=Goal(most=1.2)),
    Row(name="local run, 5 stages: execution / its jobs", unit="×", figure="ratio", module=_FIVE, goal=Goal(most=1.08)),
)


def experiments(_checkout: Reference | None) -> Experiments:
    """Yields the experiments of this family."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        data = stack.enter_context(census())
        five = _five_stages(folder / "five.yaml")
        stack.enter_context(local_environment(folder / _ENVIRONMENT))
        _run(folder, "second")  # the first run in an environment downloads what later ones reuse
        yield Experiment(
            rows=ROWS,
            subjects={
                _COLD: lambda: _run(folder, "cold", "--port", str(free_port())),
                _SECOND: lambda: _run(folder, "second"),
                _FIVE: lambda: _run(folder, "five", "--input", str(five)),
                LIMIT: lambda: _scripts_alone(data),
            },
            rounds=3,
        )


def _five_stages(file: Path) -> Path:
    """Writes the shipped input with only those stages that are a single SageMaker request."""
    content: dict[str, Any] = yaml.safe_load(INPUT.read_bytes())
    for stage in STAGES:
        content[stage.key]["run"] = stage in FIVE
    file.write_text(yaml.safe_dump(content))
    return file


def _run(folder: Path, name: str, *options: str) -> Figures:
    wall = mlops(folder / _ENVIRONMENT, "local", "run", "--out", str(folder / name), *options).wall
    seconds = json.loads((folder / name / "summary.json").read_text())["seconds"]
    jobs, execution = seconds["jobs"], seconds["execution"]
    return {"wall": wall, "jobs": jobs, "overhead": wall - jobs, "ratio": execution / jobs}


def _scripts_alone(data: Path) -> Figures:
    wall = sum(each.wall for each in run_scripts(data).usages)
    return {"wall": wall, "jobs": wall}
