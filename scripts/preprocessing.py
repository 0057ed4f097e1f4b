"""Processing job: cleans the records of a table and splits them into train and test files.

Reads every CSV and Parquet file under ``/opt/ml/processing/input``. Options are environment variables of the job, which
``preprocessing.input.Environment`` in input.yaml sets:

- ``LABEL``: the column to predict; by default the last one.
- ``PROBLEM``: ``binary``, ``multiclass`` or ``regression``; by default what the label's values make it (``schema.py``).
- ``POSITIVE``: which of two classes is class 1; by default 1, yes or true, and otherwise the rarer one.
- ``DROP``: columns to leave out, and ``CATEGORIES``: columns whose numbers are codes; both separated by commas.

Writes ``train_features.csv`` and ``train_labels.csv`` to ``/opt/ml/processing/train``, and ``test_features.csv`` and
``test_labels.csv`` to ``/opt/ml/processing/test``, without headers, because batch transform treats each line as a
record. A labels file has the number of each record's class, from 0, or the number to predict. ``schema.json``, which
describes the columns, goes to both folders; ``profile.json``, for the run's report, and ``smoke.csv``, one record, to
the second.

A record's side depends only on its values: records with the same values always land on the same side, and a record
stays on its side when others are added. Records are read and written in batches, so memory does not grow with
the data. A first pass splits and counts; what the columns are is decided from the training records; a second pass
writes the files again where that changes them. No file has its final name before it is whole.
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import compress, islice
from operator import not_
from pathlib import Path
from random import Random
from typing import IO

from columns import (
    COUNTED_BATCHES,
    COUNTED_RECORDS,
    DATE,
    DISTINCT,
    DISTINCT_PER_COLUMN,
    MOST,
    MOSTLY,
    NUMBER,
    Counts,
    Dropped,
    Feature,
    describe,
    share_of_numbers,
)
from job import PROCESSING, PROCESSING_FAILURE, JobError, run
from options import Options, listed
from profile_columns import profile
from schema import BINARY, MOST_CLASSES, REGRESSION, Schema, classes_of, label_value, problem_of
from tables import BATCH, Table
from values import UNKNOWN, Once, clean, number, quoted

SIDES = ("train", "test")
TEST_SHARE = 0.2
LOWEST_IN_TRAIN = math.ceil(TEST_SHARE * 2**64).to_bytes(8, "big")
# The endings of files that are not final, from the first and the second pass.
FIRST, SECOND = ".first", ".second"

# A side with fewer records measures nothing.
FEWEST = 5

# Of a side with more values than this, a random sample is taken, so that training and evaluation fit into 2 GB.
MOST_VALUES = 30_000_000


@dataclass
class Side:
    """The records of a side: in files, and counted."""

    name: str
    counts: list[Counts]
    """Of each column."""
    labels: Counts
    records: int = 0

    def file(self, kind: str) -> Path:
        """The file of the features or the labels, under its final name."""
        return PROCESSING / self.name / f"{self.name}_{kind}.csv"

    def open(self, files: ExitStack, mode: str, ending: str) -> list[IO[str]]:
        """Opens the files of the features and the labels, creating the folder if necessary."""
        self.file("features").parent.mkdir(parents=True, exist_ok=True)
        paths = [Path(f"{self.file(kind)}{ending}") for kind in ("features", "labels")]
        return [files.enter_context(path.open(mode, encoding="utf-8", newline="")) for path in paths]


def side_of(features: str) -> str:
    """Returns ``train`` or ``test`` by a hash of the features, which depends on nothing else."""
    return "test" if hashlib.sha256(features.encode()).digest() < LOWEST_IN_TRAIN else "train"


def split(table: Table, options: Options, columns: list[str]) -> tuple[list[Side], list[Once]]:
    """First pass: writes each record, cleaned, to its side. Leaves out those without a label.

    Returns:
        The two sides; and for each column the values that it has, in the keys.
    """
    most = min(DISTINCT_PER_COLUMN, max(1000, DISTINCT // len(columns)))
    sides = [Side(name, [Counts(most) for _ in columns], Counts(DISTINCT_PER_COLUMN)) for name in SIDES]
    cells = [Once(lambda value: quoted(clean(value)), most) for _ in columns]
    labels = Once(label_value, DISTINCT_PER_COLUMN)
    without_label = 0
    with ExitStack() as stack:
        files = [side.open(stack, "w", FIRST) for side in sides]
        for number, (label, *raw) in enumerate(table.batches([options.label, *columns])):
            lines = list(map(",".join, zip(*(map(once.__getitem__, values) for once, values in zip(cells, raw)))))
            found = list(map(labels.__getitem__, label))
            is_counted = number % COUNTED_BATCHES == 0 or number * BATCH < COUNTED_RECORDS
            for side, side_files, is_in in zip(sides, files, _selectors(lines, found)):
                chosen = list(compress(found, is_in))
                write_records(side_files, compress(lines, is_in), chosen)
                side.labels.add(chosen, len(chosen))
                side.records += len(chosen)
                for counts, values in zip(side.counts, raw) if is_counted else ():
                    counts.add(compress(values, is_in), len(chosen))
            without_label += found.count("")
    if without_label:
        print(f"{without_label:,} records have no {options.label!r} and are left out")
    return sides, cells


def _selectors(lines: list[str], labels: list[str]) -> tuple[list[bool], list[bool]]:
    """Returns which of the records are in the training and the test side; those without a label are in neither."""
    in_test = [side_of(line) == "test" for line in lines]
    in_train = list(map(not_, in_test))
    if "" in labels:
        has_label = [label != "" for label in labels]
        return [a and b for a, b in zip(in_train, has_label)], [a and b for a, b in zip(in_test, has_label)]
    return in_train, in_test


def write_records(files: list[IO[str]], features: Iterable[str], labels: Iterable[str]) -> None:
    """Writes records to the two files of a side. No line is blank, since readers skip such lines."""
    files[0].writelines([(line or '""') + "\n" for line in features])
    files[1].writelines([label + "\n" for label in labels])


def decide(options: Options, columns: list[str], train: Side) -> Schema:
    """Decides from the training records what the columns are and what is predicted.

    Raises:
        JobError: there is nothing to predict, or nothing to predict it from.
    """
    problem = problem_of(train.labels.raw, options.problem)
    classes = None if problem == REGRESSION else classes_of(train.labels.raw, options.positive)
    _check_label(options, problem, train, classes)
    described = [
        describe(name, counts.cleaned(), train.records, is_category=name in options.categories)
        for name, counts in zip(columns, train.counts)
    ]
    features = tuple(one for one in described if isinstance(one, Feature))
    dropped = tuple(one for one in described if isinstance(one, Dropped))
    if not features:
        reasons = "; ".join(f"{one.name!r}: {one.reason}" for one in dropped)
        raise JobError(f"no column to predict {options.label!r} from: {reasons}")
    return Schema(options.label, problem, classes, features, dropped)


def _check_label(options: Options, problem: str, train: Side, classes: tuple[str, ...] | None) -> None:
    """Checks that the training records' labels make the problem."""
    label, values = options.label, train.labels.raw
    if len(values) == 1:
        raise JobError(
            f"{label!r} is {next(iter(values))!r} in all {train.records:,} training records: need two values"
        )
    if options.positive and (problem != BINARY or options.positive not in values):
        raise JobError(
            f"POSITIVE is {options.positive!r}, expected one of the two classes of {label!r}: {listed(values)}"
        )
    if problem == BINARY and len(values) != 2:  # noqa: PLR2004
        raise JobError(f"PROBLEM is binary, but {label!r} has {len(values):,} values: {listed(values)}")
    if classes and len(classes) > MOST_CLASSES:
        why = "" if options.problem else ", not all of them numbers"
        raise JobError(
            f"{label!r} has {len(classes):,} different values, such as {listed(classes, 3)}{why}: "
            f"more than {MOST_CLASSES} classes; set LABEL to another column, or PROBLEM to regression"
        )


