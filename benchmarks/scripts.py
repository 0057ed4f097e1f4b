"""The scripts on all records, each as a program: time, memory and the model's quality."""

from pathlib import Path

from benchmarks import reference
from benchmarks.processes import environment, image_python, usage
from benchmarks.reference import Reference
from benchmarks.rows import LIMIT, MODULE, Experiment, Experiments, Figures, Row
from benchmarks.script_runs import census, run_scripts
from executions.defaults import PROJECT

_READ = "import sys, pandas; pandas.read_csv(sys.argv[1])"

ROWS = (
    Row(
        name="preprocessing.py, 199,523 records",
        unit="s",
        figure="preprocessing",
        quoted=reference.PREPROCESSING_SECONDS,
    ),
    Row(name="train.py", unit="s", figure="training", quoted=reference.TRAINING_SECONDS),
    Row(name="evaluation.py", unit="s", figure="evaluation", quoted=reference.EVALUATION_SECONDS),
    Row(name="these three", unit="s", figure="wall", quoted=reference.THREE_SCRIPTS_SECONDS),
    Row(name="these three, CPU", unit="s", figure="cpu"),
    Row(name="these three, peak memory of a process", unit="MB", figure="memory"),
    Row(name="ROC AUC on the test records", unit="", figure="roc_auc", quoted=reference.ROC_AUC),
)


def experiments(_checkout: Reference | None) -> Experiments:
    """Yields the experiments of this family."""
    with census() as data:
        yield Experiment(rows=ROWS, subjects={MODULE: lambda: three_scripts(data), LIMIT: lambda: _read(data)})


def three_scripts(data: Path) -> Figures:
    """Measures preprocessing, training and evaluation on a CSV file."""
    runs = run_scripts(data)
    three = (runs.preprocessing, runs.training, runs.evaluation)
    return {
        "preprocessing": runs.preprocessing.wall,
        "training": runs.training.wall,
        "evaluation": runs.evaluation.wall,
        "wall": sum(each.wall for each in three),
        "cpu": sum(each.cpu for each in three),
        "memory": max(each.memory for each in three),
        "roc_auc": runs.report["binary_classification_metrics"]["auc"]["value"],
    }


def _read(data: Path) -> Figures:
    """Reads the CSV once, as the limit for preprocessing and for the three scripts together."""
    read = usage([image_python(), "-c", _READ, data], cwd=PROJECT, variables=environment())
    return read.figures | {"preprocessing": read.wall}
