"""What the user says about the table: the environment variables of the preprocessing job. Standard library only."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from job import JobError
from schema import PROBLEMS
from tables import Table, header_of
from values import category, clean

# So many characters of a name are shown in a message.
LONGEST = 60


@dataclass(frozen=True)
class Options:
    """The options that ``preprocessing.py`` describes."""

    label: str
    problem: str | None
    positive: str | None
    drop: tuple[str, ...]
    categories: tuple[str, ...]

    @classmethod
    def read(cls, variables: Mapping[str, str], table: Table) -> Options:
        """Reads and checks the job's environment variables.

        Raises:
            JobError: a column does not exist, or the problem is unknown.
        """
        label = clean(variables.get("LABEL", "")) or table.columns[-1]
        problem = variables.get("PROBLEM", "").strip()
        if problem and problem not in (*PROBLEMS, *PROBLEMS.values()):
            raise JobError(f"PROBLEM is {problem!r}, expected {', '.join(PROBLEMS)}")
        drop, categories = (_names(variables.get(key, "")) for key in ("DROP", "CATEGORIES"))
        for key, names in (("LABEL", (label,)), ("DROP", drop), ("CATEGORIES", categories)):
            for name in names:
                _require(key, name, table)
        if label in drop:
            raise JobError(f"DROP has {label!r}, which is the LABEL")
        positive = category(clean(variables.get("POSITIVE", ""))) or None
        return cls(label, PROBLEMS.get(problem, problem) or None, positive, drop, categories)


def _names(text: str) -> tuple[str, ...]:
    """Splits names that are separated by commas; one that has a comma itself is in quotation marks."""
    found = next(csv.reader([clean(text)], skipinitialspace=True), [])
    return tuple(clean(name) for name in found if clean(name))


def _require(key: str, name: str, table: Table) -> None:
    if name in table.columns:
        return
    lower = {column.lower(): column for column in reversed(table.columns)}
    near = [lower[found] for found in difflib.get_close_matches(name.lower(), lower, cutoff=0.5)]
    hint = f"did you mean {listed(near)}?" if near else f"it has {listed(table.columns)}"
    raise JobError(f"{key}: {header_of(table.files[0])}: no column named {name!r}; {hint}")


def listed(names: Iterable[str], most: int = 5) -> str:
    """Lists some names for a message, the long ones by their beginnings."""
    found = [name if len(name) <= LONGEST else f"{name[:LONGEST]}..." for name in names]
    return ", ".join(map(repr, found[:most])) + (f" and {len(found) - most:,} more" if len(found) > most else "")
