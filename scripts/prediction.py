"""What a fitted model predicts. Imports nothing that only training needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from schema import BINARY, REGRESSION, Schema

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

FILE = "model.joblib"


def schema_of(model: Pipeline) -> Schema:
    """Returns the schema that the model was trained with."""
    schema: Schema = model[0].schema
    return schema


def predict(model: Pipeline, rows: pd.DataFrame) -> np.ndarray:
    """Returns for each row the probability of class 1; that of each class, if there are several; or the number."""
    return predict_encoded(model, model[0].transform(rows))


def predict_encoded(model: Pipeline, encoded: np.ndarray) -> np.ndarray:
    """The same for rows that the model's encoder has encoded."""
    problem, trees = schema_of(model).problem, model[-1]
    found = trees.predict(encoded) if problem == REGRESSION else trees.predict_proba(encoded)
    return np.asarray(found[:, 1] if problem == BINARY else found)
