"""Processing job: compares scored records with the baseline of the model that scored them.

Reads the baseline under ``/opt/ml/processing/baseline`` (``baseline.py``), and the records under
``/opt/ml/processing/records``, with batch transform's answers under ``/opt/ml/processing/answers`` (``scored.py``).
Labels that have arrived since are under ``/opt/ml/processing/labels``, if there are any (``late_labels.py``).

A window of what a version in service has scored since the last one also has ``/opt/ml/processing/window/window.json``,
``{"answers": {<path of answers>: <path of records>}}``, and, if labels have arrived, the captured requests of earlier
windows under ``/opt/ml/processing/earlier``: these are judged by their labels only.

Writes to ``/opt/ml/processing/monitoring``:

- ``monitoring.json``: ``{"outcome": "healthy" | "drift" | "too_little_data", "records": ..., "violations": [{"feature":
  ..., "check": ..., "value": ..., "threshold": ...}, ...]}``, those of quality and then the largest first; with labels,
  ``"labels": {"records": ..., "of": ..., "without_record": ..., "share_taken": ...}``; of a window, ``"waiting":
  ["records", "labels"]`` has those of which there were too few to judge, although the others were;
- ``statistics.json``, ``constraint_violations.json``: in SageMaker Model Monitor's layouts:
  https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-interpreting-violations.html.

The variables ``MINIMUM_RECORDS``, below which nothing is judged (``minimum_records`` in ``input.yaml``), and ``MODEL``,
under which the metrics are put in CloudWatch, are optional. Blocks of records are read in as many processes as there
are processors, and memory does not grow with their number.
"""

from __future__ import annotations

import json
import multiprocessing
import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import baseline
import drift
import late_labels
import metrics
import scored
from check import Check
from job import PROCESSING, PROCESSING_FAILURE, JobError, run
from late_quality import compared
from record_statistics import RecordStatistics

# Fewer records than this are not judged: each of a number's bins would expect less than ten.
MINIMUM_RECORDS = 200

HEALTHY, DRIFT, TOO_LITTLE = "healthy", "drift", "too_little_data"

# So many violations are in monitoring.json, which the state machine reads; constraint_violations.json has all.
VIOLATIONS = 20

RECORDS, LABELS = "records", "labels"

Columns = Sequence[Mapping[str, str]]
T = TypeVar("T")


def described(
    block: scored.Block, features: Columns, scores: Columns, seed: int
) -> tuple[RecordStatistics, late_labels.Joined]:
    """Returns the statistics of a block's records, and those records whose labels have arrived.

    Raises:
        JobError: the block cannot be read.
    """
    found = scored.read(block, features, scores)
    statistics = RecordStatistics(features, seed)
    if len(found.rows):
        statistics.add(found.rows, found.scores)
    return statistics, late_labels.joined(found)


def window_of(
    blocks: Iterator[scored.Block],
    reference: baseline.Baseline,
    labels: late_labels.Labels | None = None,
    earlier: Iterable[scored.Block] = (),
) -> tuple[RecordStatistics, late_labels.Labelled | None]:
    """Returns the statistics of all blocks' records, read in parallel, and the records whose labels have arrived.

    Args:
        blocks: the window's records.
        reference: the baseline.
        labels: those that have arrived, if any.
        earlier: captured requests of earlier windows, of which only the labelled ones count.

    Raises:
        JobError: a block cannot be read, or labels are not those of the records.
    """
    features, scores = reference.features, reference.scores
    total = RecordStatistics(features)
    labelled = late_labels.Labelled(labels) if labels else None
    watched = labelled.watched(blocks) if labelled else blocks
    with ProcessPoolExecutor(
        multiprocessing.cpu_count(),
        initializer=late_labels.begin,
        initargs=(labels.by_key if labels else {},),
    ) as pool:
        for statistics, joined in _in_turn(
            pool.submit(described, block, features, scores, seed) for seed, block in enumerate(watched, start=1)
        ):
            total.merge(statistics)
            if labelled:
                labelled.add(joined)
        if labelled:
            for records, joined in _in_turn(
                pool.submit(late_labels.joined_earlier, block, features, scores) for block in earlier
            ):
                labelled.add(joined, earlier=records)
    return total, labelled


