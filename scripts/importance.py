"""What a model's features are worth, alone and within the model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeRegressor

from encoder import RowEncoder
from prediction import predict, predict_encoded, schema_of
from quality import as_targets, skill
from quality_binary import roc_auc
from schema import BINARY, Schema

# So many records are shuffled; of more than 100 features fewer, since all are predicted anew for each feature.
SHUFFLED, FEWEST_SHUFFLED = 2_000, 500
PREDICTED = 200_000

# So many records are tried with a column alone.
TRIED = 5_000

# Predictions of shuffled records are made for about so many encoded values together.
TOGETHER = 500_000

# The training metric is computed on this many of the first records.
SAMPLED = 20_000

# A column that saves this share of the best constant's error by itself probably has the label in it.
SUSPICIOUS = 0.95


def permutation_importance(model: Pipeline, rows: pd.DataFrame, labels: np.ndarray) -> dict[str, Any]:
    """Returns how much worse the model is on unseen records when a feature's values are shuffled among them.

    That is the permutation importance (https://scikit-learn.org/stable/modules/permutation_importance.html). The rows
    are encoded once, and the encoded columns of a feature are shuffled together.

    Returns:
        The ``metric``, its ``value``, the number of ``records``, and for each of the ``features`` its ``name`` and
        ``importance``, the most important first.
    """
    schema = schema_of(model)
    random = np.random.RandomState(0)
    most = min(SHUFFLED, max(FEWEST_SHUFFLED, PREDICTED // len(schema.features)))
    chosen = np.sort(random.permutation(len(labels))[:most])
    # By rows, as they are chosen from below.
    encoded, true = np.ascontiguousarray(model[0].transform(rows.iloc[chosen])), labels[chosen]
    predictions = predict_encoded(model, encoded)
    name = _metric(schema, true)
    value = _quality(name, schema, true, predictions)
    columns = [model[0].columns_of(feature.name) for feature in schema.features]
    shuffled = _shuffled_predictions(model, encoded, predictions, columns, random.permutation(len(chosen)))
    losses = [value - _quality(name, schema, true, worse) for worse in shuffled]
    found = sorted(zip(schema.names, losses), key=lambda pair: -pair[1])
    features = [{"name": feature, "importance": loss} for feature, loss in found]
    return {"metric": name, "value": value, "records": len(chosen), "features": features}


def _shuffled_predictions(
    model: Pipeline, encoded: np.ndarray, predictions: np.ndarray, features: list[slice], order: np.ndarray
) -> Iterator[np.ndarray]:
    """Yields the predictions with each feature's columns in another order.

    Where that changes no value of a record, its prediction stays; those of several features are made together. In both
    ways together, this takes a third of the time.
    """
    waiting: list[tuple[np.ndarray, np.ndarray]] = []  # which records change, and what they change to
    for number, columns in enumerate(features, start=1):
        before, after = encoded[:, columns], encoded[order, columns]
        is_same = (before == after) | (np.isnan(before) & np.isnan(after))
        changed = np.flatnonzero(~is_same.all(axis=1))
        rows = encoded[changed]
        rows[:, columns] = after[changed]
        waiting.append((changed, rows))
        if number == len(features) or sum(rows.size for _, rows in waiting) > TOGETHER:
            together = np.concatenate([rows for _, rows in waiting])
            found = predict_encoded(model, together) if len(together) else predictions
            for changed, _ in waiting:
                made = predictions.copy()
                made[changed], found = found[: len(changed)], found[len(changed) :]
                yield made
            waiting = []


def sample_quality(model: Pipeline, rows: pd.DataFrame, labels: np.ndarray) -> tuple[str, float]:
    """Returns the name and the value of the model's main metric on some of the rows: enough for two reliable digits."""
    schema, sample, true = schema_of(model), rows[:SAMPLED], labels[:SAMPLED]
    name = _metric(schema, true)
    return name, _quality(name, schema, true, predict(model, sample))


def _metric(schema: Schema, labels: np.ndarray) -> str:
    return "auc" if schema.problem == BINARY and 0 < labels.sum() < len(labels) else "skill"


def _quality(name: str, schema: Schema, labels: np.ndarray, predictions: np.ndarray) -> float:
    return roc_auc(labels, predictions)[0] if name == "auc" else skill(as_targets(schema, labels), predictions)[0]


def leaks(model: Pipeline, rows: pd.DataFrame, labels: np.ndarray) -> list[tuple[str, float]]:
    """Returns the features that predict the label alone, each with its skill: twins of the label, usually.

    A small tree of one feature is fitted on half of some training records, and judged on the other half. The categories
    are encoded anew: in the model's encoder, a category of few records tells their labels.
    """
    schema = schema_of(model)
    chosen = np.random.RandomState(0).permutation(len(labels))[:TRIED]
    learnt, judged = np.array_split(chosen, 2)
    encoder = RowEncoder(schema)
    encoded = np.nan_to_num(encoder.fit_transform(rows.iloc[learnt], labels[learnt]), nan=-1e30)
    unseen = np.nan_to_num(encoder.transform(rows.iloc[judged]), nan=-1e30)
    targets, true = as_targets(schema, labels[learnt]), as_targets(schema, labels[judged])
    found = []
    for feature in schema.features:
        columns = encoder.columns_of(feature.name)
        tree = DecisionTreeRegressor(max_leaf_nodes=max(8, 4 * len(schema.classes or ())) if schema.classes else 200)
        value = skill(true, tree.fit(encoded[:, columns], targets).predict(unseen[:, columns]))[0]
        if value >= SUSPICIOUS:
            found.append((feature.name, value))
    return found
