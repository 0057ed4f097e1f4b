"""The model: an encoder that turns raw rows into numbers, followed by gradient boosted trees.

The encoder is part of the model, so that serving encodes rows exactly as training did.
"""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import sklearn
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline, make_pipeline

import census
from quality import roc_auc

# The training metric is computed on this many of the first records, enough for two reliable digits.
SAMPLE_RECORDS = 20_000


class RowEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """Encodes each value as a number, with NaN for "unknown".

    A numeric feature keeps its number. A category becomes its share of class 1 among the training records, so that one
    split separates categories with a high share from those with a low one. scikit-learn's trees can order categories
    this way themselves (https://scikit-learn.org/stable/modules/ensemble.html, "Categorical Features Support"), but
    support at most 255 of them. A category not seen in training is unknown.

    Args:
        prior_records: smooths a category's share as if this many additional records had the overall share, so that
            categories with few records carry little weight.
    """

    def __init__(self, prior_records: float = 10.0) -> None:
        self.prior_records = prior_records

    def fit(self, rows: pd.DataFrame, labels: np.ndarray) -> RowEncoder:
        """Learns the categories' shares.

        Args:
            rows: as returned by ``rows.read_rows``.
            labels: 0 or 1 for each row.
        """
        overall = labels.mean()
        self.shares_: dict[str, dict[str, float]] = {}
        for name in census.FEATURES:
            if name not in census.NUMERIC:
                codes, values = rows[name].cat.codes.to_numpy(), rows[name].cat.categories
                records = np.bincount(codes, minlength=len(values)) + self.prior_records
                positives = np.bincount(codes, weights=labels, minlength=len(values)) + self.prior_records * overall
                self.shares_[name] = dict(zip(values, positives / records))  # noqa: B905 - Python 3.8
                self.shares_[name].pop("", None)
        return self

    def transform(self, rows: pd.DataFrame) -> np.ndarray:
        """Encodes the rows: one line per row and one column per feature.

        Raises:
            ValueError: a value of a numeric feature is not a number.
        """
        numbers = np.empty(rows.shape, order="F")  # column-major, as written here and read by the trees
        for position, name in enumerate(census.FEATURES):
            column = rows[name].cat
            table = np.array([self._number(name, value) for value in column.categories])
            numbers[:, position] = table[column.codes.to_numpy()]
        return numbers

    def _number(self, name: str, value: str) -> float:
        if name not in census.NUMERIC:
            return float(self.shares_[name].get(value, np.nan))
        try:
            return float(value) if value else np.nan
        except ValueError:
            raise ValueError(f"{name!r} is {value!r}, expected a number") from None


def fit(rows: pd.DataFrame, labels: np.ndarray, hyperparameters: dict[str, float]) -> Pipeline:
    """Fits the model.

    Args:
        rows: as returned by ``rows.read_rows``.
        labels: 0 or 1 for each row.
        hyperparameters: of scikit-learn's HistGradientBoostingClassifier.

    Raises:
        ValueError: a value of a numeric feature is not a number.
    """
    # No early stopping, which would hold out training records.
    trees = HistGradientBoostingClassifier(early_stopping=False, **hyperparameters)
    return make_pipeline(RowEncoder(), trees).fit(rows, labels)


def sample_auc(model: Pipeline, rows: pd.DataFrame, labels: np.ndarray) -> float:
    """Returns the area under the ROC curve on a sample of the rows."""
    return roc_auc(labels[:SAMPLE_RECORDS], model.predict_proba(rows[:SAMPLE_RECORDS])[:, 1])[0]


def write(model: Pipeline, folder: Path, *, hyperparameters: dict[str, float], labels: np.ndarray) -> None:
    """Writes ``model.joblib`` and ``metadata.json``, which describes how the model was trained, to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    joblib.dump(model, folder / "model.joblib")
    versions = {module.__name__: module.__version__ for module in (sklearn, np, pd, joblib)}
    metadata: dict[str, Any] = {
        "features": census.FEATURES,
        "classes": census.CLASSES,
        "hyperparameters": hyperparameters,
        "training_records": len(labels),
        "training_records_of_class_1": int(labels.sum()),
        "versions": {"python": platform.python_version(), **versions},
    }
    (folder / "metadata.json").write_text(json.dumps(metadata, indent=2) + "\n", encoding="utf-8")
