"""Runs experiments: every subject once per round, each round starting with another one; then medians and spreads."""

from collections.abc import Mapping, Sequence
from statistics import median

from benchmarks.rows import BASELINE, LIMIT, MODULE, REFERENCE, Experiment, Figures, Result, Row, Spread

Samples = Mapping[str, Sequence[Figures]]


def run(experiment: Experiment) -> list[Result]:
    """Measures the subjects in turns, and returns the rows' results."""
    samples: dict[str, list[Figures]] = {name: [] for name in experiment.subjects}
    names = list(samples)
    for number in range(experiment.rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            samples[name].append(experiment.subjects[name]())
    return [_result(row, samples) for row in experiment.rows]


def _result(row: Row, samples: Samples) -> Result:
    columns = {MODULE: row.module, BASELINE: BASELINE, LIMIT: row.limit, REFERENCE: REFERENCE}
    values = {
        column: [figures[row.figure] for figures in samples[subject]]
        for column, subject in columns.items()
        if row.figure in next(iter(samples.get(subject, ())), {})
    }
    ratios = [ours / limit for ours, limit in zip(values[MODULE], values.get(LIMIT, ()), strict=False)]
    return Result(
        row=row,
        spreads={column: _spread(numbers) for column, numbers in values.items()},
        ratio=median(ratios) if ratios else None,
    )


def _spread(values: Sequence[float]) -> Spread:
    return Spread(median=median(values), least=min(values), most=max(values), n=len(values))
