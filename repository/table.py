"""Reads a CSV file: its columns, and a part of it that is small enough for a repository."""

import csv
import difflib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from repository.errors import RepositoryError

MOST_BYTES = 5_000_000
"""A larger table is thinned out: git keeps every version of every file."""
_MOST_NAMED = 10


@dataclass(frozen=True)
class Table:
    """A CSV file with a header."""

    path: Path
    columns: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> "Table":
        """Reads the header.

        Raises:
            RepositoryError: there is no such file, or it has no header.
        """
        with _errors(path), path.open(newline="", encoding="utf-8-sig") as file:
            header = next(csv.reader(file), [])
        if not any(header):
            raise RepositoryError(f"{path} is empty; expected a CSV file whose first line names the columns")
        return cls(path, tuple(name.strip() for name in header))

    def require(self, label: str | None) -> str:
        """Returns the label's column.

        Raises:
            RepositoryError: there is none of this name; the message has the nearest.
        """
        if label in self.columns and label:
            return label
        if label is None:
            raise RepositoryError(f"--data needs --label, the column to predict: {_listed(self.columns)}")
        near = difflib.get_close_matches(label, self.columns, cutoff=0.5)
        hint = f"did you mean {_listed(near)}?" if near else f"it has {_listed(self.columns)}"
        raise RepositoryError(f"{self.path}, line 1: no column named {label!r}; {hint}")

    def thinned(self) -> tuple[bytes, int]:
        """Returns the file for the repository, and of how many records it has one, from the first to the last.

        Raises:
            RepositoryError: the file cannot be read.
        """
        with _errors(self.path):
            every = -(-self.path.stat().st_size // MOST_BYTES)
            if every == 1:
                return self.path.read_bytes(), 1
            kept = io.StringIO(newline="")
            writer = csv.writer(kept, lineterminator="\n")
            with self.path.open(newline="", encoding="utf-8-sig") as file:
                records = csv.reader(file)
                writer.writerow(next(records))
                writer.writerows(record for number, record in enumerate(records) if number % every == 0)
            return kept.getvalue().encode(), every


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RepositoryError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RepositoryError(
            f"{path} is not UTF-8, at byte {error.start:,}; unpack it, or convert it: iconv -t UTF-8"
        ) from error
    except csv.Error as error:
        raise RepositoryError(f"{path} is not CSV: {error}") from error


def _listed(names: list[str] | tuple[str, ...]) -> str:
    more = f" and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(map(repr, names[:_MOST_NAMED])) + more
