"""Defines the table's rows, and experiments, whose subjects are measured in turns."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass

Figures = Mapping[str, float]
"""The result of one measurement of a subject, by the figures' names."""

Measure = Callable[[], Figures]

MODULE, BASELINE, LIMIT, REFERENCE = "module", "baseline", "limit", "reference"
"""The subjects: this module, the straightforward way to do the same, the lower limit, and the reference module."""


@dataclass(frozen=True, kw_only=True)
class Goal:
    """The maximum that the module should stay within."""

    most: float
    of_limit: bool = False
    """Whether ``most`` is a multiple of the limit, instead of a value in the row's unit."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of the table: one figure of the subjects."""

    name: str
    unit: str
    figure: str
    """The figure's name in the measurements."""
    goal: Goal | None = None
    quoted: float | None = None
    """The reference's figure as measured earlier; see ``benchmarks.reference``."""
    module: str = MODULE
    """The subject in the module's column."""
    limit: str = LIMIT
    """The subject in the limit's column; for growth, the smallest size."""


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """Subjects that are measured in turns, so that other load on the machine affects them equally."""

    rows: tuple[Row, ...]
    subjects: Mapping[str, Measure]
    rounds: int = 5


Experiments = Generator[Experiment, None, None]
"""The experiments of a family. Closing the generator cleans up the resources that they use."""


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Several measurements of one figure."""

    median: float
    least: float
    most: float
    n: int


@dataclass(frozen=True, kw_only=True)
class Result:
    """The result of a row."""

    row: Row
    spreads: Mapping[str, Spread]
    """By column: ``module``, ``baseline``, ``limit``, ``reference``."""
    ratio: float | None
    """The module's figure divided by the limit's: the median of the rounds' ratios."""

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without a goal."""
        goal = self.row.goal
        if goal is None:
            return None
        reached = self.ratio if goal.of_limit else self.spreads[MODULE].median
        return reached is not None and reached <= goal.most
