"""Reads a user's table with the scripts that will read it, and writes a part of it as one CSV file.

A program of its own, which :mod:`repository.table` runs with the packages of the jobs' image and ``scripts/`` on its
path: ``sample_table.py TABLE LABEL FILE CHARACTERS``. It prints ``{"label": NAME, "every": NUMBER}`` or
``{"error": TEXT}`` as JSON.
"""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from job import JobError
from options import Options, listed
from preprocessing import FEWEST
from schema import label_value
from tables import Table
from values import Once

DISTINCT = 1_000
"""So many distinct labels are kept."""


def sample(path: Path, label: str, file: Path, most: int) -> dict[str, Any]:
    """Writes every record of a table, or one of two, four, ... from the first to the last.

    Args:
        path: a file, or a folder with files.
        label: the column to predict.
        file: the CSV file to write.
        most: how many characters it may have.

    Returns:
        The label's column, and of how many records the file has one.

    Raises:
        JobError: the table cannot be read, has no such column, or too little to learn from.
    """
    table = Table.below(path)
    if not label:
        raise JobError(f"--data needs --label, the column to predict: {listed(table.columns, 10)}")
    column = Options.read({"LABEL": label}, table).label
    lines: list[str] = []
    writer = csv.writer(SimpleNamespace(write=lines.append), lineterminator="\n")
    every, number, size = 1, 0, 0
    position, once = table.columns.index(column), Once(label_value, DISTINCT)
    labels: Counter[str] = Counter()
    for batch in table.batches(table.columns):
        labels.update("known" if value else "" for value in map(once.__getitem__, batch[position]))
        for record in zip(*batch):  # noqa: B905 - the images have Python 3.9
            if number % every == 0:
                writer.writerow(record)
                size += len(lines[-1])
            number += 1
        while size > most and len(lines) > 1:
            del lines[1::2]
            every, size = every * 2, sum(map(len, lines))
    _check(path, column, labels["known"], {value for value in once.values() if value})
    with file.open("w", encoding="utf-8", newline="") as output:
        csv.writer(output, lineterminator="\n").writerow(table.columns)
        output.writelines(lines)
    return {"label": column, "every": every}


def _check(path: Path, label: str, records: int, values: set[str]) -> None:
    """Checks that there is enough to learn from, as preprocessing will, which needs records on both sides."""
    if records < 2 * FEWEST:
        raise JobError(f"{path}: {records} records have a {label!r}, too few to learn from; need at least {2 * FEWEST}")
    if len(values) < 2:  # noqa: PLR2004
        raise JobError(f"{path}: {label!r} is {min(values)!r} in all {records:,} records: need two values")


def main() -> None:
    """Reads the arguments, and prints the outcome."""
    path, label, file, most = sys.argv[1:]
    try:
        outcome = sample(Path(path), label, Path(file), int(most))
    except JobError as error:
        outcome = {"error": str(error)}
    print(json.dumps(outcome))  # noqa: T201 - this is how it answers


if __name__ == "__main__":
    main()
