"""Reads labels that arrive after their records were scored.

- A file with the name of a file of records has one label on each line, in the order of the records.
- Any other ``*.csv`` has a header with ``inference_id`` and ``label``.
- ``*.jsonl`` is SageMaker's ground truth, whose ``data`` has one label on each line for a request of several records:
  https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-merge.html

The identifier is the captured request's ``inferenceId`` or, without one, its ``eventId``. An empty label is not known
yet. Memory is bounded: of more than ``MOST`` labels a uniform sample is taken, by a hash of their records' keys.
"""

from __future__ import annotations

import csv
import json
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from job import JobError
from late_quality import quality_of
from schema import REGRESSION, label_value
from scored import CAPTURED, Block, Scored, key_of, only
from scored import read as read_records
from values import clean, number

Columns = Sequence[Mapping[str, str]]

NEWLINE = "\n"
MOST = 500_000

# The labels by the keys of their records, in each process that reads records.
BY_KEY: dict[str, float] = {}


def begin(by_key: Mapping[str, float]) -> None:
    """Gives the labels to a process that reads records, which need not be a fork of this one."""
    BY_KEY.update(by_key)


class Label(NamedTuple):
    """A label as it is in a file."""

    key: str
    text: str
    file: Path
    line: int


class Labels:
    """The labels of a window.

    Args:
        quality: the baseline's ``quality``, which says what is predicted.
    """

    def __init__(self, quality: Mapping[str, Any]) -> None:
        self.by_key: dict[str, float] = {}
        self.rows: dict[Path, tuple[Path, int]] = {}
        """Of files of records: the file with their labels, and how many lines it has."""
        self.files: list[Path] = []
        self._name, self._is_number = quality["label"], quality["problem"] == REGRESSION
        classes: Sequence[str] = quality["classes"] or ()
        # Preprocessing writes the numbers of classes; a name comes first where a number is one.
        self._codes = {str(code): float(code) for code in range(len(classes))}
        self._codes = dict(self._codes, **{name: float(code) for code, name in enumerate(classes)})
        self._mask = 0

    @property
    def share(self) -> float:
        """The share of the labels that were taken."""
        return 1 / (self._mask + 1)

    def add(self, label: Label) -> None:
        """Adds a label.

        Raises:
            JobError: it is not a class or a number, or another one of the same record is.
        """
        if not clean(label.text):
            return
        value = self._value(label)
        if zlib.crc32(label.key.encode()) & self._mask:
            return
        known = self.by_key.setdefault(label.key, value)
        if known != value:
            record = " ".join(label.key.split(NEWLINE))
            raise JobError(f"{label.file}, line {label.line}: {record!r} already has another label")
        if len(self.by_key) > MOST:
            self._mask = 2 * self._mask + 1
            self.by_key = {key: one for key, one in self.by_key.items() if not zlib.crc32(key.encode()) & self._mask}

    def _value(self, label: Label) -> float:
        """Returns the number of the class, or the number itself."""
        text = label_value(label.text)
        value = number(text) if self._is_number else self._codes.get(text)
        if value is None:
            expected = "a number" if self._is_number else "one of " + ", ".join(map(repr, self._codes))
            raise JobError(f"{label.file}, line {label.line}: {self._name!r} is {text!r}, expected {expected}")
        return value


def read(folder: Path, records: Path, quality: Mapping[str, Any]) -> Labels:
    """Reads all labels under a folder; there are none if it is missing.

    Args:
        folder: the folder with the labels.
        records: the folder with the records.
        quality: the baseline's ``quality``.

    Raises:
        JobError: a file cannot be read, a label is of no class, or two of one record differ.
    """
    labels = Labels(quality)
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        labels.files.append(file)
        of = records / file.relative_to(folder)
        count = 0
        for label in _labels(file, of):
            labels.add(label)
            count += 1
        if of.is_file() and file.suffix != CAPTURED:
            labels.rows[of] = file, count
        if not count:
            raise JobError(f"{file} has no labels")
    return labels


def _labels(file: Path, of: Path) -> Iterator[Label]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        try:
            if file.suffix == CAPTURED:
                yield from _ground_truth(file, lines)
            elif of.is_file():
                for line, row in enumerate(csv.reader(lines), start=1):
                    if len(row) > 1:
                        raise JobError(f"{file}, line {line}: {len(row)} values, expected one label")
                    yield Label(key_of(str(of), line - 1), row[0] if row else "", file, line)
            else:
                yield from _identified(file, lines)
        except (UnicodeDecodeError, csv.Error) as error:
            raise JobError(f"{file} cannot be read: {error}") from error


