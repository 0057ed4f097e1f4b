"""Reads tables: the CSV or Parquet files of a folder, which have the same columns. Standard library only.

A file is read in batches of columns, so memory does not grow with its size, and what a column needs is done once for
each of its distinct values. Columns are found by their names.
"""

from __future__ import annotations

import bz2
import codecs
import csv
import gzip
import lzma
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, TextIO

import parquet
from job import JobError
from values import Once, with_point

PACKED: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
KINDS = (".csv", ".tsv", ".txt", parquet.SUFFIX)
SEPARATORS = ",;\t|"

# Where a comma separates decimals, programs separate values like this: 1.234,5;0,75.
DECIMAL_COMMAS = ";"
# So many distinct values are kept with a point in place of the comma.
DISTINCT_DECIMALS = 2**16

# Records are read in batches that fit into a processor's cache.
BATCH = 64
UNREADABLE = (UnicodeError, csv.Error, EOFError, OSError, lzma.LZMAError, zlib.error)

# The longest value, in characters; more is an unclosed quotation mark.
csv.field_size_limit(2**24)


@dataclass(frozen=True)
class Table:
    """The files of a table, and the names of its columns in the order of the first file."""

    files: list[Path]
    columns: list[str]

    @classmethod
    def below(cls, folder: Path) -> Table:
        """Finds the files of a folder and its subfolders; of a file, the file itself.

        Raises:
            JobError: there are none, a file is of another kind, or two headers differ.
        """
        below = (file for file in folder.rglob("*") if file.is_file() and not file.name.startswith((".", "_")))
        files = [folder] if folder.is_file() else sorted(below)
        found = [file for file in files if _kind(file) in KINDS]
        if not found:
            instead = f", only {', '.join(file.name for file in files[:5])}" if files else ""
            raise JobError(
                f"no table under {folder}{instead}; expected names that end in .csv, .tsv, .csv.gz, .parquet, ..."
            )
        columns = read_header(found[0])[0]
        for file in found[1:]:
            others = read_header(file)[0]
            if set(others) != set(columns):
                lacks, has = (_listed(set(a) - set(b)) for a, b in ((columns, others), (others, columns)))
                raise JobError(f"{file}: not the columns of {found[0].name}: lacks {lacks}, and has {has} more")
        return cls(found, columns)

    def batches(self, columns: list[str]) -> Iterator[list[tuple[str, ...]]]:
        """Yields the values of some columns, as they are in the files, for some records at a time.

        Raises:
            JobError: a file cannot be read, or a line has another number of values than the header.
        """
        for file in self.files:
            header, separator = read_header(file)
            positions = [header.index(name) for name in columns]
            if separator is None:
                yield from parquet.read_columns(file, positions, BATCH)
                continue
            points = Once(with_point, DISTINCT_DECIMALS)
            for rows in _batches_of_rows(file, separator, len(header)):
                values = list(zip(*rows))
                found = (values[position] for position in positions)
                if separator == DECIMAL_COMMAS:
                    found = (tuple(map(points.__getitem__, column)) for column in found)
                yield list(found)

    def place(self, column: str, is_meant: Callable[[str], bool]) -> str:
        """Returns the first value of a column that is meant, with file and line: for an error's message."""
        for file in self.files:
            for where, value in _numbered(file, column):
                if is_meant(value):
                    return f"{value.strip()!r} in {file}, {where}"
        return "none"


def read_header(file: Path) -> tuple[list[str], str | None]:
    """Returns the names of a file's columns, and what separates its values; None in a Parquet file.

    A column without a name is called after its position: ``column 1`` is what pandas writes as its index.

    Raises:
        JobError: the file is empty, cannot be read, or two columns have one name.
    """
    cells, separator = (parquet.read_names(file), None) if _is_parquet(file) else _first_line(file)
    names = [" ".join(cell.split()) or f"column {number}" for number, cell in enumerate(cells, start=1)]
    for name, times in Counter(names).items():
        if times > 1:
            where = ", ".join(str(number) for number, other in enumerate(names, start=1) if other == name)
            raise JobError(f"{header_of(file)}: columns {where} are all named {name!r}; give each its own name")
    return names, separator


def header_of(file: Path) -> str:
    """Returns where a file has the names of its columns, for an error's message: a Parquet file has no lines."""
    return str(file) if _is_parquet(file) else f"{file}, line 1"


def _is_parquet(file: Path) -> bool:
    return file.suffix.lower() == parquet.SUFFIX


