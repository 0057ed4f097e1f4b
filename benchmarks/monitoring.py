"""Monitoring: false alarms, missed shifts, and the time and memory for a million captured records."""

import functools
import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.processes import environment, image_python, usage
from benchmarks.reference import Reference
from benchmarks.rows import MODULE, Experiment, Experiments, Figures, Goal, Row
from benchmarks.script_runs import SCRIPTS, census, run_scripts_in
from executions.defaults import PROJECT

_PROGRAM = PROJECT / "benchmarks" / "apps" / "monitoring_windows.py"
_SPLITS = 4
_CAPTURED = 1_000_000
_PER_FILE = 50_000
_SECONDS = 60.0
_FALSE, _MISSED = 2, 5

_SIZES = {"500": 500, "5,000": 5_000, "40,000": 40_000}
_SHIFTS = {
    "moved": "a number moved by a quarter of its deviation",
    "doubled": "a category of at least 5% doubled",
    "missing": "5 points more missing values",
    "points": "probabilities 10 points too high",
    "times": "probabilities times 1.1",
    "uncalibrated": "calibration, by labels, if probabilities are 10 points too high",
    "worse": "AUC, by labels, if a fifth of the answers are of other records",
}

ROWS = (
    *(
        Row(
            name=f"monitoring: false alarms, of 200 windows of {shown} records",
            unit="",
            figure=f"false_{size}",
            goal=Goal(most=_FALSE),
        )
        for shown, size in _SIZES.items()
    ),
    *(
        Row(
            name=f"monitoring: missed, of 100 windows of 5,000 records: {what}",
            unit="",
            figure=f"missed_{shift}",
            goal=Goal(most=_MISSED),
        )
        for shift, what in _SHIFTS.items()
    ),
)

CAPTURED_ROWS = (
    Row(name="monitoring.py, 1,000,000 captured records", unit="s", figure="wall", goal=Goal(most=_SECONDS)),
    Row(name="monitoring.py, CPU", unit="s", figure="cpu"),
    Row(name="monitoring.py, peak memory of a process", unit="MB", figure="memory"),
)


def experiments(_checkout: Reference | None) -> Experiments:
    """Yields the experiments of this family."""
    with census() as data, TemporaryDirectory() as made:
        folder = Path(made)
        run_scripts_in(folder, data)
        yield Experiment(rows=ROWS, subjects={MODULE: functools.partial(_windows, folder)}, rounds=1)
        _capture(folder)
        yield Experiment(rows=CAPTURED_ROWS, subjects={MODULE: functools.partial(_job, folder)}, rounds=3)


def _windows(folder: Path) -> Figures:
    variables = environment(PYTHONPATH=str(SCRIPTS), OMP_WAIT_POLICY="PASSIVE")
    program: list[str | Path] = [image_python(), _PROGRAM, folder / "processing", str(_SPLITS)]
    figures: Figures = json.loads(usage(program, cwd=SCRIPTS, variables=variables).printed)
    return figures


def _job(folder: Path) -> Figures:
    variables = environment(SAGEMAKER_BASE_DIR=str(folder))
    return usage([image_python(), "monitoring.py"], cwd=SCRIPTS, variables=variables).figures


def _capture(folder: Path) -> None:
    """Writes the test records as captured requests, as often as needed, next to their baseline."""
    processing = folder / "processing"
    shutil.move(processing / "evaluation", processing / "baseline")
    (processing / "records").mkdir()
    asked = (processing / "test" / "test_features.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    answered = (folder / "predictions.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    for first in range(0, _CAPTURED, _PER_FILE):
        with (processing / "records" / f"{first:07}.jsonl").open("w", encoding="utf-8") as file:
            for number in range(first, first + _PER_FILE):
                at = number % len(asked)
                file.write(_line(asked[at], answered[at], number))


def _line(asked: str, answered: str, number: int) -> str:
    def part(mode: str, data: str) -> dict[str, str]:
        return {"observedContentType": "text/csv", "mode": mode, "data": data, "encoding": "CSV"}

    event = {
        "captureData": {"endpointInput": part("INPUT", asked), "endpointOutput": part("OUTPUT", answered)},
        "eventMetadata": {"eventId": str(number), "inferenceTime": "2026-11-29T00:00:00Z"},
        "eventVersion": "0",
    }
    return json.dumps(event, separators=(",", ":")) + "\n"
