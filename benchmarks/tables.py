"""The scripts on the tables that scikit-learn ships, and a plain pipeline: how much better than the best constant."""

import json
import subprocess
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.processes import environment, image_python
from benchmarks.reference import Reference
from benchmarks.rows import BASELINE, MODULE, Experiment, Experiments, Figures, Row
from benchmarks.script_runs import run_scripts
from executions.defaults import PROJECT

_TABLES = ("iris", "wine", "breast_cancer", "digits", "diabetes")
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
table = pd.read_csv(sys.argv[1])
target = table.pop("target")
is_class = target.nunique() <= 20
train, test, labels, true = train_test_split(table, target, test_size=0.2, random_state=0)
model = (RandomForestClassifier if is_class else RandomForestRegressor)(random_state=0).fit(train, labels)
found = model.predict_proba(test) if is_class else model.predict(test)[:, None]
targets = np.eye(len(model.classes_))[true] if is_class else true.to_numpy()[:, None]
errors, constant = (((targets - other) ** 2).sum() for other in (found, targets.mean(axis=0)))
print(json.dumps(1 - errors / constant))
"""
"""A random forest as in scikit-learn's tutorials, with its score as the scripts compute it."""


def experiments(_checkout: Reference | None) -> Experiments:
    """Yields an experiment for each table."""
    with TemporaryDirectory() as folder:
        for name in _TABLES:
            file = Path(folder, name, f"{name}.csv")
            file.parent.mkdir()
            _run(_SAVE, f"load_{name}", str(file))
            yield Experiment(
                rows=(Row(name=f"better than the best constant, {name}", unit="", figure="skill"),),
                subjects={MODULE: partial(_scripts, file), BASELINE: partial(_plain, file)},
                rounds=1,
            )


def _scripts(file: Path) -> Figures:
    return {"skill": run_scripts(file, {"LABEL": "target"}).report["better_than_constant"]["skill"]["value"]}


def _plain(file: Path) -> Figures:
    return {"skill": json.loads(_run(_PLAIN, str(file)))}


def _run(script: str, *arguments: str) -> str:
    command = [str(image_python()), "-c", script, *arguments]
    return subprocess.run(
        command, cwd=PROJECT, env=dict(environment()), check=True, capture_output=True, text=True
    ).stdout
