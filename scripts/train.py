"""Training job: fits gradient boosted trees on all features of the raw rows.

Reads ``train_features.csv`` and ``train_labels.csv`` from the channel ``training``, and the hyperparameters from
``/opt/ml/input/config/hyperparameters.json``. Writes to ``/opt/ml/model``: ``model.joblib``, a scikit-learn pipeline
that takes the result of ``rows.read_rows``; ``metadata.json``, which describes how the model was trained; and ``code``,
the code that serves it.
"""

from __future__ import annotations

import json
import math
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from job import BASE, TRAINING_FAILURE, JobError, channel, copy_code, model_folder, run

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

HYPERPARAMETERS_FILE = BASE / "input" / "config" / "hyperparameters.json"

# Prefixes of SageMaker's own hyperparameters: those of its SDK's estimators and of its tuning jobs.
SAGEMAKERS_OWN = ("sagemaker_", "_tuning_")


class Hyperparameter(NamedTuple):
    """A parameter of scikit-learn's HistGradientBoostingClassifier: its default and allowed range."""

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


def read_hyperparameters(file: Path) -> dict[str, float]:
    """Reads the job's hyperparameters, with defaults for missing ones.

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
    return {
        name: hyperparameter.parse(name, given[name]) if name in given else hyperparameter.default
        for name, hyperparameter in HYPERPARAMETERS.items()
    }


def read_training_data() -> tuple[pd.DataFrame, np.ndarray]:
    """Reads the rows of the channel ``training`` and their labels.

    Raises:
        JobError: a file is missing or malformed.
    """
    from rows import read_labelled_rows  # noqa: PLC0415 - see main

    return read_labelled_rows(channel("training"), "train")


def main() -> None:
    """Fits the model and writes it.

    Raises:
        JobError: a hyperparameter is not allowed, or the training data is missing or malformed.
    """
    hyperparameters = read_hyperparameters(HYPERPARAMETERS_FILE)
    # Importing scikit-learn takes as long as reading the data with pandas, so another process reads it in parallel.
    with ProcessPoolExecutor(max_workers=1) as pool:
        reading = pool.submit(read_training_data)
        import classifier  # noqa: PLC0415

        rows, labels = reading.result()
    print("hyperparameters:", ", ".join(f"{name}={value}" for name, value in hyperparameters.items()))
    print(f"training on {len(labels):,} records, {labels.mean():.1%} of them in class 1, {rows.shape[1]} features")
    try:
        model = classifier.fit(rows, labels, hyperparameters)
    except ValueError as error:
        raise JobError(f"cannot train on {channel('training')}: {error}") from error
    # Parsed by the training job's MetricDefinitions in input.yaml.
    print(f"train:roc_auc={classifier.sample_auc(model, rows, labels):.4f}")
    classifier.write(model, model_folder(), hyperparameters=hyperparameters, labels=labels)
    copy_code(model_folder() / "code")
    print(f"model written to {model_folder()}")


if __name__ == "__main__":
    run(main, TRAINING_FAILURE)
