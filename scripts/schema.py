"""The schema: what the model predicts, and from which columns. Standard library only.

Preprocessing decides it from the training records and writes it as ``schema.json`` next to the train and test files;
training puts it into the model, so that a model is served with what it was trained on::

    {"version": 1, "label": "income", "problem": "binary_classification", "classes": ["- 50000.", "50000+."],
     "features": [{"name": "age", "type": "number"}, ...], "dropped": [{"name": "id", "reason": "identifier"}, ...]}

``classes`` are in order: the second of two is class 1; there are none in a regression. A feature's ``type`` is
``number``, ``category``, ``date`` (with its ``format``) or ``text``. Files without a header, and requests to the model,
have the features in this order.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from columns import Dropped, Feature
from job import JobError
from values import UNKNOWN, category, clean, number

BINARY, MULTICLASS, REGRESSION = "binary_classification", "multiclass_classification", "regression"
PROBLEMS = {"binary": BINARY, "multiclass": MULTICLASS, "regression": REGRESSION}

FILE = "schema.json"
VERSION = 1

# Whole numbers are classes if there are at most so many of them, and texts if at most MOST_CLASSES.
MOST_NUMBERED_CLASSES = 20
MOST_CLASSES = 50

# What R and pandas write for a missing value, and pandas reads as such: no class. "none" may well be one.
MISSING = frozenset({"NA", "N/A", "#N/A", "NaN", "nan", "<NA>", "NULL", "null"})

# If two classes are one of these pairs, the second is class 1; otherwise the rarer one is.
PAIRS = ({"0", "1"}, {"no", "yes"}, {"false", "true"}, {"n", "y"}, {"f", "t"}, {"-1", "1"})


@dataclass(frozen=True)
class Schema:
    """What the model predicts, and from what."""

    label: str
    problem: str
    classes: tuple[str, ...] | None
    features: tuple[Feature, ...]
    dropped: tuple[Dropped, ...] = ()

    @property
    def names(self) -> list[str]:
        """The features' names, in order."""
        return [feature.name for feature in self.features]

    def write(self, folder: Path) -> None:
        """Writes ``schema.json`` to a folder."""
        content = {
            "version": VERSION,
            "label": self.label,
            "problem": self.problem,
            "classes": self.classes,
            "features": [feature.as_json() for feature in self.features],
            "dropped": [{"name": one.name, "reason": one.reason} for one in self.dropped],
        }
        (folder / FILE).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Schema:
        """Reads ``schema.json`` from a folder.

        Raises:
            JobError: it is missing, or is none.
        """
        file = folder / FILE
        if not file.is_file():
            raise JobError(f"no {FILE} in {folder}; preprocessing writes it")
        try:
            content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            classes = content["classes"]
            return cls(
                label=content["label"],
                problem=content["problem"],
                classes=None if classes is None else tuple(classes),
                features=tuple(Feature(**feature) for feature in content["features"]),
                dropped=tuple(Dropped(**one) for one in content["dropped"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise JobError(f"{file} is not a schema: {error!r}") from error


def label_value(text: str) -> str:
    """Returns a label in one form, ``1.0`` and ``1`` being one class; empty if it is unknown."""
    value = clean(text)
    return "" if value in MISSING else category(value)


def problem_of(counts: Counter[str], given: str | None) -> str:
    """Returns the problem that the training records' labels make, unless it is given.

    Numbers are a regression if there are more than 20 different ones, or fractions; everything else is classes.
    """
    if given:
        return given
    if len(counts) == 2:  # noqa: PLR2004 - two classes
        return BINARY
    numbers = [number(value) for value in counts if value.lower() not in UNKNOWN]
    if all(found is not None for found in numbers):
        is_fraction = any(found is not None and not found.is_integer() for found in numbers)
        if is_fraction or len(numbers) > MOST_NUMBERED_CLASSES:
            return REGRESSION
    return MULTICLASS


def classes_of(counts: Counter[str], positive: str | None) -> tuple[str, ...]:
    """Returns the classes in order. Of two, the second is class 1: the given one; 1, yes or true; or the rarer one.

    Args:
        counts: the number of training records by label.
        positive: the user's choice for class 1.
    """
    numbers = {value: number(value) for value in counts}
    is_numbers = all(found is not None for found in numbers.values())
    ordered = sorted(counts, key=lambda value: (numbers[value] if is_numbers else 0, value))
    if len(ordered) != 2:  # noqa: PLR2004 - only two classes have a positive one
        return tuple(ordered)
    if positive is not None:
        ordered.sort(key=lambda value: value == positive)
    elif {value.lower() for value in ordered} in PAIRS:
        ordered.sort(key=str.lower)
    else:
        ordered.sort(key=lambda value: -counts[value])
    return tuple(ordered)
