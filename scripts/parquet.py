"""Reads Parquet files as the texts that a CSV file of the same table has, a row group in parts at a time.

SageMaker's scikit-learn images have pyarrow. Importing it takes a quarter of a second, so only files of this kind do.
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
    """Yields the values of some columns as texts, empty for null, for some records at a time.

    Args:
        file: the file.
        columns: the positions of the columns in the file.
        records: how many to yield at a time, but for the last ones.

    Raises:
        JobError: the file cannot be read, or a column holds lists or other values that are no text.
    """
    with _opened(file) as opened:
        fields = [opened.schema_arrow.field(column) for column in columns]
        converted = records * max(1, VALUES // records // max(1, len(columns)))
        for batch in opened.iter_batches(batch_size=converted):
            texts = [_texts(file, field.name, batch.column(column)) for field, column in zip(fields, columns)]
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


def _texts(file: Path, name: str, column: Any) -> list[str]:
    """Converts values to the texts that pandas writes to CSV. Times are in UTC and whole seconds, enough for a date."""
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
        raise JobError(
            f"{file}: column {name!r} holds values of type {kind}, which are no texts or numbers; "
            "write the file without it, or with a column for each part of it"
        ) from error
