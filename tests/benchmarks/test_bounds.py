"""What does not depend on the machine does not grow beyond its bound."""

from pathlib import Path

import pytest

from benchmarks.archives import archives
from benchmarks.bounds import ARCHIVE_BYTES, SYNTH_PACKAGES, TRANSITIONS
from benchmarks.packages import locked
from benchmarks.transitions import transitions


def test_every_function_has_a_bound(assembly: Path) -> None:
    """A new function comes with a bound of its own."""
    assert set(archives(assembly)) == set(ARCHIVE_BYTES)


@pytest.mark.parametrize("name", ARCHIVE_BYTES)
def test_archives_stay_small(name: str, assembly: Path) -> None:
    """The archive of each function stays below its bound, and the bound stays close to it."""
    size = archives(assembly)[name].bytes
    assert size <= ARCHIVE_BYTES[name]
    assert size > 0.8 * ARCHIVE_BYTES[name], "it has become smaller: so may its bound"


def test_synth_needs_few_packages() -> None:
    """What synthesises the stack is not joined by further packages."""
    assert len(locked()) <= SYNTH_PACKAGES


@pytest.mark.parametrize("stages", TRANSITIONS)
def test_runs_take_few_transitions(stages: int) -> None:
    """A run of the shipped input stays within the state transitions that it is said to cost."""
    assert transitions(stages) <= TRANSITIONS[stages]
