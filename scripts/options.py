"""What the user says about the table: the environment variables of the preprocessing job. Standard library only."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from job import JobError
from schema import PROBLEMS
from tables import Table, header_of
from values import category, clean


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
        drop, categories = (
            tuple(clean(name) for name in variables.get(key, "").split(",") if clean(name))
            for key in ("DROP", "CATEGORIES")
        )
        for key, names in (("LABEL", (label,)), ("DROP", drop), ("CATEGORIES", categories)):
            for name in names:
                _require(key, name, table)
        if label in drop:
            raise JobError(f"DROP has {label!r}, which is the LABEL")
        positive = category(clean(variables.get("POSITIVE", ""))) or None
        return cls(label, PROBLEMS.get(problem, problem) or None, positive, drop, categories)


def _require(key: str, name: str, table: Table) -> None:
    if name in table.columns:
        return
    near = difflib.get_close_matches(name, table.columns, cutoff=0.5)
    hint = f"did you mean {listed(near)}?" if near else f"it has {listed(table.columns)}"
    raise JobError(f"{key}: {header_of(table.files[0])}: no column named {name!r}; {hint}")


def listed(names: Iterable[str], most: int = 5) -> str:
    """Lists some names for a message."""
    found = list(names)
    return ", ".join(map(repr, found[:most])) + (f" and {len(found) - most:,} more" if len(found) > most else "")
