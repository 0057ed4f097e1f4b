"""The training job and the model that it leaves."""

from __future__ import annotations

import json
import re
import shutil
from io import StringIO
from pathlib import Path

import joblib
import numpy as np
import pytest
import yaml

from job import JobError
from rows import read_rows
from tests.scripts.conftest import SCRIPTS, Container
from train import read_hyperparameters

CHANNEL = "input/data/training"
HYPERPARAMETERS = "input/config/hyperparameters.json"


@pytest.fixture
def ready(container: Container, trained: Container) -> Container:
    """A container with the training channel filled and no model yet."""
    shutil.copytree(trained.base / "processing" / "train", container.base / CHANNEL)
    return container


def probabilities(base: Path, rows: str) -> list[float]:
    """What the model in ``/opt/ml/model`` says of these rows."""
    return list(joblib.load(base / "model" / "model.joblib").predict_proba(read_rows(StringIO(rows)))[:, 1])


def test_the_model_has_learnt(trained: Container) -> None:
    """On records that it has not seen, the model tells the classes apart."""
    found = np.array(probabilities(trained.base, trained.read("processing/test/test_features.csv")))
    labels = np.array(trained.lines("processing/test/test_labels.csv"), dtype=int)
    above = found[labels == 1][:, None] > found[labels == 0]
    assert above.mean() > 0.85


def test_the_model_says_what_it_was_made_of(trained: Container) -> None:
    """Beside the model lie the features, the hyperparameters, the number of records and the library versions."""
    metadata = json.loads(trained.read("model/metadata.json"))
    assert len(metadata["features"]) == 40
    assert metadata["training_records"] == len(trained.lines("processing/train/train_labels.csv"))
    assert metadata["training_records_of_class_1"] == trained.lines("processing/train/train_labels.csv").count("1")
    assert metadata["hyperparameters"]["max_iter"] == 25
    assert set(metadata["versions"]) == {"python", "sklearn", "numpy", "pandas", "joblib"}


def test_sagemaker_reads_the_metric(trained: Container) -> None:
    """The expression in input.yaml finds the metric in the job's log."""
    settings = yaml.safe_load((SCRIPTS / "input.yaml").read_text(encoding="utf-8"))
    (metric,) = settings["training"]["input"]["AlgorithmSpecification"]["MetricDefinitions"]
    (value,) = re.findall(metric["Regex"], trained.read("log"))
    assert 0.9 < float(value) <= 1.0


def test_same_data_same_model(ready: Container, trained: Container) -> None:
    """A second training on the same data gives a model that says the same; the channel's fixed path is the default."""
    ready.run("train.py")
    rows = trained.read("processing/test/test_features.csv")
    assert probabilities(ready.base, rows) == probabilities(trained.base, rows)


def test_sagemakers_variables_are_honoured(ready: Container, tmp_path: Path) -> None:
    """Channel and model folder are those that SageMaker's toolkit names."""
    (ready.base / CHANNEL).rename(tmp_path / "elsewhere")
    ready.put(HYPERPARAMETERS, '{"max_iter": "2"}')
    ready.run("train.py", SM_CHANNEL_TRAINING=str(tmp_path / "elsewhere"), SM_MODEL_DIR=str(tmp_path / "mine"))
    assert (tmp_path / "mine" / "model.joblib").is_file()
    assert not (ready.base / "model").exists()


def test_hyperparameters_are_strings(ready: Container) -> None:
    """Hyperparameters come as strings and shape the model; SageMaker's own among them are passed over."""
    given = {"max_iter": "3", "max_leaf_nodes": "4", "sagemaker_program": "train.py", "_tuning_objective_metric": "auc"}
    ready.put(HYPERPARAMETERS, json.dumps(given))
    ready.run("train.py")
    trees = joblib.load(ready.base / "model" / "model.joblib")[-1]
    assert (trees.n_iter_, trees.max_leaf_nodes) == (3, 4)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"max_iter": "many"}', "hyperparameter max_iter is 'many', expected a whole number from 1 to 10000"),
        ('{"max_iter": "2.5"}', "hyperparameter max_iter is '2.5', expected a whole number from 1 to 10000"),
        ('{"max_iter": "0"}', "hyperparameter max_iter is '0', expected a whole number from 1 to 10000"),
        ('{"learning_rate": "nan"}', "hyperparameter learning_rate is 'nan', expected a number from 0.0001 to 1.0"),
        ('{"max_depth": "3"}', "unknown hyperparameter max_depth, expected some of max_iter, learning_rate"),
        ("[]", "hyperparameters.json is not a JSON object"),
        ("{", "hyperparameters.json is not JSON"),
    ],
)
def test_bad_hyperparameters_are_named(container: Container, content: str, expected: str) -> None:
    """A hyperparameter that is unknown or not allowed is refused with its name, its value and what is allowed."""
    with pytest.raises(JobError) as refusal:
        read_hyperparameters(container.put(HYPERPARAMETERS, content))
    assert expected in str(refusal.value)


def test_failure_reaches_sagemaker(ready: Container) -> None:
    """The reason of a failure is in the file that SageMaker shows as FailureReason."""
    ready.put(HYPERPARAMETERS, '{"learning_rate": "2"}')
    reason = ready.fail("train.py", "output/failure")
    assert reason == "hyperparameter learning_rate is '2', expected a number from 0.0001 to 1.0"


def test_bad_files_are_named(ready: Container) -> None:
    """Missing, short or contradicting training files are named, without a traceback."""
    features, labels = (f"{CHANNEL}/train_{kind}.csv" for kind in ("features", "labels"))
    lines = ready.lines(features)
    ready.put(features, "\n".join([*lines[:4], lines[4].rpartition(",")[0]]))
    assert "row 5 has fewer than 40 values" in ready.fail("train.py", "output/failure")
    ready.put(features, "\n".join([*lines[:-1], "old" + lines[-1]]))
    assert "'age' is 'old" in ready.fail("train.py", "output/failure")
    ready.put(features, "\n".join(lines[1:]))
    assert f"{len(lines):,} labels in" in ready.fail("train.py", "output/failure")
    ready.put(features, "\n".join(lines))
    ready.put(labels, "0\n" * len(lines))
    assert "train_labels.csv holds 0, expected both 0 and 1" in ready.fail("train.py", "output/failure")
    (ready.base / labels).unlink()
    assert "no train_labels.csv in" in ready.fail("train.py", "output/failure")