class LabelCodes(Once):
    """What a labels file has for a label: the class's number, or the number to predict; None if it is left out.

    A class that only test records have is left out: no model can predict it.

    Raises:
        JobError: on use, if a label of a regression is not a number.
    """

    def __init__(self, schema: Schema, table: Table) -> None:
        super().__init__(self._regression if schema.classes is None else self._class, DISTINCT_PER_COLUMN)
        self.schema = schema
        self.table = table

    def _class(self, label: str) -> str | None:
        classes = self.schema.classes or ()
        return str(classes.index(label)) if label in classes else None

    def _regression(self, label: str) -> str | None:
        if number(label) is None and label.lower() not in UNKNOWN:
            place = self.table.place(self.schema.label, lambda value: label_value(value) == label)
            raise JobError(f"{self.schema.label!r} is {place}, expected a number, which a regression predicts")
        return None if number(label) is None else label


def finish(side: Side, schema: Schema, columns: list[str], codes: LabelCodes, *, is_right: bool) -> Counter[str]:
    """Second pass: writes the side's files with the schema's columns and the labels' codes.

    Args:
        side: the records.
        schema: the columns to write.
        columns: the columns of the first pass.
        codes: what to write for a label.
        is_right: whether the schema has all columns, and every value of them as the first pass wrote it.

    Returns:
        The number of records by class; of a regression, of all records.
    """
    share = MOST_VALUES / max(1, side.records * len(schema.features))
    has_codes = side.labels.is_whole and None not in map(codes.__getitem__, side.labels.raw)
    written: Counter[str] = Counter()
    with ExitStack() as stack:
        features, labels = side.open(stack, "r", FIRST)
        files = side.open(stack, "w", SECOND)
        if is_right and has_codes and share >= 1:
            Path(features.name).replace(files[0].name)
            for found in iter(lambda: [codes[line[:-1]] for line in islice(labels, BATCH)], []):
                files[1].writelines([f"{code}\n" for code in found])
                written.update(found if schema.classes else {"": len(found)})
        else:
            for lines, found in _changed([features, labels], schema, columns, codes, share):
                write_records(files, lines, found)
                written.update(found if schema.classes else {"": len(found)})
    if share < 1:
        print(f"{side.name}: a random {share:.1%} of {side.records:,} records, at most {MOST_VALUES:,} values")
    return written


