"""The monitoring job on a window of what the version in service has scored since the last one."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

import baseline
from columns import Feature
from schema import Schema
from tests.scripts.conftest import Container

RANDOM = np.random.default_rng(0)
SCHEMA = Schema("income", "binary_classification", ("low", "high"), (Feature("age", "number"),))
SCORES = RANDOM.random(5_000)
LABELS = (RANDOM.random(5_000) < SCORES).astype(int)
AGES = RANDOM.normal(40, 10, 5_000)


@pytest.fixture
def watched(container: Container) -> Container:
    """A container with a baseline and a window without batch transforms."""
    folder = container.put("processing/baseline/other", "").parent
    baseline.write(folder, SCHEMA, train=None, test=pd.DataFrame({"age": AGES}), labels=LABELS, predictions=SCORES)
    container.put("processing/window/window.json", json.dumps({"answers": {}}))
    return container


def put_requests(container: Container, folder: str, first: int, last: int, *, older: float = 0) -> None:
    """Puts captured requests of ten records each, with the first one's number as their inference ID."""
    lines = []
    for start in range(first, last, 10):
        asked = "".join(f"{age + older}\n" for age in AGES[start : start + 10])
        answered = "".join(f"{score},1\n" for score in SCORES[start : start + 10])
        part = {"observedContentType": "text/csv", "encoding": "CSV"}
        data = {"endpointInput": part | {"data": asked}, "endpointOutput": part | {"data": answered}}
        lines.append(json.dumps({"captureData": data, "eventMetadata": {"eventId": "e", "inferenceId": str(start)}}))
    container.put(f"processing/{folder}/demo/2026/11/29/10/{first}.jsonl", "\n".join(lines) + "\n")


def put_labels(container: Container, first: int, last: int, labels: np.ndarray = LABELS) -> None:
    """Puts the labels of requests, as SageMaker's ground truth."""
    lines = [
        {
            "groundTruthData": {"data": "\n".join(map(str, labels[start : start + 10])), "encoding": "CSV"},
            "eventMetadata": {"eventId": str(start)},
        }
        for start in range(first, last, 10)
    ]
    container.put("processing/labels/demo/2026/11/30/10/a.jsonl", "\n".join(map(json.dumps, lines)))


def judged(container: Container) -> tuple[dict[str, Any], str]:
    """Runs the job. Returns its summary and its log."""
    log = container.run("monitoring.py")
    found: dict[str, Any] = json.loads(container.read("processing/monitoring/monitoring.json"))
    return found, log


def test_answers_have_their_records_by_the_windows_list(watched: Container) -> None:
    """A batch transform's input and output have different prefixes; captured requests can be in the same window."""
    watched.put("processing/records/demo/data/a.csv", "".join(f"{age}\n" for age in AGES[:1_000]))
    watched.put("processing/answers/demo/out/a.csv.out", "".join(f"{score},1\n" for score in SCORES[:1_000]))
    named = {"answers": {"demo/out/a.csv.out": "demo/data/a.csv"}}
    watched.put("processing/window/window.json", json.dumps(named))
    put_requests(watched, "records", 1_000, 2_000)
    found, _ = judged(watched)
    assert (found["outcome"], found["records"], found["waiting"]) == ("healthy", 2_000, [])
    (scores,) = json.loads(watched.read("processing/monitoring/statistics.json"))["scores"]
    assert scores["numerical_statistics"]["common"] == {"num_present": 2_000, "num_missing": 0}


def test_a_batch_transforms_input_can_have_any_name(watched: Container) -> None:
    """Answers of its own tell it from captured requests."""
    watched.put("processing/records/a.jsonl", "".join(f"{age}\n" for age in AGES[:1_000]))
    watched.put("processing/answers/out/a.jsonl.out", "".join(f"{score},1\n" for score in SCORES[:1_000]))
    watched.put("processing/window/window.json", json.dumps({"answers": {"out/a.jsonl.out": "a.jsonl"}}))
    found, _ = judged(watched)
    assert (found["outcome"], found["records"]) == ("healthy", 1_000)


def test_earlier_requests_are_judged_by_their_labels_only(watched: Container) -> None:
    """They were far off, which an earlier window has said; the features are those of the new records."""
    put_requests(watched, "records", 0, 1_000)
    put_requests(watched, "earlier", 1_000, 3_000, older=50)
    put_labels(watched, 500, 2_000)
    found, log = judged(watched)
    assert (found["outcome"], found["records"]) == ("healthy", 1_000)
    assert found["labels"] == {"records": 1_500, "of": 3_000, "without_record": 0, "share_taken": 1}
    assert "labels: 1,500 of 3,000 records\n" in log


def test_labels_can_come_without_new_records(watched: Container) -> None:
    """The model turns out to be wrong; the next window has the few records, too."""
    put_requests(watched, "records", 0, 100)
    put_requests(watched, "earlier", 1_000, 2_000)
    put_labels(watched, 1_000, 2_000, 1 - LABELS)
    found, log = judged(watched)
    assert (found["outcome"], found["records"], found["waiting"]) == ("drift", 100, ["records"])
    assert {violation["check"] for violation in found["violations"]} == {"quality"}
    assert "fewer than 200 records: the next window has them, too\n" in log
    put_labels(watched, 1_000, 2_000)
    assert judged(watched)[0]["outcome"] == "healthy"


@pytest.mark.parametrize(("older", "outcome"), [(0, "healthy"), (50, "drift")])
def test_few_labels_wait_while_the_records_are_judged(watched: Container, older: float, outcome: str) -> None:
    """Even if none of them has a record: they can be of the version that served before."""
    put_requests(watched, "records", 0, 1_000, older=older)
    put_labels(watched, 0, 100)
    found, log = judged(watched)
    assert (found["outcome"], found["waiting"]) == (outcome, ["labels"])
    assert "fewer than 200 labels: the next window has them, too\n" in log
    put_labels(watched, 4_000, 4_500)
    found, log = judged(watched)
    assert (found["outcome"], found["waiting"]) == (outcome, ["labels"])
    assert "labels: 0 of 1,000 records, 500 labels without a record\n" in log


def test_few_of_both_are_too_little_data(watched: Container) -> None:
    """Neither healthy nor drift."""
    put_requests(watched, "records", 0, 100)
    put_labels(watched, 0, 100, 1 - LABELS)
    found, log = judged(watched)
    assert (found["outcome"], found["waiting"]) == ("too_little_data", ["records", "labels"])
    assert "the next window" not in log


def test_earlier_requests_that_cannot_be_read_fail_the_job(watched: Container) -> None:
    """With the file and the line, as those of the window itself."""
    put_requests(watched, "records", 0, 1_000)
    put_labels(watched, 0, 1_000)
    watched.put("processing/earlier/demo/a.jsonl", "\n{\n")
    assert "demo/a.jsonl, line 2 is not a captured request" in watched.fail("monitoring.py", "output/message")


def test_labels_of_earlier_requests_name_the_line_that_is_wrong(watched: Container) -> None:
    """Requests without a label are not read, but count."""
    put_requests(watched, "earlier", 0, 30)
    file = watched.base / "processing/earlier/demo/2026/11/29/10/0.jsonl"
    first, second, third = file.read_text().splitlines()
    file.write_text("\n".join([first.replace("\\n", ",0\\n"), second, third.replace("\\n", ",0\\n")]))
    put_labels(watched, 10, 30)
    reason = watched.fail("monitoring.py", "output/message")
    assert "0.jsonl, line 3: " in reason
    assert "expected 1 values, as in the baseline, found 2" in reason
