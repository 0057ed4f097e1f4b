"""The whole pipeline on tables that packages on PyPI ship, each with its label only, against a plain random forest."""

import json
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.deployed import local_environment, mlops
from benchmarks.processes import PYTHON, BenchmarkError, environment, image_python, usage
from benchmarks.reference import Reference
from benchmarks.rows import BASELINE, MODULE, Experiment, Experiments, Figures, Row
from executions.defaults import PROJECT
from executions.progress import SUCCEEDED


@dataclass(frozen=True)
class _Table:
    name: str
    label: str
    file: str = ""
    """Below the folder of packages; without it, scikit-learn's loader of this name."""
    documented: dict[str, str] = field(default_factory=dict)
    """What the columns are that hold no numbers, by the packages' documentation and the column itself."""


_LEFT_OUT = "left out"
_PACKAGES = ("lifelines==0.30.0", "palmerpenguins==0.1.4", "statsmodels==0.14.4", "vega_datasets==0.9.0")
_TABLES = (
    _Table("iris", "target"),
    _Table("wine", "target"),
    _Table("breast_cancer", "target"),
    _Table("digits", "target", documented=dict.fromkeys(("pixel_0_0", "pixel_4_0", "pixel_4_7"), _LEFT_OUT)),
    _Table("diabetes", "target"),
    _Table(
        "penguins",
        "sex",
        "palmerpenguins/data/penguins.csv",
        documented={"species": "category", "island": "category"},
    ),
    _Table("seattle-weather", "weather", "vega_datasets/_data/seattle-weather.csv", documented={"date": "date"}),
    _Table(
        "democracies",
        "democracy",
        "lifelines/datasets/dd.csv",
        documented={
            **dict.fromkeys(("ctryname", "un_region_name", "un_continent_name", "ehead", "regime"), "category"),
            **dict.fromkeys(("cowcode2", "politycode"), "category"),  # numbers of countries
            "leaderspellreg": _LEFT_OUT,  # names the record
        },
    ),
    _Table(
        "gbsg2",
        "cens",
        "lifelines/datasets/gbsg2.csv",
        documented=dict.fromkeys(("horTh", "menostat", "tgrade"), "category"),
    ),
    _Table("rossi", "arrest", "lifelines/datasets/rossi.csv"),
    _Table("anes96", "'vote'", "statsmodels/datasets/anes96/anes96.csv"),
    _Table("star98", "MATHTOT", "statsmodels/datasets/star98/star98.csv"),
)
_SAVE = """
import sys
from sklearn import datasets
getattr(datasets, sys.argv[1])(as_frame=True).frame.to_csv(sys.argv[2], index=False)
"""
_PLAIN = """
import json, sys
import numpy as np, pandas as pd
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.model_selection import train_test_split
table = pd.read_csv(sys.argv[1], sep=None, engine="python").dropna(subset=[sys.argv[2]])
target = table.pop(sys.argv[2])
is_class = target.nunique() <= 20
if is_class:
    target = pd.Series(pd.factorize(target)[0])
texts = table.select_dtypes(exclude=["number"])
table = pd.get_dummies(table.drop(columns=[name for name in texts if texts[name].nunique() > 50])).astype(float)
train, test, labels, true = train_test_split(table.fillna(table.mean()), target, test_size=0.2, random_state=0)
model = (RandomForestClassifier if is_class else RandomForestRegressor)(random_state=0).fit(train, labels)
found = model.predict_proba(test) if is_class else model.predict(test)[:, None]
targets = np.eye(target.nunique())[true][:, model.classes_] if is_class else true.to_numpy()[:, None]
errors, constant = (((targets - other) ** 2).sum() for other in (found, targets.mean(axis=0)))
print(json.dumps(1 - errors / constant))
"""
"""A random forest as in scikit-learn's tutorials, with its score as the scripts compute it: means for missing numbers,
one-hot encoding, and no texts of more than 50 values."""


def experiments(_checkout: Reference | None) -> Experiments:
    """Yields an experiment for each table; a run that does not end in a served model is an error."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        packages = folder / "packages"
        install: list[str | Path] = [
            PYTHON.with_name("uv"),
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--target",
            packages,
            *_PACKAGES,
        ]
        usage(install, cwd=PROJECT, variables=environment())
        stack.enter_context(local_environment(folder / "environment"))
        for table in _TABLES:
            file = packages / table.file if table.file else _saved(table, folder)
            yield Experiment(
                rows=(
                    Row(name=f"better than the best constant, {table.name}", unit="", figure="skill"),
                    Row(name=f"columns read otherwise than documented, {table.name}", unit="", figure="misread"),
                    Row(name=f"mlops local run, {table.name}", unit="s", figure="wall"),
                ),
                subjects={MODULE: partial(_run, folder, file, table), BASELINE: partial(_plain, file, table)},
                rounds=1,
            )


def _saved(table: _Table, folder: Path) -> Path:
    file = folder / f"{table.name}.csv"
    usage([image_python(), "-c", _SAVE, f"load_{table.name}", file], cwd=PROJECT, variables=environment())
    return file


def _run(folder: Path, file: Path, table: _Table) -> Figures:
    """Runs what ``make demo DATA= LABEL=`` runs. The input's own gate rejects a model that is no better."""
    options = ("--data", str(file), "--label", table.label, "--override", "monitoring.run=true")
    wall = mlops(folder / "environment", "local", "run", "--out", str(folder / "out"), *options).wall
    summary = json.loads((folder / "out" / "summary.json").read_text())
    if summary["stages"]["deployment"]["status"] != SUCCEEDED:
        raise BenchmarkError(f"{table.name}: the model is not served; {folder / 'out' / 'summary.json'} says why")
    return {"skill": summary["metrics"]["skill"], "misread": _misread(folder / "out", table), "wall": wall}


def _misread(out: Path, table: _Table) -> int:
    """Counts the columns that are not what the documentation says; what it does not say is a number."""
    report = json.loads((out / "evaluation.json").read_text())
    found = {column["name"]: column["type"] for column in report["columns"]}
    found |= {column["name"]: _LEFT_OUT for column in report["left_out"]}
    return sum(kind != table.documented.get(name, "number") for name, kind in found.items())


def _plain(file: Path, table: _Table) -> Figures:
    used = usage([image_python(), "-c", _PLAIN, file, table.label], cwd=PROJECT, variables=environment())
    return {"skill": json.loads(used.printed), "wall": used.wall}
