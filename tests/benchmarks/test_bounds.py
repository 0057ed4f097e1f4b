"""Size budgets that do not depend on the machine."""

import json
from pathlib import Path

import pytest

from benchmarks.archives import archives
from benchmarks.bounds import ARCHIVE_BYTES, SYNTH_PACKAGES, TRANSITIONS
from benchmarks.packages import locked
from benchmarks.start_function import VARIABLES
from benchmarks.transitions import transitions


def test_every_function_has_a_bound(assembly: Path) -> None:
    """Every function has a bound."""
    assert set(archives(assembly)) == set(ARCHIVE_BYTES)


@pytest.mark.parametrize("name", ARCHIVE_BYTES)
def test_archives_stay_small(name: str, assembly: Path) -> None:
    """Each function's archive stays within its bound, and the bound stays close to its size."""
    size = archives(assembly)[name].bytes
    assert size <= ARCHIVE_BYTES[name]
    assert size > 0.8 * ARCHIVE_BYTES[name], "the archive has shrunk; lower its bound"


def test_start_function_has_its_variables(assembly: Path) -> None:
    """The measured start function finds every environment variable that the deployed one has."""
    template = json.loads((assembly / "mlops-demo.template.json").read_text())
    (starter,) = (
        resource["Properties"]["Environment"]["Variables"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Lambda::Function" and name.startswith("Starter")
    )
    assert starter.keys() <= VARIABLES.keys()


def test_synth_needs_few_packages() -> None:
    """Synthesis needs no additional packages."""
    assert len(locked()) <= SYNTH_PACKAGES


@pytest.mark.parametrize("stages", TRANSITIONS)
def test_runs_take_few_transitions(stages: int) -> None:
    """A run of the shipped input stays within its budget of state transitions."""
    assert transitions(stages) <= TRANSITIONS[stages]
