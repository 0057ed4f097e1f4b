"""The model: an encoder that turns raw rows into numbers, followed by gradient boosted trees."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import sklearn
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.pipeline import Pipeline, make_pipeline

from encoder import RowEncoder
from prediction import FILE, schema_of
from schema import REGRESSION, Schema


def fit(schema: Schema, rows: pd.DataFrame, labels: np.ndarray, hyperparameters: dict[str, float]) -> Pipeline:
    """Fits the model.

    Args:
        schema: the features and what is predicted.
        rows: as returned by ``rows.read_rows``.
        labels: for each row the number of its class, or the number to predict.
        hyperparameters: of scikit-learn's HistGradientBoostingClassifier and HistGradientBoostingRegressor.

    Raises:
        ValueError: a date has more than one form.
    """
    trees = HistGradientBoostingRegressor if schema.problem == REGRESSION else HistGradientBoostingClassifier
    # No early stopping, which would hold out training records.
    return make_pipeline(RowEncoder(schema), trees(early_stopping=False, **hyperparameters)).fit(rows, labels)


def write(model: Pipeline, folder: Path, **metadata: Any) -> None:
    """Writes a folder's ``model.joblib``, ``schema.json`` and ``metadata.json``: how the model was trained."""
    folder.mkdir(parents=True, exist_ok=True)
    joblib.dump(model, folder / FILE)
    schema_of(model).write(folder)
    versions = {module.__name__: module.__version__ for module in (sklearn, np, pd, joblib)}
    content = {**metadata, "versions": {"python": platform.python_version(), **versions}}
    (folder / "metadata.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
