"""Synth: the module's ``app.py``, against an app with one bucket."""

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import reference
from benchmarks.processes import PYTHON, environment, usage
from benchmarks.reference import Reference
from benchmarks.rows import LIMIT, MODULE, REFERENCE, Experiment, Experiments, Goal, Measure, Row
from executions.defaults import PROJECT

_APP = PROJECT / "benchmarks" / "apps" / "one_bucket.py"
_CONTEXT: Mapping[str, Any] = json.loads((PROJECT / "cdk.json").read_text())["context"]
_ACCOUNT = {"CDK_DEFAULT_ACCOUNT": "123456789012", "CDK_DEFAULT_REGION": "us-east-1"}

ROWS = (
    Row(
        name="synth: wall",
        unit="s",
        figure="wall",
        goal=Goal(most=1.6, of_limit=True),
        quoted=reference.SYNTH_SECONDS,
    ),
    Row(
        name="synth: CPU",
        unit="s",
        figure="cpu",
        goal=Goal(most=1.6, of_limit=True),
        quoted=reference.SYNTH_CPU_SECONDS,
    ),
    Row(name="synth: peak memory, largest process", unit="MB", figure="memory"),
)


def synthesise(folder: Path) -> dict[str, float]:
    """Synthesises the module with its defaults into a folder, and measures it."""
    return _run(PYTHON, PROJECT / "app.py", folder, SEEDFARMER_PARAMETER_SCHEDULE="0 6 * * ? *")


def experiments(checkout: Reference | None) -> Experiments:
    """Yields the experiments of this family."""
    with TemporaryDirectory() as folder:
        output = Path(folder)
        subjects: dict[str, Measure] = {
            MODULE: lambda: synthesise(output / "module"),
            LIMIT: lambda: _run(PYTHON, _APP, output / "limit"),
        }
        if checkout:
            subjects[REFERENCE] = lambda: _run(
                checkout.python,
                checkout.folder / "app.py",
                output / "reference",
                context={**_CONTEXT, **reference.WITHOUT_DOCKER},
                **reference.PARAMETERS,
            )
        for measure in subjects.values():
            measure()  # jsii unpacks the CDK on first use
        yield Experiment(rows=ROWS, subjects=subjects)


def _run(
    python: Path, app: Path, folder: Path, *, context: Mapping[str, Any] = _CONTEXT, **variables: str
) -> dict[str, float]:
    given = {"CDK_OUTDIR": str(folder), "CDK_CONTEXT_JSON": json.dumps(context)} | _ACCOUNT | variables
    return usage([python, app], cwd=app.parent, variables=environment(**given)).figures
