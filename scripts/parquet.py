"""Reads Parquet files as the texts that a CSV file of the same table has, a row group in parts at a time.

SageMaker's scikit-learn images have pyarrow. Importing it takes a quarter of a second, so only files of this kind do.
Its threads are not used: after a damaged part of a file, they can abort the process as it ends (pyarrow 14.0.1).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from job import JobError

SUFFIX = ".parquet"

# So many values are converted at a time.
VALUES = 200_000


def read_names(file: Path) -> list[str]:
    """Returns the names of a file's columns.

    Raises:
        JobError: the file cannot be read.
    """
    with _opened(file) as opened:
        return [str(name) for name in opened.schema_arrow.names]


def read_columns(file: Path, columns: list[int], records: int) -> Iterator[list[tuple[str, ...]]]:
    """Yields the values of some columns as texts, empty for null, for some records at a time. Reads no other columns.

    Args:
        file: the file.
        columns: the positions of the columns in the file.
        records: how many to yield at a time, but for the last ones.

    Raises:
        JobError: the file cannot be read, or a column holds lists or other values that are no text.
    """
    with _opened(file) as opened:
        names = [opened.schema_arrow.names[column] for column in columns]
        converted = records * max(1, VALUES // records // max(1, len(columns)))
        done = 0
        for batch in _batches(file, opened, names, converted):
            texts = [_texts(file, name, batch.column(batch.schema.get_field_index(name)), done) for name in names]
            done += batch.num_rows
            for start in range(0, batch.num_rows, records):
                yield [tuple(values[start : start + records]) for values in texts]


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    try:
        import pyarrow as pa  # noqa: PLC0415
        from pyarrow.parquet import ParquetFile  # noqa: PLC0415
    except ImportError as error:
        raise JobError(
            f"{file} is Parquet, which this image's packages cannot read; convert it to CSV: "
            f'pandas.read_parquet("{file.name}").to_csv("{file.stem}.csv.gz", index=False)'
        ) from error
    try:
        with file.open("rb") as binary:
            yield ParquetFile(binary)
    except (pa.ArrowException, OSError) as error:
        raise JobError(f"{file} cannot be read as Parquet: {' '.join(str(error).split())}") from error


def _batches(file: Path, opened: Any, names: list[str], rows: int) -> Iterator[Any]:
    """Yields some columns of so many rows at a time."""
    import pyarrow as pa  # noqa: PLC0415

    try:
        yield from opened.iter_batches(batch_size=rows, columns=names, use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise JobError(f"{file}{_damage(opened, names)} cannot be read: {' '.join(str(error).split())}") from error


def _damage(opened: Any, names: list[str]) -> str:
    """Says which of the columns cannot be read, and in which part of the file. Reads them one after the other."""
    groups = opened.metadata.num_row_groups
    parts = ((group, name) for group in range(groups) for name in names)
    damaged = next((part for part in parts if not _is_readable(opened, *part)), None)
    return f", column {damaged[1]!r} in row group {damaged[0] + 1} of {groups}," if damaged else ""


def _is_readable(opened: Any, group: int, name: str) -> bool:
    import pyarrow as pa  # noqa: PLC0415

    try:
        opened.read_row_group(group, columns=[name], use_threads=False)
    except (pa.ArrowException, OSError):
        return False
    return True


def _texts(file: Path, name: str, column: Any, before: int) -> list[str]:
    """Converts values to the texts that pandas writes to CSV. Times are in UTC and whole seconds, enough for a date.

    Args:
        file: for an error's message, as the others.
        name: the column's.
        column: some of its values.
        before: the number of rows before them.
    """
    import pyarrow as pa  # noqa: PLC0415

    kinds, kind = pa.types, column.type
    if kinds.is_dictionary(kind):
        column = column.dictionary_decode()
    if kinds.is_timestamp(kind):
        column = column.cast(pa.timestamp("s"), safe=False)
    if kinds.is_boolean(kind) or kinds.is_float64(kind):
        return ["" if value is None or value != value else str(value) for value in column.to_pylist()]  # noqa: PLR0124
    try:
        return [value or "" for value in column.cast(pa.string()).to_pylist()]
    except (pa.ArrowException, UnicodeError) as error:
        row = _first_broken(column)
        raise JobError(
            f"{file}: column {name!r} is of type {kind}, "
            + ("which is no text, number or date" if row is None else f"and row {before + row:,} is not UTF-8 text")
            + "; name the column in DROP, or write the file without it or with a column for each part of it"
        ) from error


def _first_broken(column: Any) -> int | None:
    """Returns the number, from 1, of the first value that is not UTF-8; None if they are neither bytes nor text."""
    for row, value in enumerate(column, start=1):
        if not hasattr(value, "as_buffer"):
            return None
        try:
            str(value.as_buffer() or b"", "utf-8")
        except UnicodeError:
            return row
    return None
