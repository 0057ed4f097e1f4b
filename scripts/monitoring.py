"""Processing job: compares scored records with the baseline of the model that scored them.

Reads the baseline under ``/opt/ml/processing/baseline`` (``baseline.py``), and the records under
``/opt/ml/processing/records``, with batch transform's answers under ``/opt/ml/processing/answers`` (``scored.py``).
Writes to ``/opt/ml/processing/monitoring``:

- ``monitoring.json``: ``{"outcome": "healthy" | "drift" | "too_little_data", "records": ..., "violations": [{"feature":
  ..., "check": ..., "value": ..., "threshold": ...}, ...]}``, the largest violations first;
- ``statistics.json``, ``constraint_violations.json``: in SageMaker Model Monitor's layouts:
  https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-interpreting-violations.html.

The variables ``MINIMUM_RECORDS``, below which nothing is judged, and ``MODEL``, under which the metrics are put in
CloudWatch, are optional. Blocks of records are read in as many processes as there are processors, and memory does not
grow with their number.
"""

from __future__ import annotations

import json
import multiprocessing
import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any

import baseline
import drift
import metrics
import scored
from job import PROCESSING, PROCESSING_FAILURE, JobError, run
from profiles import Profile

# Fewer records than this are not judged: each of a number's bins would expect less than ten.
MINIMUM_RECORDS = 200

HEALTHY, DRIFT, TOO_LITTLE = "healthy", "drift", "too_little_data"

# So many violations are in monitoring.json, which the state machine reads; constraint_violations.json has all.
VIOLATIONS = 20


Columns = Sequence[Mapping[str, str]]


def profile_of(block: scored.Block, features: Columns, scores: Columns, seed: int) -> Profile:
    """Returns the statistics of a block's records.

    Raises:
        JobError: the block cannot be read.
    """
    found = scored.read(block, features, scores)
    profile = Profile(features, seed)
    if len(found.rows):
        profile.add(found.rows, found.scores)
    return profile


def window_of(blocks: Iterable[scored.Block], reference: baseline.Baseline) -> Profile:
    """Returns the statistics of all blocks' records, read in parallel.

    Raises:
        JobError: a block cannot be read.
    """
    features, scores = reference.features, reference.scores
    total = Profile(features)
    workers = multiprocessing.cpu_count()
    with ProcessPoolExecutor(workers) as pool:
        for profile in _in_turn(
            pool.submit(profile_of, block, features, scores, seed) for seed, block in enumerate(blocks, start=1)
        ):
            total.merge(profile)
    return total


def _in_turn(futures: Iterator[Future[Profile]]) -> Iterator[Profile]:
    """Yields the results in order, with a few blocks at a time in memory."""
    waiting: deque[Future[Profile]] = deque()
    for future in futures:
        waiting.append(future)
        if len(waiting) > 2 * multiprocessing.cpu_count():
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def judge(window: Mapping[str, Any], reference: baseline.Baseline, minimum: int) -> tuple[str, list[drift.Check]]:
    """Returns the outcome and the violations, the largest first."""
    if window["dataset"]["item_count"] < minimum:
        return TOO_LITTLE, []
    checks = drift.compare(reference.statistics, window, reference.constraints["monitoring_config"])
    found = sorted((check for check in checks if check.exceeded), key=_how_far, reverse=True)
    return (DRIFT if found else HEALTHY), found


def _how_far(check: drift.Check) -> float:
    """Returns by what factor a value exceeds its threshold, from either side."""
    least, most = sorted((check.value, check.threshold))
    return most / max(least, 1e-9)


def write(folder: Path, summary: Mapping[str, Any], window: Mapping[str, Any], found: Sequence[drift.Check]) -> None:
    """Writes the three files."""
    violations = [
        {
            "feature_name": check.feature,
            "constraint_check_type": check.constraint,
            "description": check.description,
            "check": check.check,
            "value": check.value,
            "threshold": check.threshold,
        }
        for check in found
    ]
    folder.mkdir(parents=True, exist_ok=True)
    contents = {"statistics.json": window, "constraint_violations.json": {"violations": violations}}
    for name, content in dict(contents, **{"monitoring.json": summary}).items():
        (folder / name).write_text(json.dumps(content, allow_nan=False), encoding="utf-8")


def minimum_records() -> int:
    """Returns the variable MINIMUM_RECORDS.

    Raises:
        JobError: it is not a whole number above 0.
    """
    text = os.environ.get("MINIMUM_RECORDS", str(MINIMUM_RECORDS))
    if not text.isdecimal() or not int(text):
        raise JobError(f"MINIMUM_RECORDS is {text!r}, expected a whole number from 1")
    return int(text)


def main() -> None:
    """Judges the window.

    Raises:
        JobError: there is no baseline, a record cannot be read, or the metrics cannot be written.
    """
    minimum = minimum_records()
    reference = baseline.read(PROCESSING / "baseline")
    blocks = scored.blocks(PROCESSING / "records", PROCESSING / "answers")
    window = window_of(blocks, reference).statistics()
    outcome, found = judge(window, reference, minimum)
    summary = {
        "outcome": outcome,
        "records": window["dataset"]["item_count"],
        "violations": [
            {"feature": one.feature, "check": one.check, "value": one.value, "threshold": one.threshold}
            for one in found[:VIOLATIONS]
        ],
    }
    write(PROCESSING / "monitoring", summary, window, found)
    print(f"{outcome}: {summary['records']:,} records, {len(found)} violations")
    for check in found[:VIOLATIONS]:
        print(f"{check.feature}: {check.description}")
    if "MODEL" in os.environ:
        metrics.put(os.environ["MODEL"], summary["records"], found)


if __name__ == "__main__":
    run(main, PROCESSING_FAILURE)
