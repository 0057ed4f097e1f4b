"""Processing job: cleans the census records and splits them into train and test files.

Reads every CSV file under ``/opt/ml/processing/input``. Writes ``train_features.csv`` and ``train_labels.csv`` to
``/opt/ml/processing/train``, and ``test_features.csv`` and ``test_labels.csv`` to ``/opt/ml/processing/test``, without
headers, because batch transform treats each line as a record. A features file has the columns of ``census.FEATURES`` in
that order, with unknown values empty; a labels file has 0 or 1.

Every record is kept. Its side depends only on its features: records with the same features always land on the same
side, and a record stays on its side when others are added. Records are read and written one at a time, so memory does
not grow with the data.
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
    """Cleans and quotes a raw value for CSV. Cached, because the same few values fill millions of cells."""
    value = census.clean(value)
    return '"' + value.replace('"', '""') + '"' if "," in value or '"' in value else value


def column_positions(file: Path, header: list[str]) -> tuple[list[int], int]:
    """Returns the positions of the features, in the order of ``census.FEATURES``, and of the label.

    Raises:
        JobError: the file is empty, or its header lacks columns.
    """
    if not header:
        raise JobError(f"{file} is empty")
    position = {name.strip(): number for number, name in enumerate(header)}
    missing = [name for name in (*census.FEATURES, census.LABEL) if name not in position]
    if missing:
        raise JobError(f"{file}, line 1: no column named {', '.join(map(repr, missing))}")
    return [position[name] for name in census.FEATURES], position[census.LABEL]


def read_records(file: Path) -> Iterator[tuple[str, int]]:
    """Yields the records of a CSV file with a header: a line of cleaned features, and the class.

    Raises:
        JobError: the file is not CSV, lacks columns, or has a line of the wrong length or an unknown label.
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
    """Returns ``train`` or ``test`` by a hash of the features, which depends on nothing else."""
    number = int.from_bytes(hashlib.sha256(features.encode()).digest()[:8], "big")
    return "test" if number < TEST_SHARE * 2**64 else "train"


def open_side(files: ExitStack, side: str) -> tuple[TextIO, TextIO]:
    """Opens the features file and the labels file of a side, creating the folder if necessary."""
    folder = PROCESSING / side
    folder.mkdir(parents=True, exist_ok=True)
    features, labels = (
        files.enter_context((folder / f"{side}_{kind}.csv").open("w", encoding="utf-8"))
        for kind in ("features", "labels")
    )
    return features, labels


def write_sides(records: Iterator[tuple[str, int]]) -> dict[str, Counter[int]]:
    """Writes each record to its side. Returns the number of records per side and class."""
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
        JobError: there are no records, or a side lacks a class, which makes training or evaluation impossible.
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
                raise JobError(f"no record with {census.LABEL} {label!r} among the {side} records: need both classes")


if __name__ == "__main__":
    run(main, PROCESSING_FAILURE)