def _first_line(file: Path) -> tuple[list[str], str]:
    """Returns the first line of a CSV file, and what separates its values.

    Raises:
        JobError: the file is empty, or cannot be read.
    """
    try:
        with open_text(file) as lines:
            line = lines.readline(2**24)
        if not line.strip():
            raise JobError(f"{file} is empty")
        separator = max(SEPARATORS, key=lambda character: len(_split(line, character)))
        with open_text(file) as lines:
            return next(csv.reader(lines, delimiter=separator, skipinitialspace=True)), separator
    except UNREADABLE as error:
        raise _unreadable(file, 1, error) from error


def open_text(file: Path) -> TextIO:
    """Opens a file as UTF-8 text, unpacked if its name says that it is packed."""
    opened: TextIO = PACKED.get(file.suffix, open)(str(file), "rt", newline="", encoding="utf-8-sig")
    return opened


def _batches_of_rows(file: Path, separator: str, width: int) -> Iterator[list[list[str]]]:
    with open_text(file) as lines:
        reader = csv.reader(lines, delimiter=separator, skipinitialspace=True)
        try:
            next(reader)
            while True:
                rows = list(islice(reader, BATCH))
                if not rows:
                    return
                if set(map(len, rows)) != {width}:
                    rows = [row for row in rows if row]
                    if any(len(row) != width for row in rows):
                        raise _wrong_length(file, separator, width)
                if rows:
                    yield rows
        except UNREADABLE as error:
            raise _unreadable(file, reader.line_num + 1, error) from error


def _numbered(file: Path, column: str) -> Iterator[tuple[str, str]]:
    """Yields each value of a column, and where it is."""
    header, separator = read_header(file)
    position = header.index(column)
    if separator is None:
        batches = parquet.read_columns(file, [position], BATCH)
        values = (value for (values,) in batches for value in values)
        yield from ((f"row {number:,}", value) for number, value in enumerate(values, start=1))
        return
    with open_text(file) as lines:
        reader = csv.reader(lines, delimiter=separator, skipinitialspace=True)
        next(reader)
        for row in filter(None, reader):
            value = row[position]
            yield f"line {reader.line_num}", with_point(value) if separator == DECIMAL_COMMAS else value


def _wrong_length(file: Path, separator: str, width: int) -> JobError:
    with open_text(file) as lines:
        reader = csv.reader(lines, delimiter=separator, skipinitialspace=True)
        start = 0
        for row in reader:
            if row and len(row) != width:
                break
            start = reader.line_num
        problem = f"{file}, line {start + 1}: expected {width} values, found {len(row)}"
        if reader.line_num - start > 1:
            problem += f"; they go on to line {reader.line_num}: a quotation mark is not closed"
        return JobError(problem)


def _unreadable(file: Path, line: int, error: Exception) -> JobError:
    """Says why a file cannot be read. A text is decoded in blocks, so a wrong byte is searched for."""
    if not isinstance(error, UnicodeError):
        return JobError(f"{file}, line {line}: {error}")
    with PACKED.get(file.suffix, open)(str(file), "rb") as lines:
        is_utf_16 = lines.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        lines.seek(0)
        number, byte, column = _first_wrong_byte(lines)
    return JobError(
        f"{file}, line {number}, column {column}: byte 0x{byte:02x} is not utf-8; save the file as UTF-8: "
        f"iconv -f {'utf-16' if is_utf_16 else 'latin1'} -t utf-8 {file.name} > utf8.csv"
    )


def _first_wrong_byte(lines: IO[bytes]) -> tuple[int, int, int]:
    """Returns the line, the byte and its column of values, both counted from 1."""
    separator = ","
    for number, line in enumerate(lines, start=1):
        try:
            text = line.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            before = line[: error.start].decode("utf-8-sig", "replace")
            return number, line[error.start], len(_split(before, separator)) or 1
        if number == 1:
            separator = max(SEPARATORS, key=lambda character: len(_split(text, character)))
    raise AssertionError("every line is UTF-8")


def _split(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])
    except csv.Error:  # a line break or a null character inside a line: the file is no text
        return line.split(separator)


def _kind(file: Path) -> str:
    return (Path(file.stem).suffix if file.suffix in PACKED else file.suffix).lower()


def _listed(names: set[str]) -> str:
    return ", ".join(map(repr, sorted(names)[:5])) + (", ..." if len(names) > 5 else "") or "none"  # noqa: PLR2004
