"""Reads scored records block by block: an endpoint's captured requests, and batch transform's inputs and outputs.

- ``*.jsonl`` without answers of its own: captured requests, as SageMaker writes them, one on each line:
  https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
- any other file: rows without a header, as batch transform reads them, with their answers in the file of the same name
  and ``.out`` in the other folder, if there is one, or in the file that ``window.json`` names:
  https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform.html

Rows may also be JSON, ``{"instances": [[...], ...]}``, and answers ``{"predictions": [{...}, ...]}``.
"""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import pandas as pd

from columns import NUMBER
from job import JobError
from rows import cleaned

# Lines of a block; a request can have several records, so a block also ends after so many bytes.
LINES = 50_000
BYTES = 1 << 25

CAPTURED = ".jsonl"
JSON = "application/json"


class Block(NamedTuple):
    """Consecutive lines of a file."""

    file: Path
    first: int
    lines: Sequence[bytes]
    answers: Sequence[bytes] | None


class Scored(NamedTuple):
    """Records, and what the model answered."""

    rows: pd.DataFrame
    scores: Mapping[str, np.ndarray]
    keys: Sequence[str]
    """By which a record's label is found: see ``key_of``."""


def key_of(source: str, position: int = 0) -> str:
    """Returns a record's key: its request's inference ID or else event ID, or its file; and its position therein."""
    return f"{source}\n{position}"


def blocks(records: Path, answers: Path, named: Mapping[str, str] | None = None) -> Iterator[Block]:
    """Yields all records under a folder.

    Args:
        records: the folder with captured requests, or with batch transform's inputs.
        answers: the folder with batch transform's outputs.
        named: the paths of the outputs, each with that of its input, below their folders; by default, the same names.

    Raises:
        JobError: an answer has no record, or the number of answers is not that of the records.
    """
    found = {_below(file, answers): file for file in sorted(answers.rglob("*.out"))}
    inputs = {path: path[: -len(".out")] for path in found} if named is None else named
    outputs = {inputs.get(path, path): file for path, file in found.items()}
    for file in sorted(path for path in records.rglob("*") if path.is_file()):
        output = outputs.pop(_below(file, records), None)
        if output is None:
            yield from _blocks(file)
        else:
            yield from _pairs(file, output)
    if outputs:
        name, output = next(iter(outputs.items()))
        raise JobError(f"{output}: no {name} in {records}, which it would be the answers to")


def requests(folder: Path) -> Iterator[Block]:
    """Yields all captured requests under a folder."""
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        yield from _blocks(file)


def _below(file: Path, folder: Path) -> str:
    return str(file.relative_to(folder))


def _blocks(file: Path) -> Iterator[Block]:
    with file.open("rb") as lines:
        first = 1
        for block in _cut(lines):
            yield Block(file, first, block, None)
            first += len(block)


