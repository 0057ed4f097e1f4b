"""What a row of the table is, and an experiment, whose subjects are measured in turns."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass

Figures = Mapping[str, float]
"""What one measurement of a subject gives, by the figures' names."""

Measure = Callable[[], Figures]

MODULE, BASELINE, LIMIT, REFERENCE = "module", "baseline", "limit", "reference"
"""The subjects: this module, the plain way to do the same, what cannot be gone below, and the reference module."""


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What the module is to stay at or below."""

    most: float
    of_limit: bool = False
    """Whether it is a multiple of the limit; if not, it is in the row's unit."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of the table: one figure of the subjects."""

    name: str
    unit: str
    figure: str
    """The figure's name in the measurements."""
    goal: Goal | None = None
    quoted: float | None = None
    """The reference's, as it was measured once; see ``benchmarks.reference``."""
    module: str = MODULE
    """The subject in the module's column."""
    limit: str = LIMIT
    """The subject in the limit's column; of a growth, the smallest size."""


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """Subjects that are measured in turns, so that what else the machine does falls on all of them alike."""

    rows: tuple[Row, ...]
    subjects: Mapping[str, Measure]
    rounds: int = 5


Experiments = Generator[Experiment, None, None]
"""Those of a family. What they need is there while the generator goes on, and is gone when it is closed."""


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Several measurements of one figure."""

    median: float
    least: float
    most: float
    n: int


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came out for a row."""

    row: Row
    spreads: Mapping[str, Spread]
    """By the column: ``module``, ``baseline``, ``limit``, ``reference``."""
    ratio: float | None
    """The module's figure by the limit's: the median of the rounds' ratios."""

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None where there is none."""
        goal = self.row.goal
        if goal is None:
            return None
        reached = self.ratio if goal.of_limit else self.spreads[MODULE].median
        return reached is not None and reached <= goal.most