def _changed(
    files: list[IO[str]], schema: Schema, columns: list[str], codes: LabelCodes, share: float
) -> Iterator[tuple[Iterator[str], list[str]]]:
    """Yields the final lines and labels of some records at a time; with a share below 1, of a random sample."""
    random = Random(0)  # noqa: S311 - no secret
    positions = [columns.index(feature.name) for feature in schema.features]
    cells = [Once(feature.cell, DISTINCT_PER_COLUMN) for feature in schema.features]
    reader = csv.reader(files[0])
    for rows in iter(lambda: list(islice(reader, BATCH)), []):
        found = [codes[line[:-1]] for line in islice(files[1], len(rows))]
        keeps = [code is not None and (share >= 1 or random.random() < share) for code in found]
        if any(keeps):
            values = list(zip(*compress(rows, keeps)))
            cleaned = [map(once.__getitem__, values[position]) for once, position in zip(cells, positions)]
            yield map(",".join, zip(*cleaned)), [code for code in compress(found, keeps) if code is not None]


def check_sides(schema: Schema, written: dict[str, Counter[str]]) -> None:
    """Prints how many records each side has.

    Raises:
        JobError: a side has too few, or no record of a class that it needs.
    """
    total = sum(sum(counts.values()) for counts in written.values())
    for side, counts in written.items():
        records = sum(counts.values())
        names = schema.classes or ()
        if schema.problem == BINARY:
            print(f"{side}: {records:,} records, {counts['1']:,} of them {schema.label} {listed(names[1:])}")
        else:
            shares = ", ".join(f"{counts[str(index)]:,} {listed([name])}" for index, name in enumerate(names[:10]))
            print(f"{side}: {records:,} records" + (f": {shares}" if shares else ""))
        if records < FEWEST or (names and len(counts) < 2):  # noqa: PLR2004 - one class
            classes = f" with {len(counts)} of {len(names)} classes" if names else ""
            raise JobError(
                f"{total:,} records are too few, for {records:,} of them are {side} records{classes}; "
                f"need {FEWEST} records{' and two classes' if names else ''} on each side, a fifth being test records"
            )


