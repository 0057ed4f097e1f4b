"""``make bench``'s program, as far as it measures nothing, and what it has written down."""

import subprocess
import sys

import pytest

from benchmarks import results
from benchmarks.families import FAMILIES
from benchmarks.processes import PROJECT
from benchmarks.table import DOCUMENT, written


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["synths"], 2, "'synths' is not one of 'synth', 'packages'"),
        (["--reference", "/no/such/folder"], 2, "'/no/such/folder' does not exist"),
        (["--reference", str(PROJECT)], 1, "error: "),
    ],
)
def test_wrong_use(arguments: list[str], code: int, said: str) -> None:
    """What cannot be measured is said, and nothing is written."""
    before = results.FILE.read_bytes()
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments, "transitions"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == code, run.stderr
    assert said in run.stderr
    assert "Traceback" not in run.stderr
    assert results.FILE.read_bytes() == before


def test_document_has_the_measured_figures() -> None:
    """The table in docs/performance.md is the one of results.json; make bench writes both."""
    document = DOCUMENT.read_text()
    assert document == written(document, results.read())


def test_every_family_was_measured() -> None:
    """The figures that are shown are complete, with what they were measured on."""
    content = results.read()
    assert list(content) == list(FAMILIES)
    for family in content.values():
        assert family["rows"]
        assert {"cores", "processor", "memory_gb", "python"} <= set(family["machine"])
