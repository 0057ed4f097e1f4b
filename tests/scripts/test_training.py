"""The training job and its model."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import joblib
import numpy as np
import pytest
import yaml

from columns import NUMBER, Feature
from job import JobError
from rows import read_labelled_rows, read_rows
from schema import Schema
from tests.scripts.conftest import SCRIPTS, Container
from train import read_hyperparameters, read_training_data

Change = Callable[[list[str]], list[str]]

CHANNEL = "input/data/training"
HYPERPARAMETERS = "input/config/hyperparameters.json"


@pytest.fixture
def ready(container: Container, trained: Container) -> Container:
    """A container with the training channel filled and no model yet."""
    shutil.copytree(trained.base / "processing" / "train", container.base / CHANNEL)
    return container


def probabilities(base: Path, rows: str) -> list[float]:
    """The predictions of the model in ``/opt/ml/model`` for these rows."""
    read = read_rows(rows, Schema.read(base / "model"))
    return list(joblib.load(base / "model" / "model.joblib").predict_proba(read)[:, 1])


def test_numbers_are_read_to_their_last_bit() -> None:
    """Two readers of the same records, such as training and monitoring, have the same numbers."""
    written = [1 / divisor for divisor in range(3, 200)]
    schema = Schema("label", "regression", None, (Feature("share", NUMBER),))
    assert read_rows("\n".join(map(repr, written)), schema)["share"].tolist() == written


def test_the_model_has_learnt(trained: Container) -> None:
    """The model separates the classes on records that it has not seen."""
    found = np.array(probabilities(trained.base, trained.read("processing/test/test_features.csv")))
    labels = np.array(trained.lines("processing/test/test_labels.csv"), dtype=int)
    above = found[labels == 1][:, None] > found[labels == 0]
    assert above.mean() > 0.85


def test_the_model_has_metadata(trained: Container) -> None:
    """The metadata has the hyperparameters, the number of records and the library versions; the schema is in, too."""
    metadata = json.loads(trained.read("model/metadata.json"))
    assert trained.read("model/schema.json") == trained.read("processing/train/schema.json")
    assert metadata["training_records"] == len(trained.lines("processing/train/train_labels.csv"))
    assert metadata["training_records_of_class_1"] == trained.lines("processing/train/train_labels.csv").count("1")
    assert metadata["hyperparameters"]["max_iter"] == 100
    assert set(metadata["versions"]) == {"python", "sklearn", "numpy", "pandas", "joblib"}


def test_model_includes_its_code(trained: Container) -> None:
    """The archive includes the scripts that serve the model, so that it is served as it was trained."""
    names = {file.name for file in SCRIPTS.glob("*.py")}
    assert "inference.py" in names
    for name in names:
        assert trained.read(f"model/code/{name}") == (SCRIPTS / name).read_text()


def test_sagemaker_reads_the_metric(trained: Container) -> None:
    """The expression in input.yaml finds the metric in the job's log."""
    settings = yaml.safe_load((SCRIPTS / "input.yaml").read_text(encoding="utf-8"))
    metric, _ = settings["training"]["input"]["AlgorithmSpecification"]["MetricDefinitions"]
    (value,) = re.findall(metric["Regex"], trained.read("log"))
    assert 0.9 < float(value) <= 1.0


def test_same_data_same_model(ready: Container, trained: Container) -> None:
    """Training again on the same data gives the same predictions; the channel's fixed path is the default."""
    ready.run("train.py")
    rows = trained.read("processing/test/test_features.csv")
    assert probabilities(ready.base, rows) == probabilities(trained.base, rows)


def test_sagemakers_variables_are_honoured(ready: Container, tmp_path: Path) -> None:
    """The channel and model folders are taken from the variables of SageMaker's toolkit."""
    (ready.base / CHANNEL).rename(tmp_path / "elsewhere")
    ready.put(HYPERPARAMETERS, '{"max_iter": "2"}')
    ready.run("train.py", SM_CHANNEL_TRAINING=str(tmp_path / "elsewhere"), SM_MODEL_DIR=str(tmp_path / "mine"))
    assert (tmp_path / "mine" / "model.joblib").is_file()
    assert not (ready.base / "model").exists()


def test_no_thread_imports_pandas(ready: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reading process returns bytes: the pool's thread, which unpickles them, must not race to import pandas."""
    monkeypatch.setenv("SM_CHANNEL_TRAINING", str(ready.base / CHANNEL))
    assert isinstance(read_training_data(), bytes)


def test_hyperparameters_are_strings(ready: Container) -> None:
    """Hyperparameters are strings and affect the model; SageMaker's own are ignored."""
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
        ('{"max_depth": "3"}', "unknown hyperparameter max_depth, expected any of max_iter, learning_rate"),
        ("[]", "hyperparameters.json is not a JSON object"),
        ("{", "hyperparameters.json is not JSON"),
    ],
)
def test_bad_hyperparameters_are_named(container: Container, content: str, expected: str) -> None:
    """An unknown or invalid hyperparameter is rejected with its name, its value and what is allowed."""
    with pytest.raises(JobError) as refusal:
        read_hyperparameters(container.put(HYPERPARAMETERS, content), records=1000)
    assert expected in str(refusal.value)


