"""Prepares a CSV file of records for monitoring's job: rows without a header, with the baseline's features in order."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from executions.errors import ExecutionsError

_NAMED = 5
"""The maximum number of features in an error message."""


def write_rows(file: Path, features: Sequence[str], into: TextIO) -> int:
    """Writes the file's records as the endpoint is asked.

    A first line that names features is a header: columns that are no features, such as the label, are left out.
    Without a header, the values must be the features, in order.

    Args:
        file: a CSV file.
        features: the baseline's.
        into: opened with ``newline=""``.

    Returns:
        The number of records.

    Raises:
        ExecutionsError: the file has no records or is no CSV, a feature is missing, or a row has the wrong number of
            values.
    """
    rows = csv.writer(into, lineterminator="\n")
    count = 0
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            lines = csv.reader(text, skipinitialspace=True)
            first = next((line for line in lines if line), [])
            columns = _columns(file, [name.strip() for name in first], features)
            if columns is None:
                rows.writerow(first)
                count += 1
            for line in (line for line in lines if line):
                if len(line) != len(first):
                    message = f"expected {len(first)} values, found {len(line)}"
                    raise ExecutionsError(f"{file}, line {lines.line_num}: {message}")
                rows.writerow(line if columns is None else [line[column] for column in columns])
                count += 1
    except (UnicodeDecodeError, csv.Error) as error:
        raise ExecutionsError(f"{file} is not a CSV file in UTF-8: {error}") from error
    if not count:
        raise ExecutionsError(f"{file} has no records")
    return count


def _columns(file: Path, names: list[str], features: Sequence[str]) -> list[int] | None:
    """Returns the column of each feature; None if the first line is no header."""
    missing = [feature for feature in features if feature not in names]
    if not missing:
        return [names.index(feature) for feature in features]
    if len(missing) == len(features) == len(names):
        return None
    if not names:
        raise ExecutionsError(f"{file} has no records")
    listed = ", ".join(missing[:_NAMED]) + (f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else "")
    raise ExecutionsError(
        f"{file}: line 1 has {len(names)} values and does not name {listed}; expected a header with all of the "
        f"baseline's {len(features)} features, or {len(features)} values on each line and no header"
    )
