"""Encodes raw rows as numbers. The encoder is part of the model, so that serving encodes rows as training did."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import Pipeline, make_pipeline

from columns import DATE, NUMBER, TEXT, Feature
from schema import MULTICLASS, Schema
from values import UNKNOWN, date

# Training records' categories are encoded by the labels of the other parts, of so many; those that are so frequent that
# a record's own label does not show, by the labels of all.
PARTS = 5
FREQUENT = 1000

TEXT_COLUMNS = 16
SECONDS_PER_DAY = 24 * 3600


class RowEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """Encodes each value as one or several numbers, with NaN for "unknown".

    - A number stays one.
    - A category becomes the mean of the label among its training records, so that one split separates categories with
      a high mean from those with a low one; with several classes, the share of each. scikit-learn's trees can order
      categories themselves (https://scikit-learn.org/stable/modules/ensemble.html, "Categorical Features Support"), but
      support at most 255 of them. A category not seen in training is unknown.
    - A date becomes its day, counted from 1970, its month, its day of the week and, if it has a time, its hour.
    - A text becomes 16 numbers: latent semantic analysis of its words
      (https://scikit-learn.org/stable/modules/decomposition.html#truncated-singular-value-decomposition-and-latent-semantic-analysis).

    Args:
        schema: the features and what is predicted.
        prior_records: smooths a category's mean as if this many additional records had the overall mean, so that
            categories with few records carry little weight.
    """

    def __init__(self, schema: Schema, prior_records: float = 10.0) -> None:
        self.schema = schema
        self.prior_records = prior_records

    def fit(self, rows: pd.DataFrame, labels: np.ndarray) -> RowEncoder:
        """Learns the categories' means and the texts' words.

        Args:
            rows: as returned by ``rows.read_rows``.
            labels: for each row the number of its class, or the number to predict.
        """
        self._learn(rows, labels)
        return self

    def fit_transform(self, rows: pd.DataFrame, labels: np.ndarray) -> np.ndarray:
        """Learns, and encodes the training rows.

        A category that is not frequent is encoded without the labels of a fifth of the rows, its own included:
        otherwise the model would read the label from a rare category.
        """
        return self._encode(rows, self._learn(rows, labels))

    def transform(self, rows: pd.DataFrame) -> np.ndarray:
        """Encodes the rows.

        Raises:
            ValueError: a date has another form than in training.
        """
        return self._encode(rows, {})

    def columns_of(self, name: str) -> slice:
        """Returns the encoded columns of a feature."""
        return self.columns_[name]

    def _learn(self, rows: pd.DataFrame, labels: np.ndarray) -> dict[str, np.ndarray]:
        """Learns, and returns the encoded categories of the training rows."""
        several = self.schema.problem == MULTICLASS
        targets = (
            np.eye(len(self.schema.classes or ()))[labels] if several else np.asarray(labels, dtype=float)[:, None]
        )
        part = np.random.RandomState(0).randint(PARTS, size=len(rows))
        self.means_: dict[str, dict[str, np.ndarray]] = {}
        self.texts_: dict[str, Pipeline | None] = {}
        self.columns_: dict[str, slice] = {}
        encoded, start = {}, 0
        for feature in self.schema.features:
            width = {NUMBER: 1, DATE: len(_date(feature, ""))}.get(feature.type, targets.shape[1])
            if feature.type == TEXT:
                self.texts_[feature.name], width = _words(rows[feature.name])
            elif feature.type not in (NUMBER, DATE):
                encoded[feature.name] = self._means(feature.name, rows[feature.name], targets, part)
            self.columns_[feature.name] = slice(start, start + width)
            start += width
        return encoded

    def _means(self, name: str, column: pd.Series, targets: np.ndarray, part: np.ndarray) -> np.ndarray:
        """Learns the means of a category, and returns them for the training rows, each from the other parts."""
        codes, values = column.cat.codes.to_numpy().astype(np.int64), column.cat.categories
        cells, shape = codes * PARTS + part, (len(values), PARTS)
        records = np.bincount(cells, minlength=len(values) * PARTS).reshape(shape)
        others = records.sum(axis=1, keepdims=True) - records
        whole, encoded = np.empty((len(values), targets.shape[1])), np.empty((len(codes), targets.shape[1]))
        for number, target in enumerate(targets.T):
            sums = np.bincount(cells, weights=target, minlength=len(values) * PARTS).reshape(shape)
            prior = self.prior_records * target.mean()
            total = sums.sum(axis=1)
            whole[:, number] = (total + prior) / (records.sum(axis=1) + self.prior_records)
            of_others = (total[:, None] - sums + prior) / (others + self.prior_records)
            of_others = np.where(records.sum(axis=1, keepdims=True) >= FREQUENT, whole[:, [number]], of_others)
            of_others[values == ""] = np.nan
            encoded[:, number] = of_others.ravel()[cells]
        self.means_[name] = {value: mean for value, mean in zip(values, whole) if value}
        return encoded

    def _encode(self, rows: pd.DataFrame, known: dict[str, np.ndarray]) -> np.ndarray:
        width = max(columns.stop for columns in self.columns_.values())
        numbers = np.empty((len(rows), width), order="F")  # column-major, as written here and read by the trees
        for feature in self.schema.features:
            column, columns = rows[feature.name], self.columns_[feature.name]
            if feature.type == NUMBER:
                numbers[:, columns] = column.to_numpy()[:, None]
            elif feature.name in known:
                numbers[:, columns] = known[feature.name]
            else:
                codes, values = column.cat.codes.to_numpy(), column.cat.categories
                numbers[:, columns] = self._table(feature, values, columns.stop - columns.start)[codes]
        return numbers

    def _table(self, feature: Feature, values: Any, width: int) -> np.ndarray:
        """Encodes the distinct values of a column."""
        if feature.type == DATE:
            return np.array([_date(feature, value) for value in values]).reshape(-1, width)
        if feature.type == TEXT:
            words = self.texts_[feature.name]
            return np.zeros((len(values), width)) if words is None else np.asarray(words.transform(list(values)))
        means, unknown = self.means_[feature.name], np.full(width, np.nan)
        return np.array([means.get(value, unknown) for value in values]).reshape(-1, width)


def _date(feature: Feature, value: str) -> tuple[float, ...]:
    form = feature.format or ""
    has_hour = "%H" in form or "%I" in form
    if value.lower() in UNKNOWN:
        return (np.nan,) * (3 + has_hour)
    found = date(value, form)
    if found is None:
        raise ValueError(f"{feature.name!r} is {value!r}, expected a date as in training, {feature.format}")
    encoded = found.timestamp() / SECONDS_PER_DAY, float(found.month), float(found.weekday())
    return (*encoded, float(found.hour)) if has_hour else encoded


def _words(column: pd.Series) -> tuple[Pipeline | None, int]:
    """Returns what turns a text into numbers, and how many; None if the texts share no words."""
    texts = column.astype(str).tolist()
    try:
        words = TfidfVectorizer(sublinear_tf=True, min_df=2, max_features=20_000, strip_accents="unicode")
        width = min(TEXT_COLUMNS, words.fit_transform(texts).shape[1] - 1)
    except ValueError:  # no word occurs twice
        return None, 1
    if width < 1:
        return None, 1
    return make_pipeline(words, TruncatedSVD(width, random_state=0)).fit(texts), width
