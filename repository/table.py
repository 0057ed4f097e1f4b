"""Reads the user's table: the column to predict, and a part of it that is small enough for a repository."""

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from executions.defaults import PROJECT
from local.images import scripts_python
from repository.errors import RepositoryError

MOST_BYTES = 5_000_000
"""A larger table is thinned out: git keeps every version of every file."""
_SAMPLE = Path(__file__).with_name("sample_table.py")
_PLAIN = (".csv", ".tsv", ".txt")


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table for a repository, as one file."""

    name: str
    """The file's."""
    label: str
    """The column to predict, by its name in the table."""
    content: bytes
    every: int
    """Of how many of the user's records it has one."""

    @classmethod
    def read(cls, path: Path, label: str | None) -> "Table":
        """Reads all of a table, as the jobs do: CSV or Parquet, packed or not, one file or a folder.

        A small CSV file is taken as it is; everything else becomes one.

        Args:
            path: the file or folder.
            label: the column to predict.

        Raises:
            RepositoryError: it cannot be read, or has no such column; the message has the nearest ones.
        """
        if not path.exists():
            raise RepositoryError(f"{path}: no such file or folder")
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "sample.csv")
            answer = json.loads(
                subprocess.run(
                    [scripts_python(), "-B", str(_SAMPLE), str(path), label or "", str(file), str(MOST_BYTES)],
                    env={**os.environ, "PYTHONPATH": str(PROJECT / "scripts")},
                    stdout=subprocess.PIPE,
                    check=True,
                ).stdout
            )
            if "error" in answer:
                raise RepositoryError(answer["error"])
            is_taken = path.is_file() and path.suffix.lower() in _PLAIN and answer["every"] == 1
            name = path.name if is_taken else f"{path.resolve().name.partition('.')[0]}.csv"
            return cls(name=name, content=(path if is_taken else file).read_bytes(), **answer)
