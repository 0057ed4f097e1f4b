"""``make bench``'s command line, without measurements, and its recorded results."""

import subprocess
import sys

import pytest

from benchmarks import results
from benchmarks.families import FAMILIES
from executions.defaults import PROJECT


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["synths"], 2, "'synths' is not one of 'synth', 'packages'"),
        (["--reference", "/no/such/folder"], 2, "'/no/such/folder' does not exist"),
        (["--reference", str(PROJECT)], 1, "error: "),
    ],
)
def test_wrong_usage(arguments: list[str], code: int, message: str) -> None:
    """Wrong usage is reported, and nothing is written."""
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
    assert message in run.stderr
    assert "Traceback" not in run.stderr
    assert results.FILE.read_bytes() == before


def test_every_family_was_measured() -> None:
    """The recorded results are complete, with the machine they were measured on."""
    content = results.read()
    assert list(content) == list(FAMILIES)
    for family in content.values():
        assert family["rows"]
        assert {"cores", "processor", "memory_gb", "python"} <= set(family["machine"])
