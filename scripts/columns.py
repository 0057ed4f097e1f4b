"""What the columns of a table are: numbers, categories, dates, texts, or nothing that a model can learn from.

Decided from the training records only, as everything that the model learns. Standard library only.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

from values import DAYS, UNKNOWN, clean, date, has_year, number, quoted, time_form

NUMBER, CATEGORY, DATE, TEXT = "number", "category", "date", "text"

# A column holds numbers or dates if this share of its known values does. The others are unknown, and said.
MOST = 0.99

# A column of other values of which at least this share are numbers is said to be none of numbers.
MOSTLY = 0.25

# Values of more than this many words on average are a text, unless they repeat.
WORDS = 3

# Values are counted in so many records, and in every eighth batch of those that follow: counting all of them takes as
# long as everything else together.
COUNTED_RECORDS = 20_000
COUNTED_BATCHES = 8

# So many distinct values are kept: of all columns together, and of one.
DISTINCT = 1_000_000
DISTINCT_PER_COLUMN = 2**16

# So many distinct values are tried with each form of a day.
TRIED = 200

IDENTIFIER = "identifier: every value is different"
# Whole numbers in a column of such a name are no quantities: customer_id, ID, identifier, zip, postcode, Country Code.
NAMES_OF_CODES = re.compile(r"(?i:(?:^|[\W_])(?:id|identifier|zip)|code)\d*$|[a-z]I[dD]$", re.ASCII)


@dataclass
class Counts:
    """How often a column has each of its values, in those training or test records that are counted."""

    most: int
    raw: Counter[str] = field(default_factory=Counter)
    records: int = 0
    is_whole: bool = True

    def add(self, values: Iterable[str], records: int) -> None:
        """Counts some values more, unless the column has too many distinct ones."""
        if self.is_whole:
            self.raw.update(values)
            self.records += records
            self.is_whole = len(self.raw) <= self.most

    def cleaned(self) -> Counter[str]:
        """Returns the number of records by cleaned value."""
        found: Counter[str] = Counter()
        for value, times in self.raw.items():
            found[clean(value)] += times
        return found


@dataclass(frozen=True)
class Feature:
    """A column that the model learns from."""

    name: str
    type: str
    format: str | None = None
    """Of a date."""

    def as_json(self) -> dict[str, str]:
        """Its entry in the schema."""
        return {"name": self.name, "type": self.type, **({"format": self.format} if self.format else {})}

    def fits(self, value: str) -> bool:
        """Whether a cleaned value is known, and of the feature's type."""
        if self.type == NUMBER:
            return number(value) is not None
        if self.format:
            return date(value, self.format) is not None
        return value != ""

    def cell(self, value: str) -> str:
        """Returns a cleaned value as the files without a header have it: quoted, and empty if it does not fit."""
        return quoted(value) if self.fits(value) else ""

    def misfits(self, values: Iterable[str]) -> list[str]:
        """Returns those of the values, as they are in the files, that are known but not of the feature's type."""
        return [value for value in values if clean(value) and not self.fits(clean(value))]


@dataclass(frozen=True)
class Dropped:
    """A column that the model does not learn from."""

    name: str
    reason: str


def describe(name: str, counts: Counter[str], records: int, *, is_category: bool) -> Feature | Dropped:
    """Decides what a column is.

    Args:
        name: the column's.
        counts: the number of training records by cleaned value, of those that are counted.
        records: the number of all training records.
        is_category: whether the user says that its numbers are categories.
    """
    known = {value: times for value, times in counts.items() if value}
    if not known:
        return Dropped(name, "every value is unknown")
    if len(known) == 1 and len(counts) == 1:
        return Dropped(name, f"constant: every value is {next(iter(known))!r}")
    return Feature(name, CATEGORY) if is_category else _measured(name, known, records) or _named(name, known)


def _measured(name: str, known: dict[str, int], records: int) -> Feature | Dropped | None:
    """Returns a column of numbers or dates; None if it is another, such as one of codes."""
    counts = {value: times for value, times in known.items() if value.lower() not in UNKNOWN}
    numbers = {value: found for value in counts for found in [number(value)] if found is not None}
    if counts and _most(counts, numbers):
        is_whole = all(value.is_integer() for value in numbers.values())
        is_code = is_whole and NAMES_OF_CODES.search(name) is not None
        if max(counts.values()) == 1 and is_whole and _identify(list(numbers.values()), records, is_code=is_code):
            return Dropped(name, IDENTIFIER)
        return None if is_code else Feature(name, NUMBER)
    form = _form(counts)
    return Feature(name, DATE, form) if form else None


def _named(name: str, known: dict[str, int]) -> Feature | Dropped:
    """Returns a column of categories or texts, or of names that identify the records."""
    records = sum(known.values())
    words = sum(len(value.split()) * times for value, times in known.items()) / records
    repeats = len(known) <= records / 2
    if words >= WORDS and not repeats:
        return Feature(name, TEXT)
    return Dropped(name, IDENTIFIER) if len(known) == records > 1 else Feature(name, CATEGORY)


def share_of_numbers(counts: Counter[str]) -> float:
    """Returns which share of a column's known values are numbers."""
    known = {value: times for value, times in counts.items() if value.lower() not in UNKNOWN}
    return sum(known[value] for value in known if number(value) is not None) / max(1, sum(known.values()))


def _most(counts: dict[str, int], values: Iterable[str]) -> bool:
    return sum(counts[value] for value in values) >= MOST * sum(counts.values())


def _identify(values: list[float], records: int, *, is_code: bool) -> bool:
    """Whether different whole numbers identify the records: they number them, or are codes."""
    if len(values) < 10:  # noqa: PLR2004 - too few to tell
        return False
    return is_code or max(values) - min(values) < 2 * records


def _form(counts: dict[str, int]) -> str | None:
    """Returns the first form of a date that nearly all values have."""
    tried = dict(islice(counts.items(), TRIED))
    if not tried or not _most(tried, filter(has_year, tried)):
        return None
    time = Counter(map(time_form, tried)).most_common(1)[0][0]
    for form in (day + time for day in DAYS):
        if _most(tried, (value for value in tried if date(value, form))):
            return form if _most(counts, (value for value in counts if date(value, form))) else None
    return None
