"""Reads raw rows: the CSV without a header that the model takes in training, evaluation and serving."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import numpy as np
import pandas as pd

from columns import CATEGORY, NUMBER
from job import JobError
from schema import Schema
from values import UNKNOWN, category, clean, number

# The ways to say "unknown" that pandas is to read as such in a column of numbers, which it compares exactly.
_UNKNOWN = [spelled for word in (*UNKNOWN, "?") for spelled in {word, word.upper(), word.title(), "NaN", "None"}]


def read_rows(source: Path | str | bytes, schema: Schema) -> pd.DataFrame:
    """Reads a CSV without a header, with the features of the schema in their order.

    Args:
        source: a file, or its content. Its values need not be cleaned.
        schema: that of the model.

    Returns:
        One line per row and one column per feature: numbers as floats, NaN for "unknown"; of all other types pandas'
        ``category`` with cleaned strings, so that later steps process each distinct value once.

    Raises:
        ValueError: there are no rows, a row has the wrong number of values, or a value of a number is none.
    """
    source = source.encode() if isinstance(source, str) else source
    features = schema.features
    numbers = [position for position, feature in enumerate(features) if feature.type == NUMBER]
    try:
        rows = pd.read_csv(
            source if isinstance(source, Path) else io.BytesIO(source),
            header=None,
            dtype={position: float if position in numbers else "category" for position in range(len(features))},
            na_values=dict.fromkeys(numbers, _UNKNOWN),
            keep_default_na=False,
            skipinitialspace=True,
            # By default, the last bit of every third number with 16 digits is wrong. If many records had the lowest
            # value, all of them could fall below the baseline's.
            float_precision="round_trip",
        )
    except pd.errors.EmptyDataError as error:
        raise ValueError("there are no rows") from error
    except pd.errors.ParserError as error:
        raise ValueError(f"expected {len(features)} values in each row: {error}") from error
    except ValueError as error:
        _check(source, schema)
        raise ValueError(str(error)) from error
    if len(rows.columns) != len(features):
        raise ValueError(f"row 1: expected {len(features)} values, found {len(rows.columns)}")
    last = rows.iloc[:, -1]
    if (last.isna() if features[-1].type == NUMBER else last == "").any():
        _check(source, schema)  # pandas fills up short rows
    rows.columns = schema.names
    for feature in features:
        if feature.type != NUMBER:
            rows[feature.name] = cleaned(rows[feature.name], feature.type)
    return rows


def _check(source: Path | bytes, schema: Schema) -> None:
    """Names the first row that has the wrong number of values, or a value that is not a number."""
    with _lines(source) as lines:
        rows = (row for row in csv.reader(lines, skipinitialspace=True) if row)
        for line, row in enumerate(rows, start=1):
            if len(row) != len(schema.features):
                raise ValueError(f"row {line}: expected {len(schema.features)} values, found {len(row)}")
            for feature, value in zip(schema.features, map(clean, row)):
                if feature.type == NUMBER and value.lower() not in UNKNOWN and number(value) is None:
                    raise ValueError(f"row {line}: {feature.name!r} is {value!r}, expected a number")


@contextmanager
def _lines(source: Path | bytes) -> Iterator[TextIO]:
    binary = source.open("rb") if isinstance(source, Path) else io.BytesIO(source)
    with io.TextIOWrapper(binary, encoding="utf-8", newline="") as lines:
        yield lines


def cleaned(column: pd.Series, kind: str) -> pd.Series:
    """Returns a feature's column with cleaned strings as categories; a number's unknown values are empty."""
    # If all categories look like numbers, newer versions of pandas parse them as such, older ones never do.
    clean_values = [clean(str(value)) for value in column.cat.categories]
    if kind == CATEGORY:
        clean_values = [category(value) for value in clean_values]
    if kind == NUMBER:
        clean_values = ["" if value.lower() in UNKNOWN else value for value in clean_values]
    if len(set(clean_values)) == len(clean_values):
        return column.cat.rename_categories(clean_values)
    return column.map(dict(zip(column.cat.categories, clean_values))).astype("category")


def read_labelled_rows(folder: Path, side: str) -> tuple[Schema, pd.DataFrame, np.ndarray]:
    """Reads the schema, the rows of one side of the split and their labels, as written by preprocessing.

    Args:
        folder: the folder with ``schema.json``, ``<side>_features.csv`` and ``<side>_labels.csv``.
        side: ``train`` or ``test``.

    Returns:
        The schema; the rows; and the labels: classes by their number, or the numbers to predict.

    Raises:
        JobError: a file is missing or malformed, or their lengths differ.
    """
    features_file, labels_file = folder / f"{side}_features.csv", folder / f"{side}_labels.csv"
    for file in (features_file, labels_file):
        if not file.is_file():
            raise JobError(f"no {file.name} in {folder}")
    schema = Schema.read(folder)
    try:
        rows = read_rows(features_file, schema)
    except ValueError as error:
        raise JobError(f"{features_file}: {error}") from error
    labels = _labels(labels_file, schema)
    if len(labels) != len(rows):
        raise JobError(f"{len(labels):,} labels in {labels_file}, but {len(rows):,} rows in {features_file}")
    return schema, rows, labels


def _labels(file: Path, schema: Schema) -> np.ndarray:
    texts = file.read_text(encoding="utf-8").split()
    if schema.classes is None:
        wrong = next((text for text in texts if number(text) is None), None)
        if wrong is not None or not texts:
            raise JobError(f"{file} holds {'nothing' if wrong is None else repr(wrong)}, expected numbers")
        return np.array(texts, dtype=float)
    allowed = {str(index) for index in range(len(schema.classes))}
    found = set(texts)
    if not found <= allowed or len(found) < 2:  # noqa: PLR2004 - one class
        expected = "both 0 and 1" if len(allowed) == 2 else f"numbers from 0 to {len(allowed) - 1}"  # noqa: PLR2004
        raise JobError(f"{file} holds {', '.join(sorted(found)[:20]) or 'nothing'}, expected {expected}")
    return np.array(texts, dtype=np.int8)