def test_failure_reaches_sagemaker(ready: Container) -> None:
    """The failure reason is in the file that SageMaker shows as FailureReason."""
    ready.put(HYPERPARAMETERS, '{"learning_rate": "2"}')
    reason = ready.fail("train.py", "output/failure")
    assert reason == "hyperparameter learning_rate is '2', expected a number from 0.0001 to 1.0"


@pytest.mark.parametrize(
    ("features", "labels", "expected"),
    [
        (
            lambda lines: [*lines[:4], lines[4].rpartition(",")[0]],
            None,
            "row 5: expected 40 values, found 39",
        ),
        (lambda lines: lines[1:], None, "400 labels in"),
        (lambda _: [], None, "train_features.csv: there are no rows"),
        (None, lambda lines: ["0" for _ in lines], "train_labels.csv holds 0, expected both 0 and 1"),
        (None, lambda lines: [*lines[:-1], "yes"], "train_labels.csv holds 0, 1, yes, expected both 0 and 1"),
        (None, lambda _: [], "train_labels.csv holds nothing, expected both 0 and 1"),
    ],
)
def test_bad_files_are_named(
    container: Container, trained: Container, features: Change | None, labels: Change | None, expected: str
) -> None:
    """The error names training files that are short, empty or inconsistent."""
    for kind, change in (("features", features), ("labels", labels)):
        lines = trained.lines(f"processing/train/train_{kind}.csv")[-400:]
        container.put(f"{CHANNEL}/train_{kind}.csv", "\n".join(change(lines) if change else lines))
    container.put(f"{CHANNEL}/schema.json", trained.read("processing/train/schema.json"))
    with pytest.raises(JobError) as refusal:
        read_labelled_rows(container.base / CHANNEL, "train")
    assert expected in str(refusal.value)


def test_missing_files_are_named(ready: Container) -> None:
    """The error names a channel without labels, even if another process fails."""
    (ready.base / CHANNEL / "train_labels.csv").unlink()
    assert ready.fail("train.py", "output/failure") == f"no train_labels.csv in {ready.base / CHANNEL}"


def test_bad_numbers_are_named(ready: Container) -> None:
    """The error names a non-numeric value of a numeric feature."""
    first, *others = ready.lines(f"{CHANNEL}/train_features.csv")
    ready.put(f"{CHANNEL}/train_features.csv", "\n".join(["old" + first, *others]))
    assert "'age' is 'old" in ready.fail("train.py", "output/failure")


def test_only_a_twin_of_the_label_is_warned_of(container: Container) -> None:
    """A column with the label in it is named; one of nearly as many values as records, which proves nothing, is not."""
    random = Random(0)  # noqa: S311 - no secret
    labels = [random.choice("ab") for _ in range(400)]
    rows = [f"n{max(number, 10)},{random.random()},{'xy'[label == 'a']},{label}" for number, label in enumerate(labels)]
    container.put("processing/input/table.csv", "\n".join(["name,noise,twin,y", *rows]))
    container.run("preprocessing.py")
    log = container.run("train.py", SM_CHANNEL_TRAINING=str(container.base / "processing" / "train"))
    assert [line for line in log.splitlines() if line.startswith("warning: ")] == [
        "warning: 'twin' predicts 'y' by itself (skill 1.000); if it is not known before 'y' is, name it in DROP"
    ]


def test_a_date_gives_its_hour_if_it_has_one() -> None:
    """Day, month, day of the week and hour; unknown dates give no numbers."""
    import pandas as pd  # noqa: PLC0415 - of the image, as the encoder's scikit-learn

    from encoder import RowEncoder  # noqa: PLC0415

    for form, texts, expected in (
        ("%Y-%m-%d", ["1970-01-02", ""], [1.0, 1.0, 4.0]),
        ("%d.%m.%Y %I:%M %p", ["2.1.1970 6:00 PM", "NA"], [1.75, 1.0, 4.0, 18.0]),
    ):
        schema = Schema("y", "regression", None, (Feature("when", "date", form),))
        rows = pd.DataFrame({"when": pd.Categorical(texts)})
        encoded = RowEncoder(schema).fit(rows, np.array([0.0, 1.0])).transform(rows)
        assert encoded[0].tolist() == expected
        assert np.isnan(encoded[1]).all()