def explain(table: Table, schema: Schema, seen: dict[str, Once], counts: dict[str, Counts]) -> bool:
    """Prints what has been decided about the label and the columns.

    Args:
        table: where the values are from.
        schema: what has been decided.
        seen: for each column the values that it has, in the keys.
        counts: the counts of the training records.

    Returns:
        Whether every value that has been seen is of its column's type or empty.
    """
    classes = f", classes {listed(schema.classes)}" if schema.classes else ""
    print(f"predicts {schema.label!r} ({schema.problem}{classes}) from {len(schema.features)} columns")
    for one in schema.dropped:
        print(f"leaves out {one.name!r}: {one.reason}")
    is_right = True
    for feature in schema.features:
        if feature.type in (NUMBER, DATE):
            wrong = feature.misfits(seen[feature.name])
            is_right = is_right and not wrong and not seen[feature.name].is_full
            strange = {value for value in wrong if clean(value).lower() not in UNKNOWN}
            if strange:
                place = table.place(feature.name, strange.__contains__)
                print(f"{feature.name!r}: what is not a {feature.type} counts as unknown, such as {place}")
        elif MOSTLY <= (share := share_of_numbers(counts[feature.name].cleaned())) < MOST:
            place = table.place(feature.name, lambda value: bool(clean(value)) and number(clean(value)) is None)
            print(f"{feature.name!r}: a {feature.type}, since only {share:.1%} of its values are numbers, not {place}")
    return is_right


def write_descriptions(schema: Schema, counts: dict[str, tuple[Counts, ...]]) -> None:
    """Writes the schema, the profile and the record for the smoke test."""
    for side in SIDES:
        schema.write(PROCESSING / side)
    profiles = [profile(feature, dict(zip(SIDES, counts[feature.name]))) for feature in schema.features]
    test = PROCESSING / "test"
    (test / "profile.json").write_text(json.dumps(profiles) + "\n", encoding="utf-8")
    with (test / "test_features.csv").open(encoding="utf-8") as lines:
        (test / "smoke.csv").write_text(lines.readline(), encoding="utf-8")


def main() -> None:
    """Cleans and splits all records.

    Raises:
        JobError: the table cannot be read, or there is nothing to learn from it.
    """
    table = Table.below(PROCESSING / "input")
    options = Options.read(os.environ, table)
    columns = [name for name in table.columns if name not in (options.label, *options.drop)]
    if not columns:
        raise JobError(f"{table.files[0]} has no column but {options.label!r} and those to DROP")
    try:
        sides, seen = split(table, options, columns)
        if not sum(side.records for side in sides):
            raise JobError(f"no records with a {options.label!r} in {', '.join(map(str, table.files[:5]))}")
        schema = decide(options, columns, sides[0])
        counts = dict(zip(columns, sides[0].counts))
        is_right = explain(table, schema, dict(zip(columns, seen)), counts) and not schema.dropped
        codes = LabelCodes(schema, table)
        written = {side.name: finish(side, schema, columns, codes, is_right=is_right) for side in sides}
        check_sides(schema, written)
        for file in PROCESSING.glob(f"*/*{SECOND}"):
            file.replace(file.with_suffix(""))
        write_descriptions(schema, dict(zip(columns, zip(*(side.counts for side in sides)))))
    finally:
        for file in (file for ending in (FIRST, SECOND) for file in PROCESSING.glob(f"*/*{ending}")):
            file.unlink()


if __name__ == "__main__":
    run(main, PROCESSING_FAILURE)
