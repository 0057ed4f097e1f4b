"""Reads the channels and the requests: CSV, libsvm and Parquet.

In a channel's CSV and Parquet, the first column is the label and there is no header
(https://docs.aws.amazon.com/sagemaker/latest/dg/xgboost.html#InputOutput-XGBoost).
"""

from __future__ import annotations

import csv
import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .errors import UserError

CSV, LIBSVM, PARQUET = "csv", "libsvm", "parquet"
_NAMES = {
    "csv": CSV,
    "text/csv": CSV,
    "libsvm": LIBSVM,
    "text/libsvm": LIBSVM,
    "text/x-libsvm": LIBSVM,
    "parquet": PARQUET,
    "application/x-parquet": PARQUET,
}
_DELIMITERS = ",\t; |"


def content_kind(content_type: str | None) -> str:
    """Returns ``csv``, ``libsvm`` or ``parquet``; libsvm for None, as in the container. Raises UserError."""
    if not content_type:
        return LIBSVM
    name, *parameters = (part.strip() for part in content_type.lower().split(";"))
    if name not in _NAMES:
        raise UserError(f"{content_type} is not an accepted ContentType here: {', '.join(_NAMES)}.")
    if any(part.startswith("label_size=") and part != "label_size=1" for part in parameters):
        raise UserError(f"{content_type} is not an accepted csv ContentType: label_size must be 1")
    return _NAMES[name]


def read_channel(folder: Path, kind: str, *, weights: bool) -> Any:
    """Reads all files of a channel into a DMatrix.

    Args:
        folder: the channel's folder.
        kind: ``csv``, ``libsvm`` or ``parquet``.
        weights: whether the second column of CSV has the instances' weights.

    Raises:
        UserError: there is no data, or it cannot be read; the message names the file.
    """
    files = [file for file in sorted(folder.rglob("*")) if file.is_file() and file.name[0] not in "._"]
    files = [file for file in files if file.stat().st_size]
    if not files:
        raise UserError(f"No data in {folder.name} channel path {folder}")
    if kind == LIBSVM:
        return _libsvm_matrix(line for file in files for line in _lines(file))
    tables = [_read_csv(file) if kind == CSV else _read_parquet(file) for file in files]
    numpy = importlib.import_module("numpy")
    if len({table.shape[1] for table in tables}) > 1:
        raise UserError(f"The files in {folder} do not have the same number of columns")
    table = numpy.vstack(tables)
    first = 2 if weights else 1
    if table.shape[1] <= first:
        raise UserError(f"{files[0].name} has {table.shape[1]} columns; expected the label first, then the features")
    options = {"weight": table[:, 1]} if weights else {}
    return _xgboost().DMatrix(table[:, first:], label=table[:, 0], **options)


def csv_request(text: str) -> Any:
    """Parses a request in CSV, without labels, into a DMatrix. Raises ValueError."""
    lines = text.strip().split("\n")
    delimiter = _delimiter(lines[0])
    rows = [[float(value) if value.strip() else float("nan") for value in line.split(delimiter)] for line in lines]
    return _xgboost().DMatrix(importlib.import_module("numpy").array(rows, dtype=float))


def libsvm_request(text: str, features: int) -> Any:
    """Parses a request in libsvm, with or without labels, into a DMatrix.

    Args:
        text: the request.
        features: the number of the model's features, to which the matrix is widened.

    Raises:
        ValueError: it is not libsvm.
    """
    return _xgboost().DMatrix(_sparse([_pairs(line.split()) for line in text.strip().split("\n")], features))


def _read_csv(file: Path) -> Any:
    pandas = importlib.import_module("pandas")
    with file.open(errors="replace") as stream:
        line = stream.readline()
    try:
        return pandas.read_csv(file, header=None, sep=_delimiter(line)).to_numpy(dtype=float)
    except ValueError as error:
        raise UserError(
            f"Failed to load csv data with exception:\n{file.name}: {error} (expected numbers only, the label first "
            f"and no header; the first line is {line[:50].strip()!r})"
        ) from error


def _read_parquet(file: Path) -> Any:
    pandas = importlib.import_module("pandas")
    try:
        return pandas.read_parquet(file).to_numpy(dtype=float)
    except ImportError as error:
        raise UserError(
            f"{file.name}: this image has no pyarrow on this machine, which Parquet needs; use text/csv or text/libsvm"
        ) from error
    except (ValueError, OSError) as error:
        raise UserError(f"Failed to load parquet data with exception:\n{file.name}: {error}") from error


def _delimiter(line: str) -> str:
    try:
        found = csv.Sniffer().sniff(line[:512]).delimiter
    except csv.Error:
        return ","  # a single column
    return found if found in _DELIMITERS else ","


def _lines(file: Path) -> Iterable[tuple[str, str]]:
    with file.open(errors="replace") as stream:
        for number, line in enumerate(stream, start=1):
            if line.strip():
                yield f"{file.name}:{number}", line


def _libsvm_matrix(lines: Iterable[tuple[str, str]]) -> Any:
    labels, weights, groups, rows = [], [], [], []
    for place, line in lines:
        words = line.partition("#")[0].split()
        try:
            label, _, weight = words[0].partition(":")
            labels.append(float(label))
            weights.append(float(weight) if weight else 1.0)
            rest = words[1:]
            if rest and rest[0].startswith("qid:"):
                groups.append(int(rest.pop(0)[len("qid:") :]))
            rows.append(_pairs(rest))
        except (ValueError, IndexError) as error:
            raise UserError(
                f"{place}: {line[:50].strip()!r}... is not 'LIBSVM' format. Expected <label>(:<weight>) <index>:<value>"
            ) from error
    matrix = _xgboost().DMatrix(_sparse(rows, 0), label=labels, weight=weights)
    if groups:
        matrix.set_info(qid=groups)
    return matrix


def _pairs(words: list[str]) -> list[tuple[int, float]]:
    """Parses ``index:value`` words; others, which are labels, only count at the start of a line."""
    pairs = []
    for position, word in enumerate(words):
        index, colon, value = word.partition(":")
        if colon:
            pairs.append((int(index), float(value)))
        elif position:
            raise ValueError(f"{word!r} is not <index>:<value>")
    return pairs


def _sparse(rows: list[list[tuple[int, float]]], features: int) -> Any:
    values = [value for row in rows for _, value in row]
    columns = [column for row in rows for column, _ in row]
    ends = [0]
    for row in rows:
        ends.append(ends[-1] + len(row))
    shape = (len(rows), max(features, max(columns, default=-1) + 1))
    return importlib.import_module("scipy.sparse").csr_matrix((values, columns, ends), shape=shape)


def _xgboost() -> Any:
    return importlib.import_module("xgboost")