def _in_turn(futures: Iterator[Future[T]]) -> Iterator[T]:
    """Yields the results in order, with a few blocks at a time in memory."""
    waiting: deque[Future[T]] = deque()
    for future in futures:
        waiting.append(future)
        if len(waiting) > 2 * multiprocessing.cpu_count():
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def judge(
    window: Mapping[str, Any], reference: baseline.Baseline, minimum: int, *, each: bool = False
) -> tuple[str, list[Check]]:
    """Returns the outcome and the violations: those of quality first, then the largest.

    Args:
        window: the window's ``statistics.json``; ``quality`` is there, and possibly None, if there is a file of labels.
        reference: the baseline.
        minimum: the number of records, and of labels, below which nothing is judged.
        each: whether records are judged without labels, and labels without records, if there are too few of the others.
    """
    few = too_few(window, reference, minimum)
    if RECORDS in few and not (each and "quality" in window and LABELS not in few):
        return TOO_LITTLE, []
    of_baseline = reference.statistics
    if RECORDS in few:
        window, of_baseline = (dict(one, features=[], scores=[]) for one in (window, of_baseline))
    comparable = {key: part for key, part in window.items() if key != "quality" or LABELS not in few}
    checks = drift.compare(of_baseline, comparable, reference.constraints["monitoring_config"])
    found = sorted((check for check in checks if check.exceeded), key=_importance, reverse=True)
    if found:
        return DRIFT, found
    return (HEALTHY if each or not few else TOO_LITTLE), []


def too_few(window: Mapping[str, Any], reference: baseline.Baseline, minimum: int) -> list[str]:
    """Returns ``records`` or ``labels``, or both, if there are too few of them; see ``judge``."""
    return [
        *([RECORDS] if window["dataset"]["item_count"] < minimum else ()),
        *([LABELS] if "quality" in window and not _is_known(window["quality"], reference.quality, minimum) else ()),
    ]


def _is_known(quality: Mapping[str, Any] | None, of_baseline: Mapping[str, Any], minimum: int) -> bool:
    """Returns whether there are enough labels."""
    return quality is not None and quality["records"] >= minimum and bool(compared(of_baseline, quality))


def _importance(check: Check) -> tuple[bool, float]:
    """Returns whether it is of quality, and by what factor a value exceeds its threshold, from either side."""
    least, most = sorted((abs(check.value), abs(check.threshold)))
    return check.check in {"quality", "calibration"}, most / max(least, 1e-9)


def write(folder: Path, summary: Mapping[str, Any], window: Mapping[str, Any], found: Sequence[Check]) -> None:
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


def answers_of(folder: Path) -> Mapping[str, str] | None:
    """Returns the paths of answers in ``window.json``, each with that of its records; None if there is no such file."""
    file = folder / "window.json"
    if not file.is_file():
        return None
    found: Mapping[str, str] = json.loads(file.read_text(encoding="utf-8"))["answers"]
    return found


def main() -> None:
    """Judges the window.

    Raises:
        JobError: there is no baseline, a record or a label cannot be read, or the metrics cannot be written.
    """
    minimum = minimum_records()
    reference = baseline.read(PROCESSING / "baseline")
    labels, records = PROCESSING / "labels", PROCESSING / "records"
    named = answers_of(PROCESSING / "window")
    is_window = named is not None
    has_labels = any(path.is_file() for path in labels.rglob("*"))
    late = late_labels.read(labels, records, reference.quality) if has_labels else None
    blocks = scored.blocks(records, PROCESSING / "answers", named)
    total, labelled = window_of(blocks, reference, late, scored.requests(PROCESSING / "earlier"))
    window = total.statistics()
    counts = labelled.counts(total.records, must_match=not is_window) if labelled else None
    if labelled:
        window["quality"] = labelled.quality(reference.quality)
    outcome, found = judge(window, reference, minimum, each=is_window)
    summary: dict[str, Any] = {
        "outcome": outcome,
        "records": total.records,
        **({"labels": counts} if counts else {}),
        **({"waiting": too_few(window, reference, minimum)} if is_window else {}),
        "violations": [
            {"feature": one.feature, "check": one.check, "value": one.value, "threshold": one.threshold}
            for one in found[:VIOLATIONS]
        ],
    }
    write(PROCESSING / "monitoring", summary, window, found)
    print(f"{outcome}: {summary['records']:,} records, {len(found)} violations")
    if counts:
        without = f", {counts['without_record']:,} labels without a record" if counts["without_record"] else ""
        print(f"labels: {counts['records']:,} of {counts['of']:,} records{without}")
    if outcome != TOO_LITTLE and summary.get("waiting"):
        print(f"fewer than {minimum:,} {' and '.join(summary['waiting'])}: the next window has them, too")
    for check in found[:VIOLATIONS]:
        print(f"{check.feature}: {check.description}")
    if "MODEL" in os.environ:
        metrics.put(os.environ["MODEL"], summary["records"], found)


if __name__ == "__main__":
    run(main, PROCESSING_FAILURE)
