"""The start Lambda: archive size, import, warm start, and validation of the shipped input."""

import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import yaml

from benchmarks import reference
from benchmarks.archives import Archive, archives, pack
from benchmarks.processes import PYTHON, environment, usage
from benchmarks.reference import Reference
from benchmarks.rows import BASELINE, LIMIT, MODULE, REFERENCE, Experiment, Experiments, Figures, Goal, Measure, Row
from benchmarks.shipped import INPUT, TOKENS, checked
from benchmarks.stub import UNREAD, stub
from benchmarks.synth import synthesise
from executions.defaults import PROJECT

_PROBE = PROJECT / "benchmarks" / "probe.py"
_REPEATS = 15
_KEY = "demo/scripts/input.yaml"
VARIABLES = TOKENS | {
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "STATE_MACHINE_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:mlops-demo",
    "IN_VPC": "false",
    "RECORDS_TABLE": "records",
    "POWERTOOLS_SERVICE_NAME": "mlops-demo-starter",
    "POWERTOOLS_METRICS_NAMESPACE": "MLOps",
}
"""The function's environment."""
_FUNCTIONS = PROJECT / "benchmarks" / "functions"
_COMPILE = "import boto3, yaml; [boto3.client(name) for name in ('s3', 'stepfunctions')]"
"""The runtime's packages come compiled on Lambda; here this compiles them by importing them."""

SIZE = Row(name="start Lambda: archive", unit="MB", figure="size", goal=Goal(most=5))
IMPORTS = (
    Row(
        name="start Lambda: import, with its clients",
        unit="ms",
        figure="wall",
        goal=Goal(most=1.25, of_limit=True),
        quoted=reference.IMPORT_MS,
    ),
    Row(
        name="start Lambda: import, with its clients, CPU", unit="ms", figure="cpu", goal=Goal(most=1.25, of_limit=True)
    ),
)
STARTS = (
    Row(
        name="start Lambda: warm start",
        unit="ms",
        figure="wall",
        goal=Goal(most=1.1, of_limit=True),
        quoted=reference.WARM_START_MS,
    ),
    Row(name="start Lambda: warm start, CPU", unit="ms", figure="cpu"),
)
UNREAD_STARTS = (Row(name="start Lambda: warm start, a file that it has not read", unit="ms", figure="wall"),)
CHECK = Row(name="check of the shipped input", unit="ms", figure="wall")


def experiments(checkout: Reference | None) -> Experiments:
    """Yields the experiments of this family."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        url = stack.enter_context(stub(INPUT.read_bytes()))
        functions = _functions(folder)
        yield Experiment(
            rows=(SIZE,),
            subjects={name: partial(dict, size=functions[name].bytes / 1e6) for name in (MODULE, BASELINE)},
            rounds=1,
        )
        places = {name: function.unpack(folder / name) for name, function in functions.items()}
        imports: dict[str, Measure] = {}
        starts: dict[str, dict[str, Measure]] = {_KEY: {}, UNREAD: {}}
        for name, place in places.items():
            wanted = ("boto3", "yaml") if name == LIMIT else (functions[name].module,)
            imports[name] = partial(_probe, place, url, "import", *wanted)
            for key, subjects in starts.items():
                subjects[name] = partial(_probe, place, url, "invoke", functions[name].module, _event(key))
        if checkout:
            place, python = checkout.folder / "lambda", checkout.python
            imports[REFERENCE] = partial(_probe, place, url, "import", "handler", python=python)
            starts[_KEY][REFERENCE] = partial(_probe, place, url, "invoke", "handler", _event(_KEY), python=python)
        for python in {PYTHON, *([checkout.python] if checkout else [])}:
            usage([python, "-c", _COMPILE], cwd=folder, variables=environment(**VARIABLES))
        yield Experiment(rows=IMPORTS, subjects=imports, rounds=9)
        yield Experiment(rows=STARTS, subjects=starts[_KEY])
        yield Experiment(rows=UNREAD_STARTS, subjects=starts[UNREAD])
        yield _check()


def _event(key: str) -> str:
    return json.dumps({"config": {"bucket": "mlops-bucket", "prefix": key}})


def _functions(folder: Path) -> dict[str, Archive]:
    """Creates the archives of the subjects in the folder."""
    synthesise(folder / "assembly")
    return {
        MODULE: archives(folder / "assembly")["starter"],
        BASELINE: pack(_FUNCTIONS / "plain", folder),
        LIMIT: pack(_FUNCTIONS / "two_calls", folder),
    }


def _check() -> Experiment:
    """What the module does between its two calls, against merely converting YAML to JSON."""
    file = INPUT.read_bytes()
    return Experiment(
        rows=(CHECK,),
        subjects={
            MODULE: partial(_timed, lambda: checked(file)),
            BASELINE: partial(_timed, lambda: json.dumps(yaml.safe_load(file))),
        },
    )


def _probe(folder: Path, url: str, *arguments: str, python: Path = PYTHON) -> Figures:
    """Measures a function in a fresh Python that writes no bytecode, as in Lambda's read-only folder."""
    variables = environment(**VARIABLES, AWS_ENDPOINT_URL=url, PYTHONPATH=str(folder), PYTHONDONTWRITEBYTECODE="1")
    printed = usage([python, _PROBE, *arguments], cwd=folder, variables=variables).printed
    figures: dict[str, float] = json.loads(printed)
    return figures


def _timed(work: Callable[[], object]) -> Figures:
    """Times work in this process, in milliseconds: the median of many runs."""
    walls = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        work()
        walls.append((time.perf_counter() - began) * 1000)
    return {"wall": median(walls)}
