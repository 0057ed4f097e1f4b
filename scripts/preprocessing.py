"""Processing job: cleans the census records and splits them into train and test files.

Reads every CSV file under ``/opt/ml/processing/input``. Writes, without headers because batch transform takes each line
for a record, ``train_features.csv`` and ``train_labels.csv`` to ``/opt/ml/processing/train`` and ``test_features.csv``
and ``test_labels.csv`` to ``/opt/ml/processing/test``. A features file has the columns of ``census.FEATURES`` in that
order, an unknown value being empty; a labels file has 0 or 1.

Every record is kept. Which side it goes to depends on its features alone: records with the same features never lie on
both sides, and a record stays on its side when others are added. Records are read and written one at a time, so memory
does not grow with the data.
"""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import TextIO

import census
from job import PROCESSING, PROCESSING_FAILURE, JobError, run

TEST_SHARE = 0.2


@lru_cache(maxsize=2**16)
def cell(value: str) -> str:
    """A raw value as it stands in the cleaned CSV. Cached, because the same few values fill millions of cells."""
    value = census.clean(value)
    return '"' + value.replace('"', '""') + '"' if "," in value or '"' in value else value


def column_positions(file: Path, header: list[str]) -> tuple[list[int], int]:
    """Where a file has the features, in the order of ``census.FEATURES``, and the label.

    Raises:
        JobError: the file is empty, or its first line lacks some of the columns.
    """
    if not header:
        raise JobError(f"{file} is empty")
    position = {name.strip(): number for number, name in enumerate(header)}
    missing = [name for name in (*census.FEATURES, census.LABEL) if name not in position]
    if missing:
        raise JobError(f"{file}, line 1: no column named {', '.join(map(repr, missing))}")
    return [position[name] for name in census.FEATURES], position[census.LABEL]


def read_records(file: Path) -> Iterator[tuple[str, int]]:
    """The records of one CSV file with a header: a line of cleaned features, and the class.

    Raises:
        JobError: the file cannot be read as CSV, lacks columns, or has a line of another length or an unknown label.
    """
    with file.open(newline="", encoding="utf-8-sig") as lines:
        reader = csv.reader(lines, skipinitialspace=True)
        try:
            header = next(reader, [])
            positions, label_position = column_positions(file, header)
            pick = itemgetter(*positions)
            for row in reader:
                if not row:
                    continue
                if len(row) != len(header):
                    raise JobError(f"{file}, line {reader.line_num}: {len(row)} values, expected {len(header)}")
                label = census.clean(row[label_position])
                if label not in census.CLASSES:
                    allowed = " or ".join(map(repr, census.CLASSES))
                    raise JobError(f"{file}, line {reader.line_num}: {census.LABEL} is {label!r}, expected {allowed}")
                yield ",".join(map(cell, pick(row))), census.CLASSES[label]
        except (UnicodeDecodeError, csv.Error) as error:
            raise JobError(f"{file}, line {reader.line_num + 1}: {error}") from error


def side_of(features: str) -> str:
    """``train`` or ``test``, by a hash of the features: the same everywhere, always, and whatever the other records."""
    number = int.from_bytes(hashlib.sha256(features.encode()).digest()[:8], "big")
    return "test" if number < TEST_SHARE * 2**64 else "train"


def open_side(files: ExitStack, side: str) -> tuple[TextIO, TextIO]:
    """The features file and the labels file of a side, in a folder that is made where it is missing."""
    folder = PROCESSING / side
    folder.mkdir(parents=True, exist_ok=True)
    features, labels = (
        files.enter_context((folder / f"{side}_{kind}.csv").open("w", encoding="utf-8"))
        for kind in ("features", "labels")
    )
    return features, labels


def write_sides(records: Iterator[tuple[str, int]]) -> dict[str, Counter[int]]:
    """Writes each record to its side. Returns how many of each class each side has got."""
    counts: dict[str, Counter[int]] = {"train": Counter(), "test": Counter()}
    with ExitStack() as files:
        sides = {side: open_side(files, side) for side in counts}
        for features, label in records:
            side = side_of(features)
            features_file, labels_file = sides[side]
            features_file.write(features + "\n")
            labels_file.write(f"{label}\n")
            counts[side][label] += 1
    return counts


def main() -> None:
    """Cleans and splits all records.

    Raises:
        JobError: there are no records, or a side lacks one of the classes, so that nothing can be learnt or judged.
    """
    folder = PROCESSING / "input"
    files = sorted(folder.rglob("*.csv"))
    if not files:
        raise JobError(f"no CSV file under {folder}")
    counts = write_sides(record for file in files for record in read_records(file))
    for side, classes in counts.items():
        total = sum(classes.values())
        print(f"{side}: {total:,} records, {classes[1]:,} of them above 50,000 dollars")
    if not any(counts.values()):
        raise JobError(f"no records in {', '.join(str(file) for file in files)}")
    for side, classes in counts.items():
        for label, number in census.CLASSES.items():
            if not classes[number]:
                raise JobError(f"no record with {census.LABEL} {label!r} among the {side} records: cannot tell classes")


if __name__ == "__main__":
    run(main, PROCESSING_FAILURE)
