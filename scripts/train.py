"""Training job: fits gradient boosted trees on all features of the raw rows.

Reads ``train_features.csv``, ``train_labels.csv`` and ``schema.json`` from the channel ``training``, and the
hyperparameters from ``/opt/ml/input/config/hyperparameters.json``. Writes to ``/opt/ml/model``: ``model.joblib``, a
scikit-learn pipeline that takes the result of ``rows.read_rows``; ``schema.json``; ``metadata.json``, which describes
how the model was trained; and ``code``, the code that serves it.
"""

from __future__ import annotations

import json
import math
import pickle
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Tuple

from job import BASE, TRAINING_FAILURE, JobError, channel, copy_code, model_folder, run
from schema import BINARY

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from schema import Schema

    TrainingData = Tuple[Schema, pd.DataFrame, np.ndarray]

HYPERPARAMETERS_FILE = BASE / "input" / "config" / "hyperparameters.json"

# Prefixes of SageMaker's own hyperparameters: those of its SDK's estimators and of its tuning jobs.
SAGEMAKERS_OWN = ("sagemaker_", "_tuning_")


class Hyperparameter(NamedTuple):
    """A parameter of scikit-learn's gradient boosted trees: its default and allowed range."""

    default: float
    lowest: float
    highest: float

    def parse(self, name: str, text: str) -> float:
        """Parses the value, since SageMaker passes all hyperparameters as strings.

        Raises:
            JobError: it is not a number, not a whole number although the default is one, or out of range.
        """
        whole = isinstance(self.default, int)
        try:
            value = int(text) if whole else float(text)
        except ValueError:
            value = math.nan
        if not self.lowest <= value <= self.highest:
            kind = "a whole number" if whole else "a number"
            raise JobError(f"hyperparameter {name} is {text!r}, expected {kind} from {self.lowest} to {self.highest}")
        return value


HYPERPARAMETERS = {
    "max_iter": Hyperparameter(100, 1, 10_000),
    "learning_rate": Hyperparameter(0.15, 0.0001, 1.0),
    "max_leaf_nodes": Hyperparameter(31, 2, 10_000),
    "min_samples_leaf": Hyperparameter(50, 1, 1_000_000),
    "l2_regularization": Hyperparameter(5.0, 0.0, 1_000_000.0),
    "max_bins": Hyperparameter(255, 2, 255),
    "random_state": Hyperparameter(0, 0, 2**32 - 1),
}

# By default, a leaf has at least a hundredth of the records, from 5 to 50.
FEWEST_IN_LEAF, RECORDS_PER_LEAF = 5, 100


def read_hyperparameters(file: Path, records: int) -> dict[str, float]:
    """Reads the job's hyperparameters, with defaults for missing ones.

    Args:
        file: JSON, as SageMaker writes it.
        records: the number of training records, on which the default of ``min_samples_leaf`` depends.

    Raises:
        JobError: the file is not a JSON object, a name is unknown or a value is not allowed.
    """
    try:
        given = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    except ValueError as error:
        raise JobError(f"{file} is not JSON: {error}") from error
    if not isinstance(given, dict):
        raise JobError(f"{file} is not a JSON object")
    given = {name: str(text) for name, text in given.items() if not name.startswith(SAGEMAKERS_OWN)}
    unknown = [name for name in given if name not in HYPERPARAMETERS]
    if unknown:
        raise JobError(f"unknown hyperparameter {', '.join(unknown)}, expected any of {', '.join(HYPERPARAMETERS)}")
    defaults = {name: hyperparameter.default for name, hyperparameter in HYPERPARAMETERS.items()}
    leaf = max(FEWEST_IN_LEAF, records // RECORDS_PER_LEAF)
    defaults["min_samples_leaf"] = min(defaults["min_samples_leaf"], leaf)
    return {
        name: hyperparameter.parse(name, given[name]) if name in given else defaults[name]
        for name, hyperparameter in HYPERPARAMETERS.items()
    }


def read_training_data() -> bytes:
    """Reads the schema, the rows of the channel ``training`` and their labels, a :data:`TrainingData`, pickled.

    The pool's own thread unpickles what another process returns. With bytes it imports nothing; otherwise it would
    import pandas while the main thread does, and find it half imported.

    Raises:
        JobError: a file is missing or malformed.
    """
    from rows import read_labelled_rows  # noqa: PLC0415 - see main

    return pickle.dumps(read_labelled_rows(channel("training"), "train"), protocol=pickle.HIGHEST_PROTOCOL)


def main() -> None:
    """Fits the model and writes it.

    Raises:
        JobError: a hyperparameter is not allowed, or the training data is missing or malformed.
    """
    read_hyperparameters(HYPERPARAMETERS_FILE, records=0)  # before anything that takes long
    # Importing scikit-learn takes as long as reading the data with pandas, so another process reads it in parallel.
    with ProcessPoolExecutor(max_workers=1) as pool:
        reading = pool.submit(read_training_data)
        import importance  # noqa: PLC0415
        import model  # noqa: PLC0415

        data: TrainingData = pickle.loads(reading.result())  # noqa: S301 - of our own process
    schema, rows, labels = data
    hyperparameters = read_hyperparameters(HYPERPARAMETERS_FILE, len(labels))
    print("hyperparameters:", ", ".join(f"{name}={value}" for name, value in hyperparameters.items()))
    positives = f", {labels.mean():.1%} of them in class 1" if schema.problem == BINARY else ""
    print(f"training on {len(labels):,} records{positives}, {rows.shape[1]} features")
    try:
        fitted = model.fit(schema, rows, labels, hyperparameters)
    except ValueError as error:
        raise JobError(f"cannot train on {channel('training')}: {error}") from error
    name, value = importance.sample_quality(fitted, rows, labels)
    # Parsed by the training job's MetricDefinitions in input.yaml.
    print(f"train:{name}={value:.4f}")
    leaks = importance.leaks(fitted, rows, labels)
    for column, alone in leaks:
        print(
            f"warning: {column!r} predicts {schema.label!r} by itself (skill {alone:.3f}); if it is not known before "
            f"{schema.label!r} is, name it in DROP"
        )
    counts = {"training_records": len(labels)}
    if schema.problem == BINARY:
        counts["training_records_of_class_1"] = int(labels.sum())
    model.write(fitted, model_folder(), hyperparameters=hyperparameters, **counts, leaks=[one for one, _ in leaks])
    copy_code(model_folder() / "code")
    print(f"model written to {model_folder()}")


if __name__ == "__main__":
    run(main, TRAINING_FAILURE)
