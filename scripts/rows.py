"""Reads raw rows: the CSV without a header that the model takes in training, evaluation and serving."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd

import census
from job import JobError


def read_rows(source: Path | IO[str] | IO[bytes]) -> pd.DataFrame:
    """Reads a CSV without a header, with the columns of ``census.FEATURES`` in that order.

    Args:
        source: a file, or a stream of text or of UTF-8 bytes. Its values need not be cleaned.

    Returns:
        One line per row and one column per feature, each of pandas' type ``category`` with cleaned strings, so that
        later steps process each distinct value once instead of millions of cells.

    Raises:
        ValueError: there are no rows, or a row has the wrong number of values.
    """
    expected = len(census.FEATURES)
    try:
        # na_filter=False leaves values unchanged; low_memory=False reads the file in one piece.
        rows = pd.read_csv(source, header=None, dtype="category", na_filter=False, low_memory=False)
    except pd.errors.EmptyDataError as error:
        raise ValueError("there are no rows") from error
    except pd.errors.ParserError as error:
        raise ValueError(f"expected {expected} values in each row: {error}") from error
    if len(rows.columns) != expected:
        raise ValueError(f"row 1 has {len(rows.columns)} values, expected {expected}")
    rows.columns = list(census.FEATURES)
    for name in census.FEATURES:
        rows[name] = _cleaned(name, rows[name])
    _reject_short_rows(rows)
    return rows


def read_labelled_rows(folder: Path, side: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Reads the rows of one side of the split and their labels, 0 or 1, as written by preprocessing.

    Args:
        folder: the folder with ``<side>_features.csv`` and ``<side>_labels.csv``.
        side: ``train`` or ``test``.

    Raises:
        JobError: a file is missing or malformed, their lengths differ, or there is only one class.
    """
    features_file, labels_file = folder / f"{side}_features.csv", folder / f"{side}_labels.csv"
    for file in (features_file, labels_file):
        if not file.is_file():
            raise JobError(f"no {file.name} in {folder}")
    try:
        rows = read_rows(features_file)
    except ValueError as error:
        raise JobError(f"{features_file}: {error}") from error
    texts = labels_file.read_text(encoding="utf-8").split()
    if set(texts) != {"0", "1"}:
        raise JobError(f"{labels_file} holds {', '.join(sorted(set(texts))) or 'nothing'}, expected both 0 and 1")
    if len(texts) != len(rows):
        raise JobError(f"{len(texts):,} labels in {labels_file}, but {len(rows):,} rows in {features_file}")
    return rows, np.array(texts, dtype=np.int8)


def _cleaned(name: str, column: pd.Series) -> pd.Series:
    """Returns the column with cleaned strings as categories."""
    # If all categories look like numbers, newer versions of pandas parse them as such, older ones never do.
    clean = [census.clean(str(value)) for value in column.cat.categories]
    if name not in census.NUMERIC:
        clean = [census.category(value) for value in clean]
    if len(set(clean)) == len(clean):
        return column.cat.rename_categories(clean)
    return column.map(dict(zip(column.cat.categories, clean))).astype("category")  # noqa: B905 - Python 3.8


def _reject_short_rows(rows: pd.DataFrame) -> None:
    """Detects short rows, which pandas pads with empty values: the last feature, the survey's year, is always known."""
    last = census.FEATURES[-1]
    empty = rows[last] == ""
    if empty.any():
        number = int(empty.to_numpy().argmax()) + 1
        raise ValueError(
            f"row {number} has fewer than {len(census.FEATURES)} values, or its last one, {last!r}, is empty"
        )