def _cut(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    block: list[bytes] = []
    size = 0
    for line in lines:
        block.append(line)
        size += len(line)
        if len(block) == LINES or size >= BYTES:
            yield block
            block, size = [], 0
    if block:
        yield block


def _pairs(file: Path, output: Path) -> Iterator[Block]:
    with file.open("rb") as lines, output.open("rb") as answers:
        first = 1
        for block in _cut(line for line in lines if line.strip()):
            answered = list(islice((line for line in answers if line.strip()), len(block)))
            if len(answered) < len(block):
                raise JobError(f"{output} has {first - 1 + len(answered):,} answers, but {file} has more records")
            yield Block(file, first, block, answered)
            first += len(block)
        if any(line.strip() for line in answers):
            raise JobError(f"{output} has more answers than the {first - 1:,} records of {file}")


def read(block: Block, features: Sequence[Mapping[str, str]], scores: Sequence[Mapping[str, str]]) -> Scored:
    """Reads a block's records.

    Args:
        block: the block.
        features: the features in order, as ``{"name": ..., "type": ...}``.
        scores: the model's answers, likewise, in the order of an answer's values.

    Raises:
        JobError: a line cannot be read, or a record has the wrong number of values; the message names file and line.
    """
    if block.file.suffix == CAPTURED and block.answers is None:
        return _captured(block, features, scores)
    body = b"".join(block.lines)
    if not body.strip():
        return Scored(pd.DataFrame(columns=[feature["name"] for feature in features]), {}, ())
    rows = _rows(body, features, lambda row: f"{block.file}, line {block.first + row}")
    keys = [key_of(str(block.file), position) for position in range(block.first - 1, block.first - 1 + len(rows))]
    return Scored(rows, _answers(b"".join(block.answers), scores, block) if block.answers else {}, keys)


def _captured(block: Block, features: Sequence[Mapping[str, str]], scores: Sequence[Mapping[str, str]]) -> Scored:
    requests: list[str] = []
    answers: list[str] = []
    keys: list[str] = []
    lines: list[int] = []
    for number, line in enumerate(block.lines, start=block.first):
        if not line.strip():
            continue
        with _malformed(block, number):
            event = json.loads(line)
            captured = event["captureData"]
            asked = _asked(captured, features)
            answered = _lines(captured["endpointOutput"], lambda answer: _values(answer["predictions"], scores))
            identifier = _identifier(event)
        if len(asked) != len(answered):
            count = f"{len(asked)} records, but {len(answered)} answers"
            raise JobError(f"{block.file}, line {number} has {count}")
        requests += asked
        answers += answered
        keys += [key_of(identifier, position) for position in range(len(asked))]
        lines += [number] * len(asked)
    if not requests:
        return Scored(pd.DataFrame(columns=[feature["name"] for feature in features]), {}, ())
    rows = _rows("\n".join(requests).encode(), features, lambda row: f"{block.file}, line {lines[row]}")
    return Scored(rows, _answers("\n".join(answers).encode(), scores, block), keys)


def only(block: Block, features: Sequence[Mapping[str, str]], wanted: Callable[[str], bool]) -> tuple[Block, int]:
    """Returns the captured requests that have a wanted record, and the number of records of all requests.

    Args:
        block: captured requests.
        features: as for ``read``.
        wanted: whether a record is wanted, by its key.

    Raises:
        JobError: a line is not a captured request.
    """
    kept: list[bytes] = []
    records = 0
    for number, line in enumerate(block.lines, start=block.first):
        count = 0
        if line.strip():
            with _malformed(block, number):
                event = json.loads(line)
                count = len(_asked(event["captureData"], features))
                identifier = _identifier(event)
        records += count
        # An empty line keeps the numbers of the others.
        kept.append(line if any(wanted(key_of(identifier, position)) for position in range(count)) else b"")
    return block._replace(lines=kept), records


@contextmanager
def _malformed(block: Block, number: int) -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"is not a captured request with its answer: {type(error).__name__}: {error}"
        raise JobError(f"{block.file}, line {number} {reason}") from error


def _asked(captured: Mapping[str, Any], features: Sequence[Mapping[str, str]]) -> list[str]:
    """Returns the records of a request."""
    return _lines(captured["endpointInput"], lambda request: _values(request["instances"], features))


def _identifier(event: Mapping[str, Any]) -> str:
    metadata = event["eventMetadata"]
    return str(metadata.get("inferenceId") or metadata["eventId"])


def _lines(part: Mapping[str, str], of_json: Any) -> list[str]:
    """Returns the CSV lines of a captured request or answer."""
    data = part["data"]
    if part["encoding"] == "BASE64":
        data = base64.b64decode(data, validate=True).decode("utf-8-sig")
    if part["observedContentType"].partition(";")[0].strip().lower() == JSON:
        return [_line(values) for values in of_json(json.loads(data))]
    return [line for line in data.splitlines() if line.strip()]


def _values(records: Sequence[Any], columns: Sequence[Mapping[str, str]]) -> Iterable[Sequence[Any]]:
    """Returns the values of JSON's records, which are lists in order, or by name."""
    names = [column["name"] for column in columns]
    return ([record[name] for name in names] if isinstance(record, dict) else record for record in records)


def _line(values: Iterable[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(["" if value is None else value for value in values])
    return text.getvalue()


def _rows(body: bytes, features: Sequence[Mapping[str, str]], place: Any) -> pd.DataFrame:
    """Reads rows; ``place`` returns the file and line of a row, from 0, for messages."""
    names = [feature["name"] for feature in features]
    try:
        rows = pd.read_csv(
            io.BytesIO(body), header=None, dtype="category", na_filter=False, low_memory=False, skip_blank_lines=True
        )
        if len(rows.columns) != len(names) or (rows.iloc[:, -1] == "").any():
            _check(body, len(names), place)
    except (pd.errors.ParserError, UnicodeDecodeError, csv.Error) as error:
        _check(body, len(names), place)
        raise JobError(f"{place(0)} and following: {error}") from error
    rows.columns = names
    for feature in features:
        rows[feature["name"]] = cleaned(rows[feature["name"]], feature["type"])
    return rows


def _check(body: bytes, expected: int, place: Any) -> None:
    """Names the first row with the wrong number of values."""
    lines: IO[str] = io.StringIO(body.decode("utf-8", "replace"), newline="")
    for number, row in enumerate(row for row in csv.reader(lines, skipinitialspace=True) if row):
        if len(row) != expected:
            raise JobError(f"{place(number)}: expected {expected} values, as in the baseline, found {len(row)}")


def _answers(body: bytes, scores: Sequence[Mapping[str, str]], block: Block) -> dict[str, np.ndarray]:
    """Returns the first values of each answer, by their names."""
    if not scores:
        return {}
    kinds = {place: float if score["type"] == NUMBER else str for place, score in enumerate(scores)}
    try:
        found = pd.read_csv(
            io.BytesIO(body),
            header=None,
            usecols=list(kinds),
            dtype=kinds,
            na_filter=False,
            float_precision="round_trip",  # see rows.read_rows
        )
    except ValueError as error:
        names = ", ".join(score["name"] for score in scores)
        raise JobError(f"answers to {block.file}, from line {block.first} on, are not {names}: {error}") from error
    return {score["name"]: found[place].to_numpy() for place, score in enumerate(scores)}
