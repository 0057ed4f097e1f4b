"""Judges windows of unseen records, with and without drift, and prints how many were found to drift, as JSON.

Each split holds out some of the records at random and gives the others to the pipeline: sides by the hash of the
record, a model trained on one, the baseline of both. Windows are drawn from those held out. The arguments are a folder
with the files that preprocessing writes, and the number of splits.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

import baseline
import model
import monitoring
import prediction
from columns import NUMBER
from late_quality import quality_of
from record_statistics import RecordStatistics
from rows import read_labelled_rows
from schema import Schema
from train import HYPERPARAMETERS

SIZES = (500, 5_000, 40_000)
HELD_OUT = 45_000
WINDOWS = 200
SHIFTED_SIZE = 5_000
SHIFTED = 100
POINTS = 0.1
WRONG = 0.2
MOVED = 0.25
MORE_MISSING = 0.05
LEAST_SHARE, MOST_SHARE = 0.05, 0.5

Window = tuple[pd.DataFrame, np.ndarray, np.ndarray]
"""Records, their scores and their labels."""


def all_records(folder: Path) -> tuple[Schema, pd.DataFrame, np.ndarray]:
    """Returns the records of both sides."""
    read = [read_labelled_rows(folder / side, side) for side in ("train", "test")]
    rows = pd.concat([rows for _, rows, _ in read], ignore_index=True)
    for feature in read[0][0].features:
        if feature.type != NUMBER:
            rows[feature.name] = rows[feature.name].astype("category")
    return read[0][0], rows, np.concatenate([labels for _, _, labels in read])


class Split:
    """One split of the records, its model and its baseline."""

    def __init__(self, schema: Schema, rows: pd.DataFrame, labels: np.ndarray, seed: int) -> None:
        self.schema = schema
        self.random = np.random.default_rng(seed)
        order = self.random.permutation(len(rows))
        held, given = rows.iloc[order[:HELD_OUT]], rows.iloc[order[HELD_OUT:]]
        same = pd.util.hash_pandas_object(given, index=False, hash_key=f"{seed:016}")
        is_test = same.to_numpy() % 5 == 0
        hyperparameters = {name: one.default for name, one in HYPERPARAMETERS.items()}
        fitted = model.fit(schema, given[~is_test], labels[order[HELD_OUT:]][~is_test], hyperparameters)
        with TemporaryDirectory() as folder:
            test = given[is_test]
            predictions = prediction.predict(fitted, test)
            of_test = labels[order[HELD_OUT:]][is_test]
            baseline.write(
                Path(folder), schema, train=given[~is_test], test=test, labels=of_test, predictions=predictions
            )
            self.baseline = baseline.read(Path(folder))
        self.held = held.reset_index(drop=True)
        self.labels = labels[order[:HELD_OUT]]
        self.scores = prediction.predict(fitted, self.held)

    def window(self, size: int) -> Window:
        """Returns unseen records."""
        drawn = self.random.permutation(HELD_OUT)[:size]
        return self.held.iloc[drawn].reset_index(drop=True), self.scores[drawn], self.labels[drawn]

    def drifted(self, window: Window) -> list[str]:
        """Returns the features and the metrics that are found to drift."""
        rows, scores, labels = window
        answers = {"probability": scores}
        described = RecordStatistics(self.baseline.features, seed=1)
        described.add(rows, answers)
        quality = quality_of(self.schema.label, self.schema.problem, self.schema.classes, labels, answers)
        statistics = dict(described.statistics(), quality=quality)
        return [check.feature for check in monitoring.judge(statistics, self.baseline, 1)[1]]

    def shifted(self) -> Iterator[tuple[str, str, Window]]:
        """Yields windows with a shift: its name, the feature and the window."""
        rows, scores, labels = self.window(SHIFTED_SIZE)
        name, moved = self._moved(rows)
        yield "moved", name, (moved, scores, labels)
        name, doubled = self._doubled(rows)
        yield "doubled", name, (doubled, scores, labels)
        name, missing = self._missing(rows)
        yield "missing", name, (missing, scores, labels)
        yield "points", "probability", (rows, np.minimum(scores + POINTS, 1), labels)
        yield "times", "probability", (rows, np.minimum(scores * (1 + POINTS), 1), labels)
        yield "uncalibrated", "calibration", (rows, np.minimum(scores + POINTS, 1), labels)
        worse = scores.copy()
        mixed = self.random.permutation(len(scores))[: int(WRONG * len(scores))]
        worse[mixed] = worse[self.random.permutation(mixed)]
        yield "worse", "auc", (rows, worse, labels)

    def _moved(self, rows: pd.DataFrame) -> tuple[str, pd.DataFrame]:
        entry = self.random.choice([e for e in self.baseline.statistics["features"] if "numerical_statistics" in e])
        name = entry["name"]
        return name, rows.assign(**{name: rows[name] + MOVED * entry["numerical_statistics"]["std_dev"]})

    def _doubled(self, rows: pd.DataFrame) -> tuple[str, pd.DataFrame]:
        names = [feature.name for feature in self.schema.features if feature.type != NUMBER]
        while True:
            name = str(self.random.choice(names))
            shares = rows[name].value_counts(normalize=True)
            common = shares[(shares >= LEAST_SHARE) & (shares < MOST_SHARE) & (shares.index != "")]
            if len(common):
                break
        value = self.random.choice(common.index.to_numpy())
        values = rows[name].astype(object).to_numpy().copy()
        others = np.flatnonzero(values != value)
        values[self.random.permutation(others)[: int((values == value).sum())]] = value
        return name, rows.assign(**{name: pd.Series(values).astype("category")})

    def _missing(self, rows: pd.DataFrame) -> tuple[str, pd.DataFrame]:
        feature = self.random.choice(np.array(self.schema.names))
        values = rows[feature].astype(object).to_numpy().copy()
        is_number = rows[feature].dtype.kind == "f"
        there = np.flatnonzero(~pd.isna(values)) if is_number else np.flatnonzero(values != "")
        values[self.random.permutation(there)[: int(MORE_MISSING * len(rows))]] = np.nan if is_number else ""
        return str(feature), rows.assign(**{feature: pd.Series(values).astype(float if is_number else "category")})


def main(folder: Path, splits: int) -> None:
    """Judges the windows of all splits."""
    schema, rows, labels = all_records(folder)
    found: Counter[str] = Counter()
    for seed in range(splits):
        split = Split(schema, rows, labels, seed)
        for size in SIZES:
            for _ in range(WINDOWS // splits):
                found[f"false_{size}"] += bool(split.drifted(split.window(size)))
        for _ in range(SHIFTED // splits):
            for shift, feature, window in split.shifted():
                found[f"missed_{shift}"] += feature not in split.drifted(window)
    names: list[Any] = [f"false_{size}" for size in SIZES]
    names += [
        f"missed_{shift}" for shift in ("moved", "doubled", "missing", "points", "times", "uncalibrated", "worse")
    ]
    print(json.dumps({name: found[name] for name in names}))  # noqa: T201 - the program's result


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
