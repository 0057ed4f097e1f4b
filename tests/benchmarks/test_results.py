"""The output of ``make bench``: ``results.json``, and the table in the document."""

from pathlib import Path

from benchmarks import results
from benchmarks.rows import LIMIT, MODULE, Experiment, Goal, Result, Row
from benchmarks.runner import run
from benchmarks.table import written

ORDER = ("synth", "lambda")


def measured(value: float) -> list[Result]:
    """A family of one row with this duration."""
    row = Row(name="synth: wall", unit="s", figure="wall", goal=Goal(most=1.6, of_limit=True), quoted=23)
    subjects = {MODULE: lambda: {"wall": value}, LIMIT: lambda: {"wall": 2.0}}
    return run(Experiment(rows=(row,), subjects=subjects, rounds=2))


def test_a_selection_leaves_the_other_families(tmp_path: Path) -> None:
    """New results replace only those of their family, and the table keeps its order."""
    file = tmp_path / "results.json"
    results.write("lambda", measured(1), order=ORDER, file=file)
    results.write("synth", measured(4), order=ORDER, file=file)
    results.write("synth", measured(3), order=ORDER, file=file)
    content = results.read(file)
    assert list(content) == ["synth", "lambda"]
    assert content["synth"]["rows"][0]["module"]["median"] == 3
    assert content["lambda"]["rows"][0]["module"]["median"] == 1


def test_the_machine_is_not_identified() -> None:
    """The results describe the machine as far as they depend on it, without a host name."""
    assert set(results.machine()) == {"cores", "processor", "memory_gb", "system", "python", "load"}


def test_the_table_goes_between_the_marks(tmp_path: Path) -> None:
    """The document around the table is unchanged, and writing is idempotent."""
    file = tmp_path / "results.json"
    results.write("synth", measured(4), order=ORDER, file=file)
    content = results.read(file)
    document = written("before\n<!-- table -->\nold\n<!-- end of the table -->\nafter\n", content)
    assert document.startswith("before\n")
    assert document.endswith("after\n")
    assert "| synth: wall, s | 4 |  | 2 | 23* | 2 | ≤ 1.6 × limit | no | 2 |" in document
    assert written(document, content) == document
