"""The families of rows, in the table's order; ``make bench ROWS="synth lambda"`` measures some of them."""

from collections.abc import Callable, Mapping

from benchmarks import (
    growth,
    local_run,
    monitoring,
    packages,
    reuse,
    scripts,
    start_function,
    starts,
    synth,
    tables,
    transitions,
)
from benchmarks.reference import Reference
from benchmarks.rows import Experiments

FAMILIES: Mapping[str, Callable[[Reference | None], Experiments]] = {
    "synth": synth.experiments,
    "packages": packages.experiments,
    "lambda": start_function.experiments,
    "transitions": transitions.experiments,
    "starts": starts.experiments,
    "local": local_run.experiments,
    "reuse": reuse.experiments,
    "scripts": scripts.experiments,
    "tables": tables.experiments,
    "growth": growth.experiments,
    "monitoring": monitoring.experiments,
}
