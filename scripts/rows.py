"""Reads raw rows, the CSV without a header that the model takes in training, in evaluation and when it serves."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd

import census
from job import JobError


def read_rows(source: Path | IO[str] | IO[bytes]) -> pd.DataFrame:
    """The rows of a CSV without a header, whose columns are those of ``census.FEATURES`` in that order.

    Args:
        source: a file, or a stream of text or of UTF-8 bytes. Its values need not be cleaned.

    Returns:
        One line per row and one column per feature, each of pandas' type ``category`` with cleaned strings: whatever is
        done to a value after this is done once for each distinct value instead of for millions of cells.

    Raises:
        ValueError: there is no row, or a row has not as many values as there are features.
    """
    expected = len(census.FEATURES)
    try:
        # na_filter=False leaves every value as it was written; low_memory=False reads the file in one piece.
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
    _refuse_short_rows(rows)
    return rows


def read_labelled_rows(folder: Path, side: str) -> tuple[pd.DataFrame, np.ndarray]:
    """The rows of one side of the split and their labels, 0 or 1, as preprocessing has written them.

    Args:
        folder: where ``<side>_features.csv`` and ``<side>_labels.csv`` are.
        side: ``train`` or ``test``.

    Raises:
        JobError: a file is missing or malformed, the two do not fit each other, or there is only one class.
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
    """The column with clean strings for categories."""
    # Newer versions of pandas take categories for numbers where all of a file's look like it, older ones never do.
    clean = [census.clean(str(value)) for value in column.cat.categories]
    if name not in census.NUMERIC:
        clean = [census.category(value) for value in clean]
    if len(set(clean)) == len(clean):
        return column.cat.rename_categories(clean)
    return column.map(dict(zip(column.cat.categories, clean))).astype("category")  # noqa: B905 - Python 3.8


def _refuse_short_rows(rows: pd.DataFrame) -> None:
    """Pandas fills up a short row with empty values. The last feature, the survey's year, is never unknown."""
    last = census.FEATURES[-1]
    empty = rows[last] == ""
    if empty.any():
        number = int(empty.to_numpy().argmax()) + 1
        raise ValueError(
            f"row {number} has fewer than {len(census.FEATURES)} values, or its last one, {last!r}, is empty"
        )