def _identified(file: Path, lines: Iterator[str]) -> Iterator[Label]:
    rows = csv.DictReader(lines, skipinitialspace=True)
    if not {"inference_id", "label"} <= set(rows.fieldnames or ()):
        header = ",".join(rows.fieldnames or ())
        raise JobError(
            f"{file} begins with {header!r}, expected the header inference_id,label, or the name of a file of records"
        )
    for row in rows:
        if row["inference_id"] is None or row["label"] is None:
            raise JobError(f"{file}, line {rows.line_num}: expected {len(rows.fieldnames or ())} values")
        yield Label(key_of(row["inference_id"]), row["label"], file, rows.line_num)


def _ground_truth(file: Path, lines: Iterator[str]) -> Iterator[Label]:
    for line, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        try:
            event = json.loads(text)
            found = [one.strip() for one in str(event["groundTruthData"]["data"]).strip("\r\n").split("\n")]
            metadata = event["eventMetadata"]
            identifier = str(metadata.get("inferenceId") or metadata["eventId"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            reason = f"is not SageMaker's ground truth: {type(error).__name__}: {error}"
            raise JobError(f"{file}, line {line} {reason}") from error
        for position, one in enumerate(found):
            yield Label(key_of(identifier, position), one, file, line)


class Joined(NamedTuple):
    """Records whose labels have arrived."""

    keys: Sequence[str]
    labels: np.ndarray
    answers: Mapping[str, np.ndarray]


def joined(found: Scored) -> Joined:
    """Returns those of a block's records that have a label in ``BY_KEY``."""
    places = [place for place, key in enumerate(found.keys) if key in BY_KEY] if BY_KEY else []
    keys = [found.keys[place] for place in places]
    labels = np.array([BY_KEY[key] for key in keys])
    return Joined(keys, labels, {name: values[places] for name, values in found.scores.items()} if keys else {})


def joined_earlier(block: Block, features: Columns, scores: Columns) -> tuple[int, Joined]:
    """Returns the number of records of captured requests, and those that have a label in ``BY_KEY``.

    Raises:
        JobError: the block cannot be read.
    """
    kept, records = only(block, features, BY_KEY.__contains__)
    return records, joined(read_records(kept, features, scores))


class Labelled:
    """The records whose labels have arrived."""

    def __init__(self, labels: Labels) -> None:
        self._labels = labels
        self._parts: list[Joined] = []
        self._earlier = 0
        self._keys: set[str] = set()

    def watched(self, blocks: Iterator[Block]) -> Iterator[Block]:
        """Yields the blocks, and then checks that the labels of a file of records are as many.

        Raises:
            JobError: they are more or fewer, or the records have no answers.
        """
        records: Counter[Path] = Counter()
        for block in blocks:
            if block.file in self._labels.rows:
                if block.answers is None:
                    raise JobError(f"{self._labels.rows[block.file][0]}: {block.file} has labels, but no answers")
                records[block.file] += len(block.lines)
            yield block
        for file, (labels, count) in self._labels.rows.items():
            if count != records[file]:
                raise JobError(f"{labels} has {count:,} labels, but {file} has {records[file]:,} records")

    def add(self, part: Joined, *, earlier: int = 0) -> None:
        """Adds records.

        Args:
            part: those whose labels have arrived.
            earlier: of how many records of earlier windows.

        Raises:
            JobError: a record's key is that of another record.
        """
        self._earlier += earlier
        for key in part.keys:
            if key in self._keys:
                raise JobError(f"two records have the inference ID {key.partition(NEWLINE)[0]!r}, and one label")
            self._keys.add(key)
        if part.keys:
            self._parts.append(part)

    def counts(self, records: int, *, must_match: bool = True) -> dict[str, Any]:
        """Returns ``labels`` of ``monitoring.json``.

        Args:
            records: the number of the window's records.
            must_match: whether it is an error if none of the labels has a record.

        Raises:
            JobError: it is.
        """
        without = len(self._labels.by_key) - len(self._keys)
        records += self._earlier
        if must_match and self._labels.by_key and not self._keys and records:
            first = next(iter(self._labels.by_key)).partition(NEWLINE)[0]
            files = ", ".join(map(str, self._labels.files[:3]))
            raise JobError(f"none of the {without:,} labels in {files} has a record; the first is of {first!r}")
        return {"records": len(self._keys), "of": records, "without_record": without, "share_taken": self._labels.share}

    def quality(self, baseline: Mapping[str, Any]) -> dict[str, Any] | None:
        """Returns the quality of the model's answers; None without labels."""
        if not self._parts:
            return None
        labels = np.concatenate([part.labels for part in self._parts])
        answers = {
            name: np.concatenate([part.answers[name] for part in self._parts]) for name in self._parts[0].answers
        }
        labels = labels if baseline["problem"] == REGRESSION else labels.astype(int)
        return quality_of(baseline["label"], baseline["problem"], baseline["classes"], labels, answers)
